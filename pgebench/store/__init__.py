"""The content-addressed store of units."""
