"""Metrics that are finished over the hub."""

import numpy as np
import pandas as pd

from pgebench.analysis.build_table import table_of
from pgebench.analysis.composites import sum_of_scaled, with_composite_names, with_composites
from pgebench.core.metric_facts import metric_facts

OWN = metric_facts({})


def table(**scores):
    return table_of(("b",), ("s1", "s2", "s3"), ("t1", "t2"), {}, scores)


def random(seed):
    return np.random.default_rng(seed).normal(size=(1, 3, 2))


def test_terms_are_scaled_over_the_sources_of_each_target():
    a, b = random(0), random(1)
    expected = np.zeros_like(a)
    for t in range(2):
        for term in (a, b):
            column = term[0, :, t]
            expected[0, :, t] += (column - column.min()) / (column.max() - column.min())
    np.testing.assert_allclose(sum_of_scaled([a, b]), expected)


def test_the_unit_of_a_term_does_not_matter():
    a, b = random(0), random(1)
    np.testing.assert_allclose(sum_of_scaled([1e6 * a + 3, b]), sum_of_scaled([a, b]))


def test_an_absent_term_makes_the_score_absent():
    a, b = random(0), random(1)
    a[0, 1, 0] = np.nan
    assert np.isnan(sum_of_scaled([a, b])).sum() == 1


def test_a_composite_takes_the_place_of_its_terms():
    made = with_composites(table(etran_energy=random(0), etran_classification=random(1), leep=random(2)), OWN)
    assert set(made.scores) == set(made.score_seeds) == {"etran", "leep"}


def test_an_incomplete_set_of_terms_stays_as_it_is():
    assert set(with_composites(table(etran_energy=random(0)), OWN).scores) == {"etran_energy"}


def test_a_composite_of_own_terms_is_built():
    facts = {"speed": {"term_of": "motion"}, "weight": {"term_of": "motion"}, "leep": {}}
    a, b = random(0), random(1)
    made = with_composites(table(speed=a, weight=b, leep=random(2)), facts)
    assert set(made.scores) == {"motion", "leep"}
    np.testing.assert_array_equal(made.scores["motion"], sum_of_scaled([a, b]))


def test_one_term_alone_makes_no_composite():
    made = with_composites(table(speed=random(0)), {"speed": {"term_of": "motion"}})
    assert set(made.scores) == {"speed"}


def test_a_composite_costs_what_its_terms_cost():
    names = ["etran_energy", "etran_classification", "leep"]
    records = pd.DataFrame({"stage": "score", "metric": names})
    assert with_composite_names(records, OWN).metric.tolist() == ["etran", "etran", "leep"]
    assert with_composite_names(records[1:], OWN).metric.tolist() == names[1:]


def test_the_last_digits_of_a_constant_term_are_no_ranking():
    real = np.arange(6.0).reshape(1, 6, 1)
    constant = -2.7607303 + 4e-16 * np.array([3.0, 0.0, 2.0, 1.0, 3.0, 0.0]).reshape(1, 6, 1)
    assert np.ptp(constant) > 0
    np.testing.assert_array_equal(sum_of_scaled([real, constant]), sum_of_scaled([real]))


def test_there_may_be_no_source_yet():
    nothing = np.empty((1, 0, 2))
    assert sum_of_scaled([nothing, nothing]).shape == (1, 0, 2)
