"""What the report says of influence, of the scale of a score and of the need for a metric, and when it says nothing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pgebench.analysis import analyse
from pgebench.core.metric_facts import metric_facts
from pgebench.report.claims import hanging
from pgebench.report.section import Figure, Report, Table, Words
from pgebench.report.sections import headroom, influence, league, scale

FEW = {"resamples": 20, "shuffles": 200}
OWN = metric_facts({})
SECTIONS = (influence.SECTION, scale.SECTION, headroom.SECTION)


def report_of(records, **asked):
    return Report(analyse(records, OWN, **FEW, **asked), records, {})


def kinds(report, section):
    return [block.kind for block in section.page(report)]


def with_rows(result, rows):
    """The same result with `logme` alone, first and better than chance, and these rows of influence."""
    columns = ["kind", "left_out", "weighted_tau", "place", "p_holm"]
    made = pd.DataFrame(rows, columns=columns).assign(metric="logme", members=1, change=-0.1)
    alone = result.league[result.league["metric"] == "logme"].assign(weighted_tau=0.5, p_holm=0.001)
    return replace(result, influence=made, league=alone)


KEPT = ("candidate", "emoji", 0.4, 1.0, 0.01)


@pytest.mark.parametrize(
    ("row", "chance", "first"),
    [
        (("candidate", "faces", 0.4, 1.0, 0.049), False, False),
        (("candidate", "faces", 0.4, 1.0, 0.05), True, False),
        (("family", "glyphs", -0.1, 1.0, 0.01), True, False),
        (("task", "digits", 0.4, 2.0, 0.01), False, True),
        # What leaves nothing to rank for any metric tells them not apart.
        (("task", "digits", np.nan, np.nan, np.nan), False, False),
    ],
)
def test_a_claim_hangs_on_what_it_does_not_hold_without(once, row, chance, first):
    found = hanging(with_rows(once.results[0], [KEPT, row]))
    assert [one.first for one in found] == [False] * chance + [True] * first
    assert all(one.without["left_out"].tolist() == [row[1]] for one in found)


def test_the_verdict_names_what_a_claim_hangs_on(once):
    lost = [("candidate", "faces", 0.1, 1.0, 0.2), ("family", "glyphs", 0.1, 1.0, 0.2)]
    found = influence.finding(with_rows(once.results[0], [KEPT, *lost]))
    assert found.title == "A place hangs on a single thing"
    assert "`logme` is not told from chance without the source `faces` or the family `glyphs`." in found.text
    many = [("candidate", f"s{i}", 0.1, 1.0, 0.2) for i in range(5)]
    text = influence.finding(with_rows(once.results[0], [KEPT, *many])).text
    assert "if one of 5 things is left out, of 6 in turn, so it is at the edge" in text
    calm = influence.finding(with_rows(once.results[0], [KEPT]))
    assert calm.title == "No place hangs on a single thing"
    assert "without the source `emoji`" in calm.text


def test_the_largest_change_stands_beside_the_interval(once, cells):
    result = once.results[0]
    shown = cells(league.league_grid(result))
    for row in result.league.to_dict("records"):
        text = shown[row["metric"]]["largest influence"]
        assert f"`{row['influence_of']}`" in text
        changes = result.influence.loc[result.influence["metric"] == row["metric"], "change"]
        assert abs(row["influence"]) == pytest.approx(changes.abs().max())
    titles = league.league_grid(result).columns
    assert titles.index("largest influence") == titles.index("95 % interval") + 1


def test_other_questions_name_their_own_candidates(synthetic):
    records, _ = synthetic.make_records(datasets=5, metrics=("logme", "random"))
    report = report_of(records, question="targets")
    columns = report.said(influence.influence_grid(report.results[0])).columns
    assert "without a target, at most" in columns
    assert "without a source, at most" in columns
    assert {"target", "source"} & set(report.said(league.league_grid(report.results[0])).rows[0][4].text.split())


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.001, 0.03, "2.0 points"), (-0.001, 0.03, "2.0 points, or nothing"), (0.0, 0.03, "2.0 points, or nothing")],
)
def test_a_difference_is_worth_so_many_points_or_nothing(low, high, said):
    assert scale.in_words(0.02, low, high) == said
    assert scale.in_words(-0.02, -high, -0.001) == "\N{MINUS SIGN}2.0 points: the wrong way"


def test_the_verdict_says_what_a_difference_of_the_best_metric_is_worth(once):
    result = once.results[0]
    row = result.scale[(result.scale["metric"] == result.metrics[0]) & result.scale["target"].isna()].iloc[0]
    text = scale.finding(result).text
    assert f"differs by {row['step']:.2g}, one standard deviation" in text
    assert f"{100 * row['slope'] * row['step']:.1f} points" in text


def planted(synthetic, values):
    """Records whose truth for a pair is `values(source, target, run)` by position."""
    records, _ = synthetic.make_records(datasets=6, metrics=("logme", "random"))
    place = {name: i for i, name in enumerate(synthetic.NAMES)}
    truth = records["stage"] == "truth"
    rows = records[truth]
    records.loc[truth, "value"] = [
        values(place[s], place[t], int(n)) for s, t, n in zip(rows["source"], rows["target"], rows["seed"], strict=True)
    ]
    return report_of(records)


def need(report):
    return headroom.finding(report.results[0], report.analysis.table.sources)


def test_one_order_for_all_targets_needs_no_metric(synthetic):
    found = need(planted(synthetic, lambda s, t, n: 0.5 + 0.05 * s + 0.001 * n))
    assert found.title == "A metric is hardly needed here"
    assert "wins at least half of the rankings and the order of the sources is much the same" in found.text
    assert "a world of good sources" in found.text
    assert "Kendall's W of the rankings is 1.00" in found.text


def test_another_order_for_each_target_needs_one(synthetic):
    found = need(planted(synthetic, lambda s, t, n: 0.5 + 0.05 * ((s - t) % 6) + 0.001 * n))
    assert found.title == "A metric is needed here"
    assert "a world of relatedness" in found.text
    assert "On 0 of 6 rankings the best three sources lie within the noise" in found.text


def test_where_repetitions_differ_more_than_sources_a_random_one_will_do(synthetic):
    rng = np.random.default_rng(0)
    found = need(planted(synthetic, lambda s, t, n: 0.5 + 0.001 * ((s - t) % 6) + 0.05 * rng.normal()))
    assert "a source taken at random loses no more than the noise of the truth" in found.text
    assert "Luck of training makes" in found.text


def test_with_many_candidates_places_are_shown_in_runs(once):
    result = once.results[0]
    held = replace(result.dispersion, places=np.eye(45), rankings=45)
    order, titles, share = headroom.places(replace(result, dispersion=held))
    assert (titles[0], titles[-1], len(titles)) == ("1-3", "43-45", 15)
    assert order == list(range(45))
    np.testing.assert_allclose(share.sum(axis=1), 1)


def test_every_section_has_words_a_picture_and_a_table(once):
    for section in SECTIONS:
        for blocks in (section.page(once), section.markdown(once)):
            assert {Words, Figure, Table} <= {type(block) for block in blocks}
        assert len(list(section.files(once))) == 1


@pytest.mark.parametrize("candidates", [1, 2])
def test_with_one_or_two_candidates_the_sections_say_so(synthetic, candidates):
    records, _ = synthetic.make_records(datasets=5, metrics=("logme", "random"))
    few = records[records["source"].isin(synthetic.NAMES[:candidates]) & (records["target"] == "animals_a")]
    report = report_of(few)
    assert kinds(report, influence.SECTION) == ["heading", "words"]
    assert "Nothing can be left out" in influence.SECTION.page(report)[1].text
    assert influence.finding(report.results[0]) is None
    if candidates == 1:
        assert kinds(report, scale.SECTION) == kinds(report, headroom.SECTION) == ["heading", "words"]
        assert "there is no order" in headroom.SECTION.page(report)[1].text
        assert need(report) is None
    else:
        assert need(report).title == "With one ranking nobody knows whether a metric is needed"
        assert "fewer than three sources" in need(report).text
        assert "how surely is not known" in scale.finding(report.results[0]).text
    assert not list(influence.SECTION.files(report))


def test_constant_scores_are_worth_nothing_and_hang_on_nothing(synthetic):
    records, _ = synthetic.make_records(datasets=5, metrics=("logme", "random"))
    records.loc[records["stage"] == "score", "value"] = 1.0
    report = report_of(records)
    shown = scale.scale_grid(report.results[0])
    assert [row[0].text for row in shown.rows] == ["`static`"]
    assert scale.finding(report.results[0]) is None
    row = next(row for row in influence.influence_grid(report.results[0]).rows if row[0].text == "`logme`")
    assert {cell.text for cell in row[2:-1]} == {"\N{EN DASH}"}


def test_a_truth_without_any_order_has_empty_sections_and_slopes_of_nothing(synthetic):
    report = planted(synthetic, lambda s, t, n: 0.5)
    for section in (influence.SECTION, headroom.SECTION):
        assert kinds(report, section) == ["heading", "words"]
        assert not list(section.files(report))
    assert {row[2].text for row in scale.scale_grid(report.results[0]).rows} == {"0.0 points, or nothing"}


def test_missing_scores_leave_their_sources_out(synthetic):
    records, _ = synthetic.make_records(datasets=5, metrics=("logme", "random"))
    lost = (records["metric"] == "logme") & (records["source"] == "animals_a")
    result = report_of(synthetic.fail(records, lost)).results[0]
    rows = result.influence[(result.influence["metric"] == "logme") & (result.influence["kind"] == "candidate")]
    # It has no score there: leaving the source out changes nothing for it.
    assert abs(rows.set_index("left_out").loc["animals_a", "change"]) < 1e-12
    assert np.isfinite(scale.worth(result)["value"]).any()


def test_no_truth_yet_leaves_the_sections_out(synthetic):
    records, _ = synthetic.make_records(datasets=4, metrics=("logme",))
    report = report_of(records[records["stage"] != "truth"])
    assert [section.page(report) for section in SECTIONS] == [[], [], []]
