"""The authors' budget as a command, draw by draw: ``python -m pgebench.studies.pge draw=0``."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from pgebench.core.errors import ConfigError
from pgebench.core.machine import available_cores
from pgebench.core.say import say
from pgebench.core.terminal import command
from pgebench.studies.pge.full_budget import DRAWS, FEW, WHOLE


@dataclass(frozen=True)
class DrawOptions:
    """Compute one of the five draws that together are the 40,000 gradients per dataset of PGE's authors.

    Takes hours. Gradients are kept in the store, and an interrupted draw goes on where it was. What is left of them in
    the end is a small file per draw in ``results``; the page there is made of all that it finds.

    Attributes:
        draw: Number of the draw, from 0: 3,200, 6,800 and three times 10,000 gradients per dataset.
        experiment: Name in ``conf/experiment`` whose datasets are used.
        backbone: Name in ``conf/backbone``.
        targets: Their training images: ``whole``, as the authors have them, or ``few``, as the experiment does.
        truths: Results folder of a run on this backbone with these datasets at least, for its fine-tuning accuracies.
        results: Folder for the draws' files and the page.
        store: Folder where gradients are kept.
        workers: Processes beside each other.

    Raises:
        ConfigError: There is no such draw, or other targets.

    Examples:
        ``python -m pgebench.studies.pge draw=0 store=/data/store``
    """

    draw: int = 0
    experiment: str = "embedded"
    backbone: str = "test_resnet"
    targets: str = WHOLE
    truths: Path = Path("results/reference/embedded_full")
    results: Path = Path("results/pge/full_budget")
    store: Path = Path("results/store")
    workers: int = field(default_factory=available_cores)

    def __post_init__(self) -> None:
        if not 0 <= self.draw < len(DRAWS):
            raise ConfigError(f"draw={self.draw}: there are the draws 0 to {len(DRAWS) - 1}")
        if self.targets not in (WHOLE, FEW):
            raise ConfigError(f"targets={self.targets}: choose from {WHOLE}, {FEW}")


def main(arguments: list[str]) -> None:
    """Compute what is not there yet of a draw.

    Args:
        arguments: ``key=value``, see `DrawOptions`.
    """
    command("python -m pgebench.studies.pge", DrawOptions, _draw, arguments)


def _draw(options: DrawOptions) -> None:
    from pgebench.store.format import open_store
    from pgebench.studies.pge.full_budget_run import compute_draw

    page = compute_draw(
        options.draw,
        about={"experiment": options.experiment, "backbone": options.backbone, "targets": options.targets},
        truths=options.truths,
        results=options.results,
        store=open_store(options.store, create=True),
        workers=options.workers,
    )
    say(f"Report: {page}")


if __name__ == "__main__":
    main(sys.argv[1:])
