"""Options of every command that is no sweep. The docstrings are what ``--help`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pgebench.core.machine import available_cores
from pgebench.core.options import UsageError
from pgebench.ranking.request import Wish

DIR = {"shown": "DIR"}


@dataclass(frozen=True)
class ReportOptions:
    """Build the report of a finished experiment again, from its table of records alone.

    Attributes:
        results: Results folder of the experiment, with ``records.parquet`` in it.

    Examples:
        ``pgebench-report results=results/embedded``
    """

    results: Path = field(metadata=DIR)


@dataclass(frozen=True)
class StatusOptions:
    """Say how far a sweep has come, from a second terminal or after it ended.

    Prints how many units of each stage are done, running, failed and missing, the time that is left, and the slowest,
    running and failed units by name.

    Attributes:
        results: Results folder of the sweep, with ``plan.json`` in it.

    Examples:
        ``pgebench-status results=results/embedded``
    """

    results: Path = field(metadata=DIR)


@dataclass(frozen=True)
class CompareOptions:
    """Say what changed between two runs: settings, values, places in the league, costs.

    Attributes:
        results: Two results folders with a comma between them, the earlier one first.
        out: Markdown file for what is printed; none if empty.

    Examples:
        ``pgebench-compare results=results/reference/embedded,results/embedded``
    """

    results: tuple[str, ...] = field(metadata={"shown": "A,B"})
    out: Path | None = None

    def __post_init__(self) -> None:
        if len(self.results) != 2:
            raise UsageError(f"give two results folders; here are {len(self.results)}")


@dataclass(frozen=True)
class PgeOptions:
    """Study PGE itself: gradients, ablation, controls, and its rankings beside those of other metrics.

    Computes thousands of gradients per dataset the first time. They are kept in the store (25 GB for each backbone of
    400,000 parameters; 16 GB of memory), and an interrupted study goes on where it was.

    Attributes:
        experiment: Name in ``conf/experiment`` whose datasets are used.
        backbone: Name in ``conf/backbone``.
        truths: Results folder of that experiment, for its fine-tuning accuracies.
        results: Folder for the report of the study.
        store: Folder where gradients are kept.
        workers: Processes beside each other.
        draw: Number of the draw of weights and episodes; gradients of two draws are independent.
        chosen: Results folders of studies: the variant is chosen on their choosing halves; the one in results= is this.
        brief: Whether nothing is computed but what was chosen there and what it is named beside: minutes.

    Examples:
        ``pgebench-pge``

        ``pgebench-pge results=results/pge store=/data/store workers=8``

        ``pgebench-pge draw=1 chosen=results/pge brief=true results=results/draw1``
    """

    experiment: str = "embedded_full"
    backbone: str = "test_resnet"
    truths: Path = Path("results/reference/embedded_full")
    results: Path = Path("results/pge")
    store: Path = Path("results/store")
    workers: int = field(default_factory=available_cores)
    draw: int = 0
    chosen: tuple[str, ...] = field(default=(), metadata={"shown": "A,B"})
    brief: bool = False


@dataclass(frozen=True)
class DashboardOptions:
    """Create a workspace and a report of pgebench's runs in Weights & Biases.

    Needs the package wandb-workspaces (``pip install 'pgebench[dashboard]'``) and, unless it is a check, a login.

    Attributes:
        entity: Owner of the project: a user or a team. Must be given, unless it is a check.
        project: Project that the runs are in.
        check: Only print what would be created; needs no login. The bare word ``check`` says the same.

    Examples:
        ``pgebench-dashboard check``

        ``pgebench-dashboard entity=NAME``
    """

    entity: str = ""
    project: str = "pgebench"
    check: bool = False

    def __post_init__(self) -> None:
        if not (self.entity or self.check):
            raise UsageError("give entity=NAME, or the word check")


COMMANDS: Mapping[str, type[Any]] = {
    "pgebench-report": ReportOptions,
    "pgebench-status": StatusOptions,
    "pgebench-compare": CompareOptions,
    "pgebench-rank": Wish,
    "pgebench-pge": PgeOptions,
    "pgebench-dashboard": DashboardOptions,
}
"""The commands beside ``pgebench``, with their options."""
