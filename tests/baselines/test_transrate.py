import numpy as np
import pytest

from baselines import sufficient_statistics, transrate
from baselines._transrate import global_rate


def rate(rows, distortion):
    n, d = rows.shape
    return 0.5 * np.linalg.slogdet(np.eye(d) + rows.T @ rows / (n * distortion))[1]


def reference_transrate(features, labels, distortion, scale):
    rows = features - features.mean(axis=0)
    if scale == "unit":
        rows = rows / np.sqrt((rows**2).sum(axis=1).mean())
    groups = [rows[labels == y] for y in np.unique(labels)]
    return rate(rows, distortion) - sum(len(g) / len(rows) * rate(g, distortion) for g in groups)


@pytest.mark.parametrize("scale", ["unit", "none"])
@pytest.mark.parametrize("distortion", [1e-4, 0.5])
def test_transrate_is_a_difference_of_log_determinants(case, scale, distortion):
    expected = reference_transrate(*case, distortion, scale)
    assert transrate(*case, distortion, scale) == pytest.approx(expected, rel=1e-9)


def test_the_global_rate_needs_sufficient_statistics_only(case):
    features, labels = case
    rows = features - features.mean(axis=0)
    rows /= np.sqrt((rows**2).sum(axis=1).mean())
    assert global_rate(sufficient_statistics(features, labels)) == pytest.approx(rate(rows, 1e-4), rel=1e-9)


def test_labels_that_say_nothing_about_the_features_have_no_transrate():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 4))
    assert transrate(np.vstack([rows, rows]), np.repeat([0, 1], 500)) == pytest.approx(0, abs=1e-9)


def test_transrate_refuses_parameters_out_of_range():
    for wrong in ({"distortion": 0.0}, {"scale": "log"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            transrate(np.eye(4), np.arange(4) % 2, **wrong)
