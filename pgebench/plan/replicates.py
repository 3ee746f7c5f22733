"""Replicates: how many there may be, and which checkpoint each transfer starts from."""

from __future__ import annotations

from typing import Any

from pgebench.core.errors import ConfigError


def above_zero(key: str, value: int) -> int:
    """A number of replicates.

    Args:
        key: Where it stands in the config, for the message.
        value: What stands there.

    Returns:
        The same number.

    Raises:
        ConfigError: It is below 1: nothing would be computed, and nothing would say so.

    >>> above_zero("checkpoints", 3)
    3
    """
    if value < 1:
        raise ConfigError(f"{key}={value}: give a number above 0")
    return value


def starts(name: str, seeds: Any, checkpoints: int) -> list[int]:
    """The checkpoint that each transfer starts from, by the transfer's number.

    Each checkpoint has its turn before one has a second, so that the first transfers are one from each.

    Args:
        name: Of the truth, for the message.
        seeds: Transfers from each checkpoint: one number for all, or a list with one for each.
        checkpoints: How many there are.

    Returns:
        Numbers of checkpoints.

    Raises:
        ConfigError: ``seeds`` is neither a number above 0 nor a list of as many as there are checkpoints.

    >>> starts("finetune", 2, 3)
    [0, 1, 2, 0, 1, 2]
    >>> starts("finetune", [2, 1, 1], 3)
    [0, 1, 2, 0]
    """
    each = seeds if isinstance(seeds, list) else [seeds] * checkpoints
    # Not isinstance: true is an int to Python, and no number of transfers.
    if len(each) != checkpoints or any(type(one) is not int or one < 1 for one in each):
        raise ConfigError(
            f"truth.{name}.seeds={seeds}: give a number above 0, or a list with one for each checkpoint "
            f"(checkpoints={checkpoints}); budget.truth_seeds sets it for all truths"
        )
    return [number for turn in range(max(each)) for number, several in enumerate(each) if turn < several]
