"""Boxes: the evidence of a finished study in a small file beside its records, so that a metric is judged in seconds."""
