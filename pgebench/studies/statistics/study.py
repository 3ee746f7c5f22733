"""The whole simulation study: which situations, one after the other, written as it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd

from pgebench.core.files import write_atomically
from pgebench.core.say import say
from pgebench.studies.statistics.chance import chance
from pgebench.studies.statistics.coverage import coverage
from pgebench.studies.statistics.layout import EMBEDDED, EMBEDDED_FULL, Layout
from pgebench.studies.statistics.nested import population, rerun
from pgebench.studies.statistics.nested_power import contrast_power
from pgebench.studies.statistics.nested_recovery import recovered_levels, two_ceilings
from pgebench.studies.statistics.power import power
from pgebench.studies.statistics.recovery import ceilings, planted
from pgebench.studies.statistics.simulated_mean import SimulatedMean
from pgebench.studies.statistics.spread import spread
from pgebench.studies.statistics.world import Situation

BOTH = Situation("both")
SOURCE = Situation("source effect only", shared=1.0)
INTERACTION = Situation("interaction only", shared=0.0)
SPECIAL = (
    SOURCE,
    INTERACTION,
    Situation("heavy tails", heavy=True),
    Situation("two backbones", backbones=2),
    Situation("untidy", untidy=True),
    Situation("few sources", sources=4, targets=16),
    Situation("few targets", sources=16, targets=4),
)
SIZES = ((6, 6), (8, 11), (11, 11), (16, 16), (30, 30))
SEEDS = (1, 3, 5)
TARGETS = (6, 11, 16, 24, 32)
LAID_OUT = ("population", "rerun", "two_ceilings", "levels", "contrast_power")


@dataclass(frozen=True)
class Part:
    """One piece of the study.

    Attributes:
        study: `coverage`, `spread`, `chance`, `planted`, `ceiling` or `power` of a situation; `population`, `rerun`,
            `two_ceilings`, `levels` or `contrast_power` of a layout.
        situation: How its benchmarks are drawn.
    """

    study: str
    situation: Situation | Layout

    def row(self) -> dict[str, object]:
        """What names this part in `statistics.csv`."""
        shape = {key: getattr(self.situation, key) for key in SHAPE}
        return {"study": self.study, "situation": self.situation.name} | shape


SHAPE = ("sources", "targets", "seeds", "backbones")


def parts() -> list[Part]:
    """All parts, in the order in which they are reported."""
    sized = [replace(BOTH, sources=sources, targets=targets) for sources, targets in SIZES]
    small = [replace(each, sources=6, targets=6) for each in SPECIAL[:2]]
    large = [replace(each, sources=16, targets=16) for each in SPECIAL[:2]]
    seeded = [replace(BOTH, seeds=seeds) for seeds in SEEDS if seeds != BOTH.seeds]
    ceiled = [replace(BOTH, seeds=seeds) for seeds in (2, 3, 5, 10)]
    noisy = replace(BOTH, noise=1.5)
    return [
        *(Part(study, layout) for study in LAID_OUT for layout in (EMBEDDED, EMBEDDED_FULL)),
        *(Part("coverage", each) for each in (*sized, *seeded, *SPECIAL, *small, *large)),
        *(Part("spread", each) for each in (BOTH, *SPECIAL[:2])),
        *(Part("chance", replace(each, name=name)) for name, each in CHANCE),
        *(Part("planted", replace(each, name=name)) for name, each in PLANTED),
        *(Part("ceiling", each) for each in ceiled),
        *(Part("ceiling", replace(noisy, name="noisy", seeds=seeds)) for seeds in (2, 3, 5, 10)),
        *(Part("power", replace(BOTH, sources=sources, targets=n)) for sources in (8, 16) for n in TARGETS),
    ]


CHANCE = (
    ("nothing but interaction", INTERACTION),
    ("fixed order of sources", SOURCE),
    ("both", BOTH),
    ("small", replace(BOTH, sources=6, targets=6)),
    ("untidy", replace(BOTH, untidy=True)),
    ("two backbones", replace(BOTH, backbones=2)),
)
LEVELS = (0.0, 0.3, 0.6, 0.9)
PLANTED = tuple(
    (each.name, replace(each, by_source=LEVELS, by_interaction=LEVELS))
    for each in (BOTH, SOURCE, INTERACTION, replace(BOTH, seeds=1), replace(BOTH, sources=6, targets=6))
)


def simulated_means(part: Part, benchmarks: int, resamples: int) -> list[SimulatedMean]:
    """Run one part; its random numbers depend on nothing but the part itself."""
    rng = np.random.default_rng(crc32(repr(part.row()).encode()))
    of_situation: dict[str, Callable[[Situation], list[SimulatedMean]]] = {
        "coverage": lambda one: coverage(one, benchmarks, resamples, rng),
        "spread": lambda one: spread(one, benchmarks, resamples, rng),
        "chance": lambda one: chance(one, benchmarks, resamples, rng),
        "planted": lambda one: planted(one, benchmarks, rng),
        "ceiling": lambda one: ceilings(one, benchmarks, rng),
        "power": lambda one: power(one, benchmarks, resamples, rng),
    }
    of_layout: dict[str, Callable[[Layout], list[SimulatedMean]]] = {
        "population": lambda one: population(one, benchmarks, resamples, rng),
        "rerun": lambda one: rerun(one, benchmarks, rng),
        "two_ceilings": lambda one: two_ceilings(one, benchmarks, rng),
        "levels": lambda one: recovered_levels(one, benchmarks, rng),
        "contrast_power": lambda one: contrast_power(one, benchmarks, resamples, rng),
    }
    if isinstance(part.situation, Layout):
        return of_layout[part.study](part.situation)
    return of_situation[part.study](part.situation)


def run_parts(
    path: Path, benchmarks: int, resamples: int, wanted: list[Part], say: Callable[[str], None] = say
) -> pd.DataFrame:
    """Run the parts whose means are not yet in a file, and write it after each.

    Args:
        path: `statistics.csv`; parts found there with the same number of benchmarks and resamples are kept.
        benchmarks: Simulated benchmarks in each part.
        resamples: Draws of the bootstrap, and shuffles, in each benchmark.
        wanted: The parts.
        say: Told what is done.

    Returns:
        One row per mean, in the order of `wanted`.
    """
    known = _known(path, benchmarks, resamples)
    done: list[dict[str, object]] = []
    for number, part in enumerate(wanted, 1):
        kept = [row for row in known if all(row[key] == value for key, value in part.row().items())]
        if not kept:
            say(f"{number}/{len(wanted)} {part.study}: {part.situation.name}")
            settings = {"benchmarks": benchmarks, "resamples": resamples}
            kept = [{**part.row(), **asdict(each), **settings} for each in simulated_means(part, benchmarks, resamples)]
        done += kept
        rest = [row for row in known if row not in done]
        text = pd.DataFrame([*done, *rest]).to_csv(index=False, float_format="%.6g", lineterminator="\n")
        write_atomically(path, text.encode())
    # Read back, so that a resumed study and one in a single go have the same digits.
    return pd.read_csv(path)


def _known(path: Path, benchmarks: int, resamples: int) -> list[dict[str, object]]:
    if not path.is_file():
        return []
    rows = pd.read_csv(path)
    rows = rows[(rows["benchmarks"] == benchmarks) & (rows["resamples"] == resamples)]
    return [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]
