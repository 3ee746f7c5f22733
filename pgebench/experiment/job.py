"""Several cells in one job of the launcher, where starting a job takes long.

A launcher takes the overrides of one config for a job. Those of the further cells travel in the key ``more_cells``, and
the job composes their configs with the loader that Hydra hands on to every job.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import cast

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from pgebench.plan.sweep import plain


def in_jobs(cells: Sequence[Sequence[str]], size: int) -> list[list[str]]:
    """The overrides of jobs that run at most ``size`` cells each; neighbours stay together.

    Args:
        cells: overrides of each cell.
        size: 1 or more.

    >>> in_jobs([["a=1"], ["a=2"], ["a=3"]], size=2)
    [['a=1', "more_cells=[['a=2']]"], ['a=3']]
    """
    jobs = []
    for start in range(0, len(cells), size):
        first, *others = cells[start : start + size]
        more = ",".join(f"[{','.join(map(_quoted, cell))}]" for cell in others)
        jobs.append([*first, f"more_cells=[{more}]"] if others else list(first))
    return jobs


def cells_of(config: DictConfig) -> Iterator[DictConfig]:
    """The configs of all cells of a job, within that job.

    Args:
        config: as the launcher hands it to the job, which is that of its first cell.
    """
    yield config
    for overrides in plain(config.more_cells):
        composed = cast(DictConfig, HydraConfig.instance().cfg)
        yield GlobalHydra.instance().config_loader().load_sweep_config(composed, overrides)


def _quoted(text: str) -> str:
    """A string in Hydra's grammar that stands for exactly this text in the config."""
    # A backslash is one before a quote only, and `${` begins an interpolation, which the cell's own config resolves.
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    text = re.sub(r"(\\*)('|$)", lambda match: match[1] * 2 + ("\\'" if match[2] else ""), text)
    return f"'{text}'"
