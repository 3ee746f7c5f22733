"""Other criteria of the truth: the league that the records would give if they held that criterion alone."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.criteria import CRITERIA
from pgebench.analysis.league import Analysis, analyse
from pgebench.core.metric_facts import metric_facts


@pytest.fixture(scope="module")
def records(study: tuple[pd.DataFrame, dict]) -> pd.DataFrame:
    """The study with an AUROC that is accuracy with noise, and a balanced accuracy that is accuracy itself."""
    table, random = study[0].copy(), np.random.default_rng(0)
    truths = table.stage == "truth"
    table.loc[truths, "detail"] = [
        json.dumps({"learning_rate": 0.001, "balanced_accuracy": value, "macro_auroc": value + 0.05 * random.normal()})
        for value in table.value[truths]
    ]
    return table


def _analysed(records: pd.DataFrame, meta: dict) -> Analysis:
    return analyse(records, metric_facts(meta), collections=meta["collections"], resamples=50, shuffles=50)


@pytest.fixture(scope="module")
def analysis(records: pd.DataFrame, study: tuple[pd.DataFrame, dict]) -> Analysis:
    return _analysed(records, study[1])


def test_each_criterion_gives_the_league_of_records_that_hold_nothing_else(
    analysis: Analysis, records: pd.DataFrame, study: tuple[pd.DataFrame, dict]
) -> None:
    assert tuple(one.name for one in analysis.criteria) == CRITERIA
    auroc = analysis.criteria[1]
    table = records.copy()
    truths = table.stage == "truth"
    table.loc[truths, "value"] = [json.loads(text)["macro_auroc"] for text in table.detail[truths]]
    alone = _analysed(table, study[1]).results[0]
    expected = alone.league.set_index("metric")
    for _, row in auroc.league.iterrows():
        assert row[PRIMARY] == pytest.approx(expected.loc[row["metric"], PRIMARY])
        assert row["low"] <= row[PRIMARY] <= row["high"]
    assert auroc.ceiling.repeat == pytest.approx(alone.ceiling[PRIMARY].repeat)
    assert auroc.rerun.repeat == pytest.approx(alone.rerun[PRIMARY].repeat)


def test_a_criterion_that_is_accuracy_agrees_with_it_and_a_noisy_one_less(analysis: Analysis) -> None:
    same, noisy = analysis.criteria
    assert same.agreement == pytest.approx(1)
    assert noisy.agreement < 0.9
    league = analysis.results[0].league.set_index("metric")
    for _, row in same.league.iterrows():
        assert row[PRIMARY] == pytest.approx(league.loc[row["metric"], PRIMARY])


def test_records_of_an_earlier_version_have_no_other_criterion(
    records: pd.DataFrame, study: tuple[pd.DataFrame, dict]
) -> None:
    assert not _analysed(study[0], study[1]).criteria
    one_lacks = records.copy()
    one_lacks.loc[one_lacks.index[one_lacks.stage == "truth"][0], "detail"] = "{}"
    assert not _analysed(one_lacks, study[1]).criteria


def test_the_report_shows_the_league_by_each_criterion(analysis: Analysis, records: pd.DataFrame) -> None:
    from pgebench.report.section import Report
    from pgebench.report.sections import criteria

    _, words, table = criteria.SECTION.page(Report(analysis, records, {}))
    assert "by macro AUROC they agree with that by accuracy to" in words.text
    assert "Two truths by accuracy from the same checkpoints agree to" in words.text
    assert [row[0].text for row in table.grid.rows] == [f"`{name}`" for name in analysis.results[0].metrics]
