"""What the package says of published tables, against SciPy on the tables and against their committed page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pgebench.published import load
from pgebench.published.expected import mean_tau
from pgebench.published.scores import of_metric, oriented_scores
from pgebench.published.tables import names
from pgebench.ranking.published_worth import published_worth, summarise

PAGE = Path(__file__).parents[2] / "results/reference/published/README.md"


@pytest.mark.parametrize("name", names())
def test_what_the_package_knows_is_what_the_page_says(name: str) -> None:
    assert published_worth()[name] == summarise(load(name), PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["tllib", "model_spider", "medmnist_sources", "medmnist_models"])
def test_weighted_taus_are_scipys(name: str) -> None:
    table, league = load(name), published_worth()[name].league
    scores = oriented_scores(table)
    metrics = set(scores.index.get_level_values("metric"))
    assert metrics <= set(league)
    for metric in metrics:
        one = of_metric(scores, metric).where(table.transfers.notna())
        # Where all candidates have one score the league counts 0; SciPy has no such rule.
        if any(len(np.unique(column.dropna())) < 2 for _, column in one.items() if column.notna().any()):
            continue
        assert league[metric].weighted_tau == pytest.approx(mean_tau(table, one), abs=0.02), metric


def test_every_table_has_the_ranker_that_looks_at_nothing() -> None:
    for table in published_worth().values():
        assert {"static", "random"} <= set(table.league)
        assert table.candidates > 1
