"""The page of the three words as a command: ``python -m pgebench.studies.claims``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from pgebench.core.say import say
from pgebench.core.terminal import command


@dataclass(frozen=True)
class ClaimsOptions:
    """Hold PGE's three words, stable, reliable and efficient, against finished runs.

    Computes nothing anew: it reads the tables of the runs and writes ``claims.md`` and ``claims.csv``.

    Attributes:
        results: Folder to write to.
        league: Results folders whose leagues tell how reliable a metric is; the costs are those of the first.
        stability: Results folder of a run with variations.

    Examples:
        ``python -m pgebench.studies.claims league=results/embedded stability=results/stability results=results``
    """

    results: Path = Path("results/reference")
    league: tuple[Path, ...] = (Path("results/reference/embedded_full"), Path("results/reference/embedded"))
    stability: Path = Path("results/reference/stability")


def main(arguments: list[str]) -> None:
    """Write the page.

    Args:
        arguments: ``key=value``, see `ClaimsOptions`.
    """
    command("python -m pgebench.studies.claims", ClaimsOptions, _write, arguments)


def _write(options: ClaimsOptions) -> None:
    from pgebench.core.files import write_atomically
    from pgebench.studies.claims.measured import measured
    from pgebench.studies.claims.page import page

    found = measured(options.league, options.stability)
    path = options.results / "claims.md"
    write_atomically(options.results / "claims.csv", found.to_csv(index=False, float_format="%.6g").encode())
    write_atomically(path, page(found).encode())
    say(f"Report: {path}")


if __name__ == "__main__":
    main(sys.argv[1:])
