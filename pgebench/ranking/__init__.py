"""Ranking sources and pretrained backbones for a new target, and the score of one metric by itself."""
