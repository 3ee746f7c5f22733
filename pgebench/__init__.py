"""Benchmark of transferability metrics in computer vision."""

__version__ = "0.1.0"
