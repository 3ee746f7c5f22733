"""Weights & Biases: learning curves while a sweep runs, and the report when it ends.

All of it happens in a process of its own, which is killed when it does not end in time: a result must not be lost to a
log, nor wait for one.
"""

from pgebench.tracking.tracker import Tracker

__all__ = ["Tracker"]
