"""What the report says of metrics among themselves, and when it says that there is nothing to compare or combine."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pgebench.analysis import analyse
from pgebench.analysis.combinations import COLUMNS, COMBINATIONS, LINEAR, LINEAR_WITHIN, Combined
from pgebench.analysis.likeness import likeness
from pgebench.analysis.table import Replicates, Transfers
from pgebench.core.metric_facts import metric_facts
from pgebench.report.section import Figure, Report, Table, Words
from pgebench.report.sections import among, together

FEW = {"resamples": 20, "shuffles": 20}
OWN = metric_facts({})


def report_of(records, **asked):
    return Report(analyse(records, OWN, **FEW, **asked), records, {})


def best_of(report):
    """The first metric of the league that is no yardstick."""
    league = report.results[0].league
    return league.loc[league["kind"] == "metric", "metric"].iloc[0]


def words_of(report):
    return " ".join(block.text for block in among.SECTION.page(report) if isinstance(block, Words))


@pytest.fixture(scope="module")
def twins(synthetic):
    """Two scores of one order, the same turned round, PGE, and two yardsticks of which one is constant."""
    records, meta = synthetic.make_records(
        datasets=6, metrics=("logme", "leep", "nce", "pge", "source_accuracy", "random"), collections=True
    )
    scores = records[records["metric"] == "logme"].set_index(["source", "target"])["value"]
    for metric, turned in (("leep", np.exp), ("nce", np.negative)):
        rows = records["metric"] == metric
        cells = pd.MultiIndex.from_frame(records.loc[rows, ["source", "target"]])
        records.loc[rows, "value"] = turned(scores.loc[cells].to_numpy())
    records.loc[records["metric"] == "random", "value"] = 1.0
    return report_of(records, collections=meta["collections"])


def test_the_section_has_words_a_picture_with_its_numbers_and_tables(twins):
    for blocks in (among.SECTION.page(twins), among.SECTION.markdown(twins)):
        assert {Words, Figure, Table} <= {type(block) for block in blocks}
    figure, together_figure = among.SECTION.files(twins)
    assert (figure.name, together_figure.name) == ("among_finetune", "together_finetune")
    assert together_figure.numbers["name"].tolist() == [best_of(twins), *COMBINATIONS, "pge", "static"]
    assert len(figure.numbers) == 6 * 5 / 2
    first = figure.numbers.iloc[0]
    assert ({first["metric"], first["other"]}, first["tau"], first["same"]) == ({"logme", "leep"}, 1.0, True)


def test_metrics_that_say_the_same_are_named_and_so_is_what_orders_nothing(twins, cells):
    text = words_of(twins)
    assert "`logme` and `leep` (1.00)" in text or "`leep` and `logme` (1.00)" in text
    assert "they order nothing: `random`" in text
    assert "the least alike: " in text
    assert "(\N{MINUS SIGN}1.00)" in text
    assert "Closest to `pge`: " in text
    (row,) = among.group_grid(twins.analysis.among.likeness).rows
    assert {"`logme`", "`leep`"} == set(row[0].text.split(" and "))


def test_the_picture_has_each_pair_once_and_an_outline_around_the_group(twins):
    drawn = among.picture(twins.analysis.among.likeness, dict.fromkeys(twins.analysis.among.likeness.metrics, "metric"))
    said = [mark.say for mark in drawn.marks if getattr(mark, "say", "")]
    assert len(said) == len(set(said)) == 15
    assert sum(mark.look == "outline" for mark in drawn.marks) == 1


def test_forty_metrics_fit_a_phone():
    rng = np.random.default_rng(0)
    truth = rng.random((1, 5, 3, 1))
    scores = {f"a_metric_of_name_{m}": Replicates(rng.random((1, 5, 3, 1)), (None,)) for m in range(33)}
    drawn = among.picture(likeness(scores, Transfers(truth, (0,))), dict.fromkeys(scores, "metric"))
    # The page shrinks a picture to three quarters before it scrolls.
    assert 0.75 * drawn.width < 390


def test_the_combinations_stand_beside_the_best_metric_pge_and_static(twins, cells):
    result, found = twins.results[0], twins.analysis.among.combined
    rows = together.standing(result, found)
    shown = cells(together.combination_grid(rows))
    best = best_of(twins)
    assert next(iter(shown)).startswith(best)
    gap = rows.set_index("name").loc["static", "weighted_tau"] - rows.set_index("name").loc[best, "weighted_tau"]
    assert rows.set_index("name").loc["static", "difference"] == pytest.approx(gap)
    drawn = [mark.say for mark in together.picture(rows).marks if getattr(mark, "say", "")]
    assert len(drawn) == len(rows)
    assert {*together.TITLES.values(), "static"} <= set(shown)
    league = result.league.set_index("metric")
    assert shown["static"]["weighted τ"] == f"{league.loc['static', 'weighted_tau']:.2f}".replace("-", "\N{MINUS SIGN}")
    # The league itself has the rows that it had.
    assert set(league.index) == {"logme", "leep", "nce", "pge", "source_accuracy", "random", "static"}


def made(**changes):
    """Combinations with these numbers: name -> (weighted tau, ends of the difference)."""
    rows = [
        (name, tau, 0.0, 1.0, 0.0, low, high, 0.9, 0.01, 0.0, 0.02)
        for name in COMBINATIONS
        for tau, low, high in [changes.get(name, (0.3, -0.1, 0.1))]
    ]
    return Combined(("logme", "leep"), (), (), pd.DataFrame(rows, columns=list(COLUMNS)), {"a": "leep", "b": "logme"})


def test_what_the_fit_gains_from_the_judged_target_is_called_overfitting():
    text = together.read(made(linear=(0.2, -0.3, 0.1), linear_within=(0.5, -0.1, 0.4)))
    assert "reaches 0.20 on collections that it was not fitted on, and 0.50 with the judged target in the fit" in text
    assert "0.30 of that is overfitting" in text
    assert "None of those that did not see the judged target can be told from `logme`" in text
    assert "`leep` for 1 collection; `logme` for 1 collection" in text
    assert "no overfitting" in together.read(made(linear=(0.5, -0.1, 0.1)))


def test_better_and_worse_are_said_by_the_interval_and_never_of_the_one_that_saw_the_target():
    text = together.read(made(mean_rank=(0.1, -0.4, -0.1), linear=(0.6, 0.1, 0.4), linear_within=(0.9, 0.5, 0.7)))
    assert f"better than `logme`, which these very targets chose: {together.TITLES[LINEAR]}; worse: mean rank." in text
    assert together.TITLES[LINEAR_WITHIN] not in text


def test_with_one_collection_of_targets_the_report_says_that_nothing_could_be_fitted(synthetic):
    records, _ = synthetic.make_records(datasets=5, metrics=("logme", "leep"))
    report = report_of(records, collections=dict.fromkeys(synthetic.NAMES, "one"))
    assert "Nothing can be fitted or chosen elsewhere" in words_of(report)
    one = report_of(records[records["target"].isin(["animals_a"]) | records["target"].isna()])
    assert "Nothing can be fitted or chosen elsewhere" in words_of(one)


def test_one_metric_is_compared_with_static_alone_and_combined_with_nothing(synthetic):
    records, _ = synthetic.make_records(datasets=5, metrics=("logme",))
    report = report_of(records)
    text = words_of(report)
    assert "A combination takes two metrics" in text
    assert "here there is one, `logme`" in text
    lonely = replace(report.analysis.among.likeness, metrics=("logme",), tau=np.ones((1, 1)), groups=((0,),))
    alone = replace(report.analysis, among=replace(report.analysis.among, likeness=lonely))
    assert "There are no two metrics" in words_of(replace(report, analysis=alone))
    assert not list(among.SECTION.files(replace(report, analysis=alone)))


def test_constant_scores_are_named_and_compared_with_nothing(synthetic):
    records, _ = synthetic.make_records(datasets=5, metrics=("logme", "leep"))
    records.loc[records["stage"] == "score", "value"] = 1.0
    text = words_of(report_of(records))
    assert "There are no two metrics that order the sources" in text
    assert "here there is none. Left out, for they order nothing: `leep` and `logme`." in text


def test_missing_scores_are_said_where_they_leave_a_metric_out(synthetic):
    records, _ = synthetic.make_records(datasets=5, metrics=("logme", "leep", "nce"))
    lost = (records["metric"] == "nce") & records["source"].isin(synthetic.NAMES[:3])
    text = words_of(report_of(synthetic.fail(records, lost)))
    assert "more than half of their scores are missing: `nce`" in text
    assert "All 2 metrics" in text


def test_a_truth_without_any_order_judges_no_combination(synthetic):
    records, _ = synthetic.make_records(datasets=5, metrics=("logme", "leep"))
    records.loc[records["stage"] == "truth", "value"] = 0.5
    assert "no combination can be judged" in words_of(report_of(records))


def test_without_a_truth_there_is_no_section(synthetic):
    records, _ = synthetic.make_records(datasets=4, metrics=("logme",))
    report = report_of(records[records["stage"] != "truth"])
    assert among.SECTION.page(report) == []
    assert not list(among.SECTION.files(report))
