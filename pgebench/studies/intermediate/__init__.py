"""Intermediate training: what a source chosen by a metric is worth against fine-tuning without one."""
