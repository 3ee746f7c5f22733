"""Simulated studies with collections, checkpoints and draws: what is planted is there, and the statistics find it."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from pgebench.analysis.levels import Levels
from pgebench.analysis.lives import OTHERS, lives, side_by_side
from pgebench.analysis.quality import ranking_quality
from pgebench.analysis.rerun import in_lives, rerun_reach, variance_of_number
from pgebench.studies.statistics.components import Components
from pgebench.studies.statistics.layout import EMBEDDED, EMBEDDED_FULL, Layout
from pgebench.studies.statistics.nested import APART, DRAWN, SIGHTS, population
from pgebench.studies.statistics.nested_page import METRICS, nested_sections
from pgebench.studies.statistics.nested_power import contrast_power
from pgebench.studies.statistics.nested_recovery import recovered_levels, two_ceilings
from pgebench.studies.statistics.nested_world import (
    Sight,
    draw_kept,
    draw_study,
    draw_trained,
    number,
    transferred,
)
from pgebench.studies.statistics.study import Part
from pgebench.studies.statistics.world import POINTS

NOTHING = Components(*[0.0] * 6, alike=0.0, draw=0.0)


def named(collections: int, views: int) -> tuple[str, ...]:
    return tuple(f"{collection}/{view}" for collection in range(collections) for view in range(views))


def by_quantity(findings):
    return {each.quantity: each for each in findings}


def test_the_layouts_are_those_of_the_experiments():
    assert (EMBEDDED.sources, EMBEDDED.targets, EMBEDDED_FULL.sources, EMBEDDED_FULL.targets) == (11, 8, 16, 16)
    assert [len(set(names)) for names in EMBEDDED.collections] == [7, 4]
    assert [len(set(names)) for names in EMBEDDED_FULL.collections] == [8, 8]
    # The other view of its collection is near to each target; a whole shares images with its views.
    near = EMBEDDED.near & ~EMBEDDED.absent
    assert (near.sum(axis=0) == 1).all()
    assert (EMBEDDED.absent.sum(axis=0) == 1).all()
    full = EMBEDDED_FULL.source_names.index
    assert EMBEDDED_FULL.absent[full("0/whole"), full("0/a")]
    assert not EMBEDDED_FULL.absent[full("0/a"), full("0/b")]
    assert (EMBEDDED_FULL.near & ~EMBEDDED_FULL.absent).sum() == 8


def test_the_shares_of_the_levels_are_whole():
    for layout in (EMBEDDED, EMBEDDED_FULL):
        assert sum(getattr(layout.components, one.name) for one in fields(Levels)) == pytest.approx(1)


@pytest.mark.parametrize("level", ["source", "relatedness", "checkpoint", "checkpoint_relatedness", "transfer"])
def test_each_level_varies_between_what_it_is_about_and_nothing_else(level):
    layout = Layout("large", named(80, 2), named(70, 2), (0, 0, 1), components=replace(NOTHING, **{level: 1.0}))
    truth = draw_study(layout, draw_kept(layout, (), np.random.default_rng(0)), (), np.random.default_rng(1)).truth
    values = truth.values[0] / POINTS
    values = values - np.nanmean(values, axis=0)
    cells = values[~layout.absent]
    # 160 sources have 160 effects, and all pairs many more.
    assert np.var(cells) == pytest.approx(1.0, rel=0.35 if level in ("source", "checkpoint") else 0.05)
    of_targets = np.nanvar(values, axis=1).mean() > 0.5
    of_transfers = np.var(cells[:, 0] - cells[:, 1]) > 0.5
    of_checkpoints = np.var(cells[:, 0] - cells[:, 2]) > 0.5
    assert (of_targets, of_checkpoints, of_transfers) == {
        "source": (False, False, False),
        "relatedness": (True, False, False),
        "checkpoint": (False, True, False),
        "checkpoint_relatedness": (True, True, False),
        "transfer": (True, True, True),
    }[level]


@pytest.mark.parametrize("alike", [0.0, 1.0])
def test_views_of_a_collection_have_in_common_what_is_planted(alike):
    sizes = replace(NOTHING, source=0.5, relatedness=0.5, alike=alike)
    layout = Layout("large", named(80, 2), named(10, 1), (0,), components=sizes)
    kept = draw_kept(layout, (), np.random.default_rng(0)).truth
    kept = kept - kept.mean(axis=0)
    assert np.corrcoef(kept[::2].ravel(), kept[1::2].ravel())[0, 1] == pytest.approx(alike, abs=0.15)


def test_a_metric_that_looks_at_the_checkpoint_says_more_of_it_than_of_the_others():
    rng = np.random.default_rng(0)
    sizes = replace(NOTHING, source=0.3, checkpoint_relatedness=0.6, transfer=0.1)
    sights = [Sight(0.9), Sight(0.9, draws=True)]
    layout = replace(EMBEDDED, components=sizes)
    own, others, drawn = [], [], []
    for _ in range(30):
        study = draw_study(layout, draw_kept(layout, sights, rng), sights, rng)
        seer, drawer = study.scores
        own.append(number(seer, study.truth))
        drawn.append(number(drawer, study.truth))
        x, y = side_by_side(seer, study.truth, lives(seer.looked_at, study.truth.checkpoints, OTHERS))
        others.append(ranking_quality(x, y[..., None]).mean("weighted_tau"))
    assert np.mean(own) > np.mean(drawn) + 0.2
    assert np.mean(own) > np.mean(others) + 0.2


def test_the_number_of_a_metric_is_the_mean_over_its_lives():
    study = draw_study(
        EMBEDDED, draw_kept(EMBEDDED, SIGHTS, np.random.default_rng(0)), SIGHTS, np.random.default_rng(1)
    )
    for score in study.scores:
        taus = [
            ranking_quality(score.values[..., replicate], study.truth.of_checkpoint(checkpoint)[..., None]).mean(
                "weighted_tau"
            )
            for replicate, seen in enumerate(score.looked_at)
            for checkpoint in study.truth.numbers
            if seen in (None, checkpoint)
        ]
        assert number(score, study.truth) == pytest.approx(np.mean(taus))


def test_without_the_collections_the_interval_is_too_short():
    sizes = replace(NOTHING, source=0.8, transfer=0.2, alike=1.0)
    layout = Layout("views", named(7, 3), named(5, 1), (0, 1), draws=2, components=sizes)
    found = by_quantity(population(layout, 40, 60, np.random.default_rng(0), studies=200))
    drawn, apart = (np.mean([found[f"{name} {way}"].value for name in METRICS]) for way in (DRAWN, APART))
    assert drawn >= 0.88
    assert apart <= 0.75
    for name in METRICS:
        assert found[f"width {name} {DRAWN}"].value > 1.5 * found[f"width {name} {APART}"].value


@pytest.mark.parametrize("which", [0, 1])
def test_the_reach_of_a_rerun_is_neither_short_nor_long(which):
    """Its square is that of the true distance of two runs, which many reruns tell."""
    rng = np.random.default_rng(which)
    sight = SIGHTS[which : which + 1]
    foretold, true, held = [], [], []
    for i in range(150):
        kept = draw_kept(EMBEDDED, sight, rng)
        first, again = (draw_study(EMBEDDED, kept, sight, rng) for _ in range(2))
        distance = number(first.scores[0], first.truth) - number(again.scores[0], again.truth)
        reach = rerun_reach(first.scores, first.truth, seed=i, studies=40)[0]
        held.append(abs(distance) <= reach)
        foretold.append(reach)
        true.append(distance**2)
    assert 0.92 <= np.mean(held) <= 0.99
    # A third more than the normal interval of a distance that is known: Student's t of few degrees.
    assert 1.0 <= np.mean(foretold) / (1.96 * np.sqrt(np.mean(true))) <= 1.33


LUCK = replace(NOTHING, checkpoint_relatedness=0.5, transfer=0.5)


@pytest.mark.parametrize(
    ("sizes", "checkpoints", "draws"),
    [(LUCK, (0, 1), 1), (LUCK, (0, 1, 2), 1), (replace(EMBEDDED.components, draw=1.0), (0, 1, 2), 4)],
)
def test_the_variance_between_runs_has_no_bias(sizes, checkpoints, draws):
    """A bootstrap of checkpoints, with the factor that is right for one source, sees the luck of pairs too large."""
    rng = np.random.default_rng(0)
    layout = Layout("small", named(6, 1), named(6, 1), checkpoints, draws=draws, components=sizes)
    sight = (Sight(0.9, draws=draws > 1),)
    kept = draw_kept(layout, sight, rng)
    ordered = np.broadcast_to(np.arange(len(checkpoints)), (6, 30, len(checkpoints)))
    numbers, variances = [], []
    for _ in range(800):
        study = draw_study(layout, kept, sight, rng)
        score, truth = study.scores[0], study.truth
        numbers.append(number(score, truth))
        taken = rng.permuted(ordered, axis=-1).reshape(6, -1)
        (tau,) = in_lives([score], truth, taken)
        variances.append(variance_of_number(tau, taken)[0])
    # The standard error of a variance of 800 numbers is 5 %.
    assert np.mean(variances) / np.var(numbers) == pytest.approx(1, abs=0.13)


def test_the_two_ceilings_are_those_of_real_repetitions():
    found = by_quantity(two_ceilings(EMBEDDED, 120, np.random.default_rng(2)))
    assert len(found) == 4
    for each in found.values():
        assert each.value == pytest.approx(each.expected, abs=0.04)
    assert found["same checkpoints, perfect"].expected > found["same checkpoints, repeat"].expected


def test_the_same_checkpoints_have_no_ceiling_without_a_second_transfer():
    found = by_quantity(two_ceilings(EMBEDDED_FULL, 3, np.random.default_rng(2)))
    assert set(found) == {"everything anew, repeat", "everything anew, perfect"}


def test_new_transfers_of_the_same_checkpoints_keep_the_checkpoints():
    rng = np.random.default_rng(3)
    layout = replace(EMBEDDED, components=replace(NOTHING, checkpoint=1.0))
    kept, trained = draw_kept(layout, (), rng), draw_trained(layout, rng)
    first, again = (transferred(layout, kept, trained, rng).values for _ in range(2))
    np.testing.assert_allclose(first, again)


@pytest.mark.parametrize("layout", [EMBEDDED, EMBEDDED_FULL])
def test_the_planted_levels_are_recovered(layout):
    found = by_quantity(recovered_levels(layout, 120, np.random.default_rng(4)))
    assert sum(each.expected for each in found.values()) == pytest.approx(1)
    for each in found.values():
        assert each.value == pytest.approx(each.expected, abs=0.05)
    assert ("level_transfer" in found) == (layout is EMBEDDED)


def test_a_larger_planned_difference_is_found_more_often():
    found = by_quantity(contrast_power(EMBEDDED, 12, 60, np.random.default_rng(5), studies=40))
    assert len(found) == 6
    for kind in ("checkpoint", "draw"):
        assert found[f"power_0.1 {kind}"].value < found[f"power_0.3 {kind}"].value


def test_the_page_names_every_coverage_of_a_layout_that_is_not_nominal():
    names = {**Part("rerun", EMBEDDED).row(), "error": 0.01, "statistic": "weighted_tau", "expected": 0.95}
    names |= {"benchmarks": 7, "resamples": 9}
    values = {"rerun checkpoint": 0.95, "rerun draw": 0.9, "reach checkpoint": 0.1, "reach draw": 0.2}
    rows = pd.DataFrame([{**names, "quantity": quantity, "value": value} for quantity, value in values.items()])
    text = "\n".join(nested_sections({"rerun": rows}))
    assert "\n7 benchmarks.\n" in text
    assert "1 of 2 coverages are within 92 to 98 %; the others: embedded, rerun draw 0.900." in text
    assert "| embedded, 11 x 8, 4 seeds | 0.950 ± 0.010 | 0.900 ± 0.010 | 0.100 ± 0.010 | 0.200 ± 0.010 |" in text
