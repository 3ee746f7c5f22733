"""What stands beside the points of a picture: round times on an axis, and labels that don't overlap."""

from __future__ import annotations

from collections.abc import Sequence

TIMES = (1e-3, 1e-2, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 36_000.0, 86_400.0, 864_000.0, 8_640_000.0)
"""Round times for a logarithmic axis, in seconds: 1 ms to 100 days."""


def time_tick(seconds: float) -> str:
    """One of `TIMES` in words.

    >>> [time_tick(seconds) for seconds in (0.1, 60.0, 36_000.0, 864_000.0)]
    ['0.1 s', '1 min', '10 h', '10 d']
    """
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def spread_labels(heights: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Heights of labels moved apart so that neighbours differ by at least `gap`, in the order given.

    Args:
        heights: Where the labels would stand best.
        gap: Height of a label.
        low: No label stands below it, unless there is no room.
        high: Nor above this.

    >>> [round(h, 6) for h in spread_labels([0.5, 0.5, 0.1], gap=0.1, low=0.0, high=1.0)]
    [0.45, 0.55, 0.1]
    >>> [round(h, 6) for h in spread_labels([0.9, 1.0, 1.0, 0.0], gap=0.2, low=0.0, high=1.0)]
    [0.6, 0.8, 1.0, 0.0]
    """
    order = sorted(range(len(heights)), key=lambda i: (heights[i], i))
    # Groups of touching labels, each centred on its own mean; a group that meets the one below is merged with it.
    groups: list[list[int]] = []
    for i in order:
        groups.append([i])
        while len(groups) > 1 and _bottom(groups[-1], heights, gap) < _top(groups[-2], heights, gap) + gap:
            last = groups.pop()
            groups[-1].extend(last)
    placed = [0.0] * len(heights)
    for group in groups:
        for step, i in enumerate(group):
            placed[i] = _bottom(group, heights, gap) + step * gap
    # What reaches over an end is pushed back, and pushes its neighbours.
    for i in order:
        low = placed[i] = max(placed[i], low)
        low += gap
    for i in reversed(order):
        high = placed[i] = min(placed[i], high)
        high -= gap
    return placed


def _bottom(group: list[int], heights: Sequence[float], gap: float) -> float:
    return sum(heights[i] for i in group) / len(group) - gap * (len(group) - 1) / 2


def _top(group: list[int], heights: Sequence[float], gap: float) -> float:
    return sum(heights[i] for i in group) / len(group) + gap * (len(group) - 1) / 2
