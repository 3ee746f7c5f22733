import numpy as np
import pytest

from pgebench.analysis.bootstrap import bootstrap
from pgebench.analysis.contrasts import planned_contrasts


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(0)
    truth = rng.random((1, 9, 9, 1))
    seen = truth[..., 0]
    scores = np.stack([seen + rng.normal(size=seen.shape) * noise for noise in (0.1, 0.3, 0.5, 5.0)])
    return bootstrap(scores, truth, resamples=200)["weighted_tau"]


METRICS = ["good", "fair", "poor", "yardstick"]


def test_a_planned_contrast_is_tested_on_its_own(drawn):
    found = planned_contrasts([("poor", "fair")], METRICS, METRICS[:3], drawn).iloc[0]
    assert found["tests"] == 1
    assert found["p"] == drawn.difference(2, 1)[3]
    assert found["difference"] < 0


def test_the_best_metric_was_picked_from_all_and_pays_for_it(drawn):
    found = planned_contrasts([("best", "yardstick"), ("good", "yardstick")], METRICS, METRICS[:3], drawn)
    picked, planned = found.iloc[0], found.iloc[1]
    assert picked["first"] == "good"
    assert picked["tests"] == 3
    assert picked["p"] >= planned["p"]
    assert picked["difference"] == planned["difference"]


def test_a_contrast_with_what_is_not_there_is_left_out(drawn):
    assert planned_contrasts([("leep", "good"), ("good", "leep")], METRICS, METRICS[:3], drawn).empty


def test_the_best_is_not_compared_with_itself(drawn):
    assert planned_contrasts([("best", "good")], METRICS, METRICS[:3], drawn).iloc[0]["first"] == "fair"
