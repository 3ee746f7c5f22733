"""Evidence in half precision: what is lost, and what is not."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from pgebench.box.compact import compact, restored


@given(st.integers(0, 10_000), st.integers(-60, 60))
def test_features_keep_three_digits_whatever_their_size(seed: int, exponent: int) -> None:
    features = torch.randn(20, 7, generator=torch.Generator().manual_seed(seed)) * 2.0**exponent
    again = restored(compact({"features": features}))["features"]
    assert again.dtype == torch.float32
    # Half precision has 11 binary digits; what is 2**29 times smaller than the largest number is lost.
    assert torch.all((again - features).abs() <= 2.0**-11 * features.abs() + 2.0**-39 * features.abs().max())


@given(st.integers(0, 10_000), st.integers(2, 30))
def test_probabilities_add_up_to_one_and_small_ones_stay(seed: int, classes: int) -> None:
    logits = 12 * torch.randn(9, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    exact = logits.softmax(1)
    again = restored(compact({"source_probabilities": exact}))["source_probabilities"]
    assert again.dtype == torch.float64
    torch.testing.assert_close(again.sum(1), torch.ones(9, dtype=torch.float64), rtol=1e-14, atol=0)
    torch.testing.assert_close(again, exact, rtol=1e-6, atol=0)


def test_integers_are_exact_in_as_few_bytes_as_they_need() -> None:
    labels = {"few": torch.tensor([0, 255]), "more": torch.tensor([-1, 300]), "many": torch.tensor([0, 2**40])}
    small = compact(labels)
    assert [small[name].element_size() for name in labels] == [1, 2, 8]
    assert all(restored(small)[name].equal(labels[name]) for name in labels)


def test_nothing_and_zeros_survive() -> None:
    tensors = {"empty": torch.zeros(0, 3), "zeros": torch.zeros(2, 3), "none": torch.zeros(0, dtype=torch.int64)}
    again = restored(compact(tensors))
    assert all(again[name].equal(tensors[name]) for name in tensors)
