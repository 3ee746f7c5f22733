"""Ranking sources for a new target by its principal gradient alone."""
