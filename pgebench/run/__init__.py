"""Running units, each at most once."""
