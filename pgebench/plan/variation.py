"""The values of a variation, put into configs that are composed already.

To Hydra an override like ``target.train_per_class=2`` is a value that is set once the config is composed; composing
takes many times as long as that. A variation changes one factor, so all but its values is composed once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import lru_cache

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

MOST = 64
"""Composed configs that are remembered: some take a megabyte, and a sweep may have thousands."""

Compose = Callable[[Sequence[str]], DictConfig]
"""Overrides of one cell -> its config."""

NUMBERS = ("checkpoints", "seed", "transfer_seed", "metric_seed")
"""Keys without a dot that are values; the others without one choose in a group of configs."""


def remembered(compose: Compose) -> Compose:
    """The same, composing what was composed before only once; what it returns must not be changed.

    Args:
        compose: As Hydra does it.

    Returns:
        Another function.
    """
    known = lru_cache(maxsize=MOST)(lambda chosen: compose(list(chosen)))
    return lambda chosen: known(tuple(chosen))


def split(changed: Sequence[Override], before: Sequence[Override]) -> tuple[list[Override], list[Override]]:
    """What must be composed, and the values that can be put in afterwards.

    Args:
        changed: Overrides of a variation.
        before: Those that stand before them.

    Returns:
        The two, in their order. Where values meet others of the same subtree nothing is put in afterwards: their order
        would matter.

    >>> from hydra.core.override_parser.overrides_parser import OverridesParser
    >>> parse = OverridesParser.create().parse_overrides
    >>> found = split(parse(["target.draw=1", "truth=[]", "seed=3"]), parse(["seed=1,2"]))
    >>> [[one.input_line for one in part] for part in found]
    [['truth=[]', 'seed=3'], ['target.draw=1']]
    """
    values = [one for one in changed if _is_value(one)]
    keys = [one.get_key_element() for one in (*before, *changed)]
    alone = [one for one in values if sum(_meet(one.get_key_element(), key) for key in keys) == 1]
    return [one for one in changed if one not in alone], alone


def _is_value(override: Override) -> bool:
    key = override.get_key_element()
    plain = not (override.is_add() or override.is_force_add() or override.is_delete() or override.is_sweep_override())
    return plain and override.package is None and "/" not in key and ("." in key or key in NUMBERS)


def _meet(one: str, other: str) -> bool:
    """Whether one key is the other or lies within it."""
    return f"{one}.".startswith(f"{other.lstrip('+~')}.") or f"{other.lstrip('+~')}.".startswith(f"{one}.")


def put_in(values: Sequence[Override], compose: Compose) -> Compose:
    """Composing with values set afterwards, as Hydra sets them.

    Args:
        values: From ``split``.
        compose: Gives configs that are left as they are.

    Returns:
        A function that gives the configs with all of ``values``, for whatever other overrides.
    """
    if not values:
        return compose

    def composed(chosen: Sequence[str]) -> DictConfig:
        config = copy.deepcopy(compose(chosen))
        try:
            for one in values:
                OmegaConf.update(config, one.key_or_group, one.value(), merge=True)
        except OmegaConfBaseException:
            # No such key, or not of its type: Hydra says so in the words that users know.
            return compose([*chosen, *(str(one.input_line) for one in values)])
        return config

    return composed
