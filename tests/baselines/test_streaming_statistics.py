import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import (
    StatisticsAccumulator,
    h_score,
    lfc,
    logme,
    regularized_h_score,
    statistics_of_blocks,
    sufficient_statistics,
)
from baselines._h_score import h_score_from, ledoit_wolf_shrinkage, regularized_h_score_from
from baselines._lfc import lfc_from
from baselines._logme import logme_from
from baselines._transrate import global_rate
from baselines.kernels.block_sums import add_gram
from baselines.kernels.discriminant import fit_discriminant
from baselines.kernels.linear_algebra import (
    congruence,
    inverse_trace,
    largest_eigenvalue,
    mirror,
    nuclear_norm,
    solve,
    square_root,
)
from baselines.kernels.tridiagonal import tridiagonal_form


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 40), st.integers(1, 12), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 3.0, 1e5]))
def test_statistics_are_the_moments_of_the_samples(n, d, seed, offset):
    rng = np.random.default_rng(seed)
    features, labels = rng.normal(size=(n, d)) + offset, rng.integers(3, size=n) * 10
    found = sufficient_statistics(features, labels)
    values = np.unique(labels)
    scale = max(1, offset)
    assert (found.n, found.d) == (n, d)
    assert found.counts.tolist() == [(labels == y).sum() for y in values]
    assert np.allclose(found.mean, features.mean(axis=0), rtol=1e-13)
    assert np.allclose(found.covariance, np.cov(features.T, bias=True).reshape(d, d), atol=1e-10 * scale)
    assert np.allclose(found.second_moments, features.T @ features, rtol=1e-12)
    means = np.stack([features[labels == y].mean(axis=0) for y in values])
    assert np.allclose(found.class_offsets, means - features.mean(axis=0), atol=1e-14 * scale + 1e-12)
    assert np.allclose(found.uncentred_class_sums, [features[labels == y].sum(axis=0) for y in values], rtol=1e-12)
    within = sum((labels == y).mean() * np.cov(features[labels == y].T, bias=True).reshape(d, d) for y in values)
    assert np.allclose(found.within_covariance, within, atol=1e-10 * scale)
    quartic = np.square(np.square(features - features.mean(axis=0)).sum(axis=1)).sum()
    assert found.centred_quartic == pytest.approx(quartic, rel=1e-8)


def test_blocks_in_any_partition_give_the_statistics_of_the_whole(case):
    features, labels = case
    whole = sufficient_statistics(features, labels)
    order = np.argsort(labels[::-1], kind="stable")  # later blocks bring classes unseen before
    cuts = np.split(order, [3, 4, 11])
    parts = statistics_of_blocks((features[::-1][c], labels[::-1][c]) for c in cuts)
    assert parts.counts.tolist() == whole.counts.tolist()
    assert np.allclose(parts.covariance, whole.covariance, atol=1e-12)
    assert np.allclose(parts.uncentred_class_sums, whole.uncentred_class_sums, atol=1e-11)
    assert parts.centred_quartic == pytest.approx(whole.centred_quartic)


def test_one_pass_serves_metrics_to_eight_digits(case):
    features, labels = case
    statistics = sufficient_statistics(features, labels)
    for metric, from_statistics in (
        (logme, logme_from),
        (h_score, h_score_from),
        (regularized_h_score, regularized_h_score_from),
        (lfc, lfc_from),
    ):
        assert from_statistics(statistics) == pytest.approx(metric(features, labels), abs=1e-8)


def test_a_memory_map_is_read_in_small_blocks(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(205, 10)).astype(np.float32), np.arange(205) % 4
    np.save(tmp_path / "features.npy", features)
    lengths = []

    def spy(total, rows):
        lengths.append(len(rows))
        return add_gram(total, rows)

    monkeypatch.setattr("baselines.kernels.streaming_statistics.add_gram", spy)
    monkeypatch.setattr("baselines.kernels.streaming_statistics._BLOCK_BYTES", 1600)
    value = logme(np.load(tmp_path / "features.npy", mmap_mode="r"), labels)
    assert lengths == [20] * 10 + [5]
    assert value == pytest.approx(logme(features.astype(float), labels), abs=1e-12)


def test_features_too_large_to_square_are_named():
    with pytest.raises(ValueError, match="features holds values too large"):
        sufficient_statistics(np.array([[1e200], [-1e200]]))


def test_features_that_say_yes_or_no_are_numbers():
    features = np.array([[True, False], [False, False], [True, True]])
    assert sufficient_statistics(features).mean.tolist() == pytest.approx([2 / 3, 1 / 3])


def test_half_precision_sums_do_not_overflow():
    features = np.full((3000, 2), 60.0, dtype=np.float16)
    features[::2] = 61
    assert sufficient_statistics(features).mean.tolist() == [60.5, 60.5]
    assert sufficient_statistics(features).covariance[0, 0] == pytest.approx(0.25)


def test_samples_can_be_added_after_a_result():
    accumulator = StatisticsAccumulator()
    accumulator.add(np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([0, 1]))
    early = accumulator.result()
    before = early.covariance.clone(), early.class_sums.clone(), early.gram.clone()
    accumulator.add(np.array([[7.0, -5.0]]), np.array([1]))
    assert accumulator.result().n == 3
    assert torch.equal(early.gram, before[2])
    assert torch.equal(early.class_sums, before[1])


def test_blocks_must_fit_together():
    accumulator = StatisticsAccumulator()
    with pytest.raises(ValueError, match="features is empty"):
        accumulator.result()
    accumulator.add(np.ones((2, 3)), np.array([0, 1]))
    with pytest.raises(ValueError, match="features has 4 columns but earlier blocks had 3"):
        accumulator.add(np.ones((2, 4)), np.array([0, 1]))


@pytest.mark.parametrize("rank", [3, 6])
def test_symmetric_routines_agree_with_numpy_also_without_full_rank(rank):
    rng = np.random.default_rng(rank)
    factor = rng.normal(size=(6, rank))
    matrix, rows = factor @ factor.T, rng.normal(size=(2, rank)) @ factor.T
    tensor = torch.from_numpy(matrix)
    expected = np.trace(rows @ np.linalg.pinv(matrix, hermitian=True, rcond=1e-10) @ rows.T)
    assert inverse_trace(tensor, torch.from_numpy(rows)) == pytest.approx(expected)
    root = square_root(tensor).factor
    assert np.allclose(root @ root.T, matrix)
    assert largest_eigenvalue(tensor) == pytest.approx(np.linalg.eigvalsh(matrix)[-1])
    assert nuclear_norm(torch.from_numpy(factor)) == pytest.approx(np.linalg.norm(factor, "nuc"))
    assert np.allclose(mirror(tensor.tril() + tensor.triu(1) * 7), matrix)
    if rank == 6:
        assert np.allclose(solve(tensor, torch.from_numpy(rows)), np.linalg.solve(matrix, rows.T).T)


@pytest.mark.parametrize("d", [1, 2, 3, 60, 300])
@pytest.mark.parametrize("offset", [0.0, 5.0, 1e4])
def test_samples_far_from_the_origin_lose_no_digits(d, offset):
    """Also where the mean is so large that nothing is left of the covariance in the digits of X^T X."""
    rng = np.random.default_rng(d)
    n = 2 * d + 40
    labels = np.arange(n) % 3
    features = rng.normal(size=(n, d)) * rng.uniform(0.3, 2, size=d) + rng.normal(size=(3, d))[labels] + offset
    statistics = sufficient_statistics(features, labels)
    form = tridiagonal_form(statistics)
    tridiagonal = np.diag(form.diagonal) + np.diag(form.off_diagonal, 1) + np.diag(form.off_diagonal, -1)
    covariance = np.cov(features.T, bias=True).reshape(d, d)
    assert np.allclose(np.linalg.eigvalsh(tridiagonal), np.linalg.eigvalsh(covariance), rtol=1e-9, atol=1e-9)
    values, coordinates = form.uncentred_spectrum(statistics.counts.numpy())
    assert np.allclose(values, np.linalg.eigvalsh(features.T @ features), rtol=1e-9, atol=1e-12 * values[-1])
    sums = np.stack([features[labels == y].sum(axis=0) for y in range(3)])
    assert np.allclose(coordinates.T @ coordinates, sums @ sums.T, rtol=1e-9)
    means = np.stack([features[labels == y].mean(axis=0) for y in range(3)])
    within = sum((labels == y).mean() * np.cov(features[labels == y].T, bias=True).reshape(d, d) for y in range(3))
    between = (means - features.mean(axis=0)).T * statistics.priors.numpy() @ (means - features.mean(axis=0))
    assert h_score_from(statistics) == pytest.approx(np.trace(np.linalg.solve(covariance, between)), rel=1e-8)
    a, m = ledoit_wolf_shrinkage(statistics), np.trace(covariance) / d
    expected = (1 - a) * np.trace(np.linalg.solve((1 - a) * covariance + a * m * np.eye(d), between))
    assert regularized_h_score_from(statistics) == pytest.approx(expected, rel=1e-8)
    _, logarithm = np.linalg.slogdet(np.eye(d) + covariance / (np.trace(covariance) * 1e-4))
    assert global_rate(statistics) == pytest.approx(logarithm / 2, abs=1e-8)
    largest = np.linalg.eigvalsh(within)[-1]
    assert fit_discriminant(statistics).shrinkage == pytest.approx(max(np.exp(-5 * largest), 1e-10), rel=1e-7)


def test_a_covariance_without_full_rank_is_left_to_the_pseudo_inverse():
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(40, 4)) @ rng.normal(size=(4, 12)), np.arange(40) % 3
    means = np.stack([features[labels == y].mean(axis=0) for y in range(3)]) - features.mean(axis=0)
    between = means.T * (np.bincount(labels) / len(labels)) @ means
    expected = np.trace(np.linalg.pinv(np.cov(features.T, bias=True), hermitian=True, rcond=1e-10) @ between)
    assert h_score_from(sufficient_statistics(features, labels)) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("rank", [5, 9])
def test_a_congruence_is_the_product_of_three_matrices(rank):
    rng = np.random.default_rng(0)
    factor, other = rng.normal(size=(9, rank)), rng.normal(size=(9, 9))
    root, matrix = square_root(torch.from_numpy(factor @ factor.T)), torch.from_numpy(other @ other.T)
    before = matrix.clone()
    expected = root.factor.numpy().T @ matrix.numpy() @ root.factor.numpy()
    assert np.allclose(np.tril(congruence(root, matrix)), np.tril(expected))
    assert torch.equal(matrix, before)


def test_the_largest_eigenvalue_of_a_large_matrix_is_exact():
    factor = np.random.default_rng(0).normal(size=(300, 300))
    matrix = factor @ factor.T
    assert largest_eigenvalue(torch.from_numpy(matrix)) == pytest.approx(np.linalg.eigvalsh(matrix)[-1], rel=1e-12)
