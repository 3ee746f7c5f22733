"""Commands: what one types."""
