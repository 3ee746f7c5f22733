from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pgebench.analysis.correlation import correlations
from pgebench.analysis.selection import selection
from pgebench.analysis.table import mean_over_seeds
from pgebench.studies.statistics.__main__ import main
from pgebench.studies.statistics.chance import chance
from pgebench.studies.statistics.coverage import coverage
from pgebench.studies.statistics.page import page_text
from pgebench.studies.statistics.power import power
from pgebench.studies.statistics.recovery import ceilings, planted
from pgebench.studies.statistics.study import Part, parts, run_parts
from pgebench.studies.statistics.world import (
    POINTS,
    Situation,
    draw_benchmark,
    draw_sources,
    draw_targets,
    expected_selections,
)

SMALL = Situation("small", sources=6, targets=6)


def by_quantity(findings):
    return {(each.quantity, each.statistic): each for each in findings}


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize("backbones", [1, 2])
def test_source_effect_interaction_and_noise_have_the_planted_variances(heavy, backbones):
    situation = Situation(
        "large", sources=200, targets=200, seeds=2, shared=0.3, noise=0.8, backbones=backbones, heavy=heavy
    )
    _, truth = draw_benchmark(situation, np.random.default_rng(0))
    within = truth - np.nanmean(truth, axis=1, keepdims=True)
    assert np.nanvar(np.nanmean(within, axis=(2, 3))) / POINTS**2 == pytest.approx(0.3, abs=0.1)
    assert np.nanvar(truth[..., 0] - truth[..., 1]) / 2 / POINTS**2 == pytest.approx(0.64, rel=0.25)
    assert np.nanvar(within) / POINTS**2 == pytest.approx(1 + 0.64, rel=0.15)


def test_a_metric_may_see_the_source_effect_and_not_the_interaction():
    large = Situation("large", sources=200, targets=200, noise=0.0, by_source=(0.9, 0.0), by_interaction=(0.0, 0.9))
    scores, truth = draw_benchmark(large, np.random.default_rng(1))
    accuracy = truth[0, ..., 0]
    effect, score_effect = np.nanmean(accuracy, axis=1), np.nanmean(scores[:, 0], axis=2)
    assert correlations(score_effect, effect)["pearson"] == pytest.approx([0.9, 0.0], abs=0.15)
    pair = accuracy - effect[:, None] - np.nanmean(accuracy, axis=0)
    score_pair = scores[:, 0] - score_effect[..., None]
    assert correlations(score_pair.reshape(2, -1)[:, :2000], pair.reshape(-1)[:2000])["pearson"] == pytest.approx(
        [0.0, 0.9], abs=0.1
    )


def test_the_brute_force_for_the_choice_agrees_with_the_statistic_of_the_report():
    sources = draw_sources(SMALL, np.random.default_rng(2))
    values = expected_selections(SMALL, sources, np.random.default_rng(3), targets=6000)
    scores, truth = draw_targets(SMALL, sources, np.random.default_rng(4), copies=500)
    accuracy = mean_over_seeds(truth)[0]
    for name in ("rel_at_1", "regret"):
        picked = [selection(scores[0, 0, :, t], accuracy[:, t])[name] for t in range(accuracy.shape[1])]
        assert values[name][0] == pytest.approx(np.mean(picked), abs=0.003)


def test_a_fixed_order_of_the_sources_is_not_called_significant():
    found = by_quantity(chance(replace(SMALL, shared=1.0), 50, 99, np.random.default_rng(5)))
    rejected = found["rejected", "weighted_tau"]
    assert rejected.value < 0.05 + 3 * rejected.error
    assert found["family", "weighted_tau"].value <= 0.2
    assert found["distance", "weighted_tau"].value < 0.1


def test_planted_correlations_are_recovered():
    levels = (0.0, 0.9)
    for finding in planted(replace(SMALL, by_source=levels, by_interaction=levels), 200, np.random.default_rng(6)):
        assert finding.value == pytest.approx(finding.expected, abs=4 * finding.error)


def test_the_ceiling_is_recovered():
    situation = Situation("both", noise=1.0)
    for finding in ceilings(situation, 60, np.random.default_rng(7)):
        assert finding.value == pytest.approx(finding.expected, abs=0.05)


def test_a_larger_difference_is_found_more_often():
    small, _, large = power(Situation("both"), 30, 99, np.random.default_rng(9), population=40)
    assert small.value < large.value


def test_intervals_hold_the_population_value_most_of_the_time():
    found = by_quantity(coverage(SMALL, 40, 99, np.random.default_rng(10), population=200))
    assert found["interval", "weighted_tau"].value >= 0.85
    assert found["difference", "weighted_tau"].value >= 0.85
    assert found["equal", "weighted_tau"].value <= 0.15
    assert abs(found["bias", "weighted_tau"].value) < 4 * found["bias", "weighted_tau"].error + 0.01


def test_a_study_goes_on_where_it_was_stopped(tmp_path):
    wanted = [part for part in parts() if part.study in ("levels", "planted")][:6]
    whole = run_parts(tmp_path / "whole.csv", 3, 19, wanted, say=lambda _: None)
    said = []
    run_parts(tmp_path / "parts.csv", 3, 19, wanted[:4], say=said.append)
    assert len(said) == 4
    assert run_parts(tmp_path / "parts.csv", 3, 19, wanted, say=said.append).equals(whole)
    assert len(said) == 6
    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_every_part_has_a_name_of_its_own():
    rows = [tuple(part.row().items()) for part in parts()]
    assert len(set(rows)) == len(rows)


def test_the_page_names_every_coverage_that_is_not_nominal():
    names = {**Part("coverage", SMALL).row(), "benchmarks": 2, "resamples": 9, "quantity": "interval", "error": 0.01}
    values = {"weighted_tau": 0.5, "tau": 0.95, "regret": 0.99}
    text = page_text(pd.DataFrame([{**names, "statistic": name, "value": value} for name, value in values.items()]))
    assert "1 of 3 coverages are within 92 to 98 %; 1 are below, 1 above." in text
    assert "Below:\n\n- small, 6 x 6, 3 seeds, one metric: weighted tau 0.500\n" in text
    assert "Above:\n\n- small, 6 x 6, 3 seeds, one metric: regret 0.990\n" in text


def test_the_page_says_what_is_left_out():
    names = {"benchmarks": 2, "resamples": 9, "quantity": "planted_0", "statistic": "tau", "value": 0.0, "error": 0.1}
    wanted = [part for part in parts() if part.study in ("levels", "planted")]
    rows = pd.DataFrame([{**part.row(), **names, "expected": 0.0} for part in wanted])
    said = page_text(rows[1:]).split("left out:")[1].splitlines()[0]
    assert "levels 1 of 2" in said
    assert "power 10 of 10" in said
    assert "planted" not in said


@pytest.mark.parametrize(
    ("argument", "words"), [("benchmark=3", "no option benchmark"), ("benchmarks=many", "whole numbers")]
)
def test_a_wrong_option_is_one_clear_line(argument, words):
    with pytest.raises(SystemExit, match=words):
        main([argument])


@pytest.mark.slow
@pytest.mark.parametrize("situation", [Situation("both"), Situation("source effect only", shared=1.0)])
def test_coverage_is_nominal_in_the_usual_situations(situation):
    found = by_quantity(coverage(situation, 300, 300, np.random.default_rng(11)))
    for name in ("weighted_tau", "tau", "spearman", "rel_at_1", "regret"):
        for quantity in ("interval", "difference"):
            # Nominal, up to two Monte Carlo standard errors (0.013 each).
            assert 0.92 - 0.025 <= found[quantity, name].value <= 1.0
