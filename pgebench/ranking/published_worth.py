"""Worth of metrics on published tables: how well they ranked models whose fine-tuning others have paid for.

``published_worth.json`` comes with the package, as ``reference.json`` does. It is made from the committed page
``results/reference/published/README.md`` by ``python -m pgebench.ranking.published_worth``, for the leagues themselves
take minutes; a test holds its numbers against SciPy's on the tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from pgebench.core.files import write_atomically
from pgebench.published import load
from pgebench.published.tables import PublishedTable, names
from pgebench.report.wording import MINUS

FILE = Path(__file__).parent / "published_worth.json"
PAGE = Path("results/reference/published/README.md")
LEAGUES = "## Which ranker"
"""Where the leagues begin on the page."""

_ROW = re.compile(r"^\| `([^`]+)` \| ([\d.-]+) \|(?: ([\d.-]+) to ([\d.-]+))? \|$", re.MULTILINE)


@dataclass(frozen=True)
class Judged:
    """A ranker on one published table.

    Attributes:
        weighted_tau: Mean over the targets, in [-1, 1].
        low: Lower end of the 95 % interval; None where there is none.
        high: Upper end.
    """

    weighted_tau: float
    low: float | None
    high: float | None

    @property
    def beats_chance(self) -> bool:
        """Whether its interval lies above 0."""
        return self.low is not None and self.low > 0


@dataclass(frozen=True)
class OnTable:
    """One published table, and what rankers were worth on it.

    Attributes:
        title: Of the table.
        venue: Where it was published.
        question: ``sources`` or ``backbones``.
        criterion: What its truths measure.
        candidates: How many are ranked.
        targets: For how many datasets.
        league: Ranker -> what it was worth; a published metric goes by its own name.
        printed: Metric -> mean of the weighted taus that the authors print, where the scores are not published.
    """

    title: str
    venue: str
    question: str
    criterion: str
    candidates: int
    targets: int
    league: Mapping[str, Judged]
    printed: Mapping[str, float]


@cache
def published_worth() -> dict[str, OnTable]:
    """The published tables by their names.

    >>> table = published_worth()["tllib"]
    >>> table.question, 0 < table.league["logme"].weighted_tau < table.league["static"].weighted_tau
    ('backbones', True)
    """
    found = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        name: OnTable(**fields | {"league": {metric: Judged(**one) for metric, one in fields["league"].items()}})
        for name, fields in found.items()
    }


def summarise(table: PublishedTable, page: str) -> OnTable:
    """What the page of the published tables says about one of them.

    Args:
        table: The table.
        page: Text of ``PAGE``.
    """
    about = table.about
    section = page[page.index(LEAGUES) :].partition(f"### `published.{table.name}`\n")[2].partition("\n#")[0]
    league = {
        metric.removesuffix(f" ({table.name})"): Judged(*(float(value) if value else None for value in values))  # type: ignore[arg-type]
        for metric, *values in _ROW.findall(section.replace(MINUS, "-"))
    }
    taus: dict[object, float] = {}
    if not table.correlations.empty:
        taus = pd.DataFrame(table.correlations.xs("weighted_tau", level="statistic")).mean(axis="columns").to_dict()
    return OnTable(
        title=about.title,
        venue=about.venue,
        question=about.question,
        criterion=about.criterion,
        candidates=len(table.candidates),
        targets=len(table.transfers.columns),
        league=league,
        printed={str(metric): round(float(tau), 3) for metric, tau in taus.items() if metric not in league},
    )


def main() -> None:
    """Write ``published_worth.json`` anew from the tables and their page."""
    page = PAGE.read_text(encoding="utf-8")
    found = {name: asdict(summarise(load(name), page)) for name in names()}
    write_atomically(FILE, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
