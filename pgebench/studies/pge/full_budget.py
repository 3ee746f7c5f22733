"""The authors' procedure at the authors' budget: 40,000 gradients a dataset, in draws that several sessions share.

The gradients of one seed are independent of those of another, so the mean over draws is the mean over all gradients.
A draw is an ordinary unit of the store: an interrupted one goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pgebench.pge import GradientSettings
from pgebench.plan.cell import Named
from pgebench.store.unit import Unit
from pgebench.studies.pge.gradients import Tasks, fitting, gradient_unit

AUTHORS = GradientSettings(restart="fresh", branches="open", crop=0.875)
"""Their procedure: resnet18 is built with ``zero_init_residual=False``, and most of their datasets are resized to 256
pixels and cut to 224 at random."""


@dataclass(frozen=True)
class Draw:
    """Gradients of one seed.

    Attributes:
        seed: Of weights, episodes and crops.
        gradients: How many for each dataset.
        snapshots: Numbers of gradients after which the mean is kept too.
    """

    seed: int
    gradients: int
    snapshots: tuple[int, ...] = ()

    @property
    def settings(self) -> GradientSettings:
        """How these gradients are estimated."""
        fields = vars(AUTHORS) | {"seed": self.seed, "episodes": self.gradients, "snapshots": self.snapshots}
        return GradientSettings(**fields)


DRAWS = (
    Draw(0, 3200, (25, 50, 100, 200, 400, 800, 1600)),
    Draw(1, 6800, (1600, 3200)),
    Draw(2, 10_000),
    Draw(3, 10_000),
    Draw(4, 10_000),
)
"""Together 40,000 gradients: 400 epochs of 100 episodes."""


WHOLE, FEW = "whole", "few"
"""Training images of targets: all, as the authors have them, or as few as in the experiment, as a practitioner has."""


def draw_units(tasks: Tasks, draw: Draw, targets: str = WHOLE) -> dict[tuple[str, str], Unit]:
    """The gradient of every dataset in one draw.

    Args:
        tasks: Backbone and datasets.
        draw: Seed and number of gradients.
        targets: ``WHOLE`` or ``FEW``; with few images every dataset has as many support images as the targets allow.

    Returns:
        (role, name of the dataset) -> unit.
    """
    few = targets == FEW
    settings = fitting(tasks, draw.settings) if few else draw.settings
    as_targets = tasks.targets if few else [_whole(target) for target in tasks.targets]
    return {
        (role, dataset.name): gradient_unit(tasks, dataset, settings, role)
        for role, datasets in (("source", tasks.sources), ("target", as_targets))
        for dataset in datasets
    }


def _whole(target: Named) -> Named:
    return replace(target, config={**target.config, "train_per_class": None})
