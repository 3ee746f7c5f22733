import math

import numpy as np
import pytest
import torch

from baselines import BoundsError, logme
from baselines.kernels.checks import class_indices, feature_matrix, row_chunks, within


def test_a_value_outside_its_bounds_is_an_error_and_rounding_is_not():
    assert within(1 + 1e-12, 0, 1, "H-score") == 1.0
    assert within(-3.0, -math.inf, 0, "distance") == -3.0
    for bad in (1.1, -0.1, math.nan, math.inf):
        with pytest.raises(BoundsError, match=r"H-score = .* outside its mathematical bounds"):
            within(bad, 0, 1, "H-score")


def test_labels_are_names_not_numbers():
    index, counts, values = class_indices(np.array([70, -5, 70, 3]))
    assert values == [-5, 3, 70]
    assert index.tolist() == [2, 0, 2, 1]
    assert counts.tolist() == [1, 1, 2]


def test_blocks_of_rows_make_up_the_matrix():
    matrix = torch.arange(35, dtype=torch.float16).reshape(7, 5)
    blocks = list(row_chunks(matrix, chunk_bytes=80))
    assert [len(block) for block in blocks] == [2, 2, 2, 1]
    assert torch.equal(torch.cat(blocks), matrix.double())


def test_huge_finite_values_are_finite():
    feature_matrix(np.full((4, 4), 1e308))


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (np.ones((3, 2)), [0, 1], "labels has 2 entries but features has 3 rows"),
        (np.ones(3), [0, 1, 0], r"features must have shape \(n, d\), got \(3,\)"),
        (np.ones((2, 0)), [0, 1], "features is empty"),
        (np.array([[1.0], [np.inf]]), [0, 1], "features holds 1 NaN or infinite"),
        (np.array([["a"], ["b"]]), [0, 1], "features must hold real numbers"),
        (np.ones((2, 1)) * 1j, [0, 1], "features must hold real numbers"),
        (torch.ones(2, 1) * 1j, [0, 1], "features must hold real numbers"),
        (np.ones((2, 1)), [2, 2], "labels holds one class only"),
        (np.ones((2, 1)), ["a", "b"], "labels must hold real numbers"),
    ],
)
def test_bad_input_is_named_with_a_remedy(features, labels, message):
    with pytest.raises(ValueError, match=message):
        logme(features, np.array(labels))


def test_a_read_only_memory_map_is_as_good_as_an_array(tmp_path):
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(50, 6)).astype(np.float32), np.arange(50) % 3
    np.save(tmp_path / "features.npy", features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    assert logme(mapped, labels) == logme(features, labels)
    assert logme(features[::-1], labels[::-1]) == pytest.approx(logme(features, labels), abs=1e-12)
