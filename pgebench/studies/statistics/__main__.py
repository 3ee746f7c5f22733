"""The simulation study as a command: ``python -m pgebench.studies.statistics results=results/reference``."""

from __future__ import annotations

import sys
from pathlib import Path

from pgebench.core.errors import PgebenchError

DEFAULTS = {"results": "results/reference", "benchmarks": "200", "resamples": "300"}


def main(arguments: list[str]) -> None:
    """Run what is not there yet, and write ``statistics.md`` with its table and figures.

    Args:
        arguments: ``key=value`` over `DEFAULTS`.
    """
    given = dict(argument.partition("=")[::2] for argument in arguments)
    usage = "python -m pgebench.studies.statistics " + " ".join(f"{key}={value}" for key, value in DEFAULTS.items())
    if unknown := sorted(set(given) - set(DEFAULTS)):
        raise SystemExit(f"error: no option {', '.join(unknown)}; with their defaults: {usage}")
    options = DEFAULTS | given
    try:
        benchmarks, resamples = int(options["benchmarks"]), int(options["resamples"])
    except ValueError:
        raise SystemExit(f"error: benchmarks and resamples are whole numbers: {usage}") from None
    if min(benchmarks, resamples) < 2:
        raise SystemExit("error: benchmarks and resamples must be at least 2")
    from pgebench.studies.statistics.study import parts, run

    results = Path(options["results"])
    try:
        rows = run(results / "statistics" / "statistics.csv", benchmarks, resamples, parts())
        from pgebench.studies.statistics.page import write_page

        print(f"Report: {write_page(rows, results)}")
    except (OSError, PgebenchError) as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main(sys.argv[1:])
