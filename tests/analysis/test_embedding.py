"""Maps of datasets."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from pgebench.analysis.build_table import table_of
from pgebench.analysis.embedding import distances, embed


def test_points_of_the_plane_are_found_again_from_their_distances() -> None:
    points = np.random.default_rng(0).normal(size=(12, 2))
    wanted = squareform(pdist(points))
    found = embed(tuple("abcdefghijkl"), wanted)
    assert squareform(pdist(found.points)) == pytest.approx(wanted, abs=1e-6)
    assert found.stress == pytest.approx(0, abs=1e-6)


def test_missing_distances_are_not_needed_where_the_others_say_enough() -> None:
    rng = np.random.default_rng(1)
    wanted = squareform(pdist(rng.normal(size=(10, 2))))
    seen = wanted.copy()
    for i, j in [(0, 1), (2, 5), (7, 9)]:
        seen[i, j] = seen[j, i] = np.nan
    assert squareform(pdist(embed(tuple("abcdefghij"), seen).points)) == pytest.approx(wanted, abs=1e-2)


def test_more_dimensions_than_two_show_as_stress() -> None:
    wanted = squareform(pdist(np.eye(8)))
    assert embed(tuple("abcdefgh"), wanted).stress > 0.2


def test_a_distance_is_the_mean_of_both_directions() -> None:
    scores = np.array([[[np.nan, -1.0], [-3.0, np.nan], [-5.0, np.nan]]])
    table = table_of(("net",), ("a", "b", "c"), ("a", "b"), {}, {"pge": scores})
    names, gaps = distances(table, "pge", 0)
    assert names == ("a", "b", "c")
    assert gaps[0, 1] == gaps[1, 0] == 2.0
    assert gaps[0, 2] == 5.0
    assert np.isnan(gaps[1, 2])
