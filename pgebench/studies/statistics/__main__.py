"""The simulation study as a command: ``python -m pgebench.studies.statistics results=results/reference``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from pgebench.core.errors import ConfigError
from pgebench.core.say import say
from pgebench.core.terminal import command


@dataclass(frozen=True)
class StatisticsOptions:
    """Simulate benchmarks whose truth is known, to see whether the intervals and tests of a report keep their word.

    Parts that are in ``statistics/statistics.csv`` with the same numbers are not computed again.

    Attributes:
        results: Folder for ``statistics.md``, its table and its figures.
        benchmarks: Simulated benchmarks in each part, 2 or more.
        resamples: Draws of the bootstrap, and shuffles, in each benchmark, 2 or more.

    Raises:
        ConfigError: A number is below 2.

    Examples:
        ``python -m pgebench.studies.statistics results=results/simulation benchmarks=20``
    """

    results: Path = Path("results/reference")
    benchmarks: int = 200
    resamples: int = 300

    def __post_init__(self) -> None:
        if min(self.benchmarks, self.resamples) < 2:
            raise ConfigError("benchmarks and resamples must be at least 2")


def main(arguments: list[str]) -> None:
    """Run what is not there yet, and write ``statistics.md`` with its table and figures.

    Args:
        arguments: ``key=value``, see `StatisticsOptions`.
    """
    command("python -m pgebench.studies.statistics", StatisticsOptions, _study, arguments)


def _study(options: StatisticsOptions) -> None:
    """Run the study.

    Args:
        options: How much, and where to.
    """
    from pgebench.studies.statistics.page import write_page
    from pgebench.studies.statistics.study import parts, run_parts

    rows = run_parts(options.results / "statistics" / "statistics.csv", options.benchmarks, options.resamples, parts())
    say(f"Report: {write_page(rows, options.results)}")


if __name__ == "__main__":
    main(sys.argv[1:])
