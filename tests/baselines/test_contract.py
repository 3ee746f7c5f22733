"""The contract of a metric, checked for each: arrays in, one finite float inside its bounds out, nothing else."""

import inspect
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from changed_evidence import HARD, changed, hard

import baselines

INF = math.inf


def entropy(evidence):
    p = np.unique(evidence["labels"], return_counts=True)[1] / len(evidence["labels"])
    return -(p * np.log(p)).sum()


def classes(evidence):
    return len(np.unique(evidence["labels"]))


def rank_bound(evidence):
    n, d = evidence["features"].shape
    return min(n - 1, d, classes(evidence) - 1)


# metric: bounds, and what leaves it unchanged: l renaming classes, s reordering samples, r rotating features,
# m multiplying features by a constant, t shifting features.
CONTRACT = {
    "leep": (lambda e: (-entropy(e), 0), "ls"),
    "nce": (lambda e: (-entropy(e), 0), "ls"),
    "n_leep": (lambda e: (-entropy(e), 0), "lrmt"),
    "logme": (lambda e: (-INF, INF), "lsrm"),
    "h_score": (lambda e: (0, rank_bound(e)), "lsrmt"),
    "regularized_h_score": (lambda e: (0, rank_bound(e)), "lsrmt"),
    "gbc": (lambda e: (-classes(e) * (classes(e) - 1), 0), "lsrmt"),
    "transrate": (lambda e: (0, INF), "lsrmt"),
    "lfc": (lambda e: (-1, 1), "lsrm"),
    "knn": (lambda e: (0, 1), "lsrmt"),
    "parc": (lambda e: (-1, 1), "lsmt"),
    "sfda": (lambda e: (0, 1), "lsrt"),
    "etran_energy": (lambda e: (e["features"].max(1).mean(), e["features"].max(1).mean() + 5), "ls"),
    "etran_classification": (lambda e: (0, 1), "lsrt"),
    "ncti_seli": (lambda e: (0, INF), "lsrt"),
    "ncti_nearest_centre": (lambda e: (0, 1), "lsrt"),
    "ncti_variability": (lambda e: (-math.log(len(e["labels"]) * classes(e)), 0), "lsrt"),
    "ped": (lambda e: (-INF, INF), "lsm"),
    "pactran": (lambda e: (-INF, 0), "lsrt"),
    "linear_probe": (lambda e: (0, 1), "lrmt"),
    "feature_uniqueness": (lambda e: (0, INF), "lsrmt"),
    "fu_lp": (
        lambda e: (0, e["triplet_gradient_norms"][:, 1].mean() / e["triplet_gradient_norms"][:, 0].mean()),
        "lrmt",
    ),
    "linear_mmd": (lambda e: (-INF, 0), "lsrmt"),
    "frechet_distance": (lambda e: (-INF, 0), "lsrmt"),
    "otdd": (lambda e: (-INF, 0), "lsrmt"),
    "task2vec": (lambda e: (-1, 0), "lsrmt"),
    "task2vec_head": (lambda e: (-1, 0), "lsmt"),
    "f_otce": (lambda e: (-entropy(e), 0), "lsrmt"),
    "jc_otce": (lambda e: (-entropy(e), 0), "lsrmt"),
    "otce_domain": (lambda e: (-INF, 0), "lsrmt"),
    "tmi": (lambda e: (0, e["features"].var(0).sum()), "lsrt"),
    "kite": (lambda e: (0, INF), "lsrmt"),
    "disco": (lambda e: (0, 1e8), "lsrmt"),
    "lda_out_of_fold": (lambda e: (0, 1), "lrt"),
    "qda_out_of_fold": (lambda e: (0, 1), "lrt"),
    "sfda_out_of_fold": (lambda e: (0, 1), "lrt"),
    "rank_me": (lambda e: (1, min(e["features"].shape)), "lsrm"),
    "prediction_entropy": (lambda e: (-math.log(e["source_probabilities"].shape[1]), 0), "lsrmt"),
    "weighted_alpha": (lambda e: (-INF, INF), "lsrmt"),
    "random_score": (lambda e: (0, 1), "lsrmt"),
    "source_accuracy": (lambda e: (0, 1), "lsrmt"),
    "source_size": (lambda e: (0, INF), "lsrmt"),
    "number_of_classes": (lambda e: (0, INF), "lsrmt"),
    "parameter_count": (lambda e: (0, INF), "lsrmt"),
    "flop_count": (lambda e: (0, INF), "lsrmt"),
    "feature_width": (lambda e: (0, INF), "lsrmt"),
    "same_collection": (lambda e: (0, 1), "lsrmt"),
}
DISTANCES = [
    *("linear_mmd", "frechet_distance", "otdd", "f_otce", "jc_otce", "otce_domain", "task2vec", "task2vec_head")
]
EVIDENCE = {
    "features",
    "labels",
    "source_probabilities",
    "source_labels",
    "source_accuracy",
    "source_size",
    "source_classes",
    "target_classes",
    "source_collection",
    "target_collection",
    "parameters",
    "flops",
    "feature_width",
    "random_features",
    "source_weights",
    "source_features",
    "source_targets",
    "source_information",
    "target_information",
    "triplet_gradient_norms",
    "seed",
}
# Iterative fits stop within their tolerance of the optimum, not at it.
LOOSE = {"pactran": 1e-6, "task2vec_head": 1e-6, "ncti_seli": 1e-6}


@pytest.fixture
def evidence(case):
    features, labels = case
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(len(labels), 6)) + np.eye(6)[labels % 6]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    half = len(labels) // 2
    return {
        "features": features,
        "labels": labels,
        "source_probabilities": probabilities,
        "source_labels": probabilities.argmax(axis=1),
        "source_features": rng.permuted(features[: half + 3], axis=0) + 2.0,
        "source_targets": np.arange(half + 3) % 3,
        "source_information": rng.exponential(size=30),
        "target_information": rng.exponential(size=30) * (np.arange(30) > 4),
        "source_accuracy": 0.9,
        "source_size": 1000,
        "source_classes": 10,
        "target_classes": 4,
        "source_collection": "mnist",
        "target_collection": "fashion",
        "parameters": 12345,
        "flops": 1e6,
        "feature_width": features.shape[1],
        "random_features": rng.normal(size=(len(labels), 12)) + 0.2 * features[:, :1],
        "source_weights": tuple(rng.normal(size=(3, 12, 16))),
        "triplet_gradient_norms": rng.exponential(size=(6, 2)),
        "seed": 3,
    }


def score(name, evidence):
    function = getattr(baselines, name)
    return function(**{p: evidence[p] for p in inspect.signature(function).parameters if p in evidence})


def test_every_metric_is_under_contract():
    tools = {
        *("log_evidence", "fisher_embedding", "task2vec_distance", "task_head"),
        *("statistics_of_blocks", "sufficient_statistics"),
    }
    functions = {name for name in baselines.__all__ if inspect.isfunction(getattr(baselines, name))}
    assert functions - tools == set(CONTRACT)


def test_no_module_hides_a_function():
    """`_target_: baselines.leep` must stay the function, whatever is imported in whatever order."""
    modules = {path.stem for path in Path(baselines.__file__).parent.glob("*.py")}
    assert not modules & set(baselines.__all__)


@pytest.mark.parametrize("name", CONTRACT)
def test_parameters_are_evidence_or_have_a_default(name):
    for parameter in inspect.signature(getattr(baselines, name)).parameters.values():
        assert parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        assert parameter.name in EVIDENCE or parameter.default is not parameter.empty


@pytest.mark.parametrize("name", CONTRACT)
def test_scores_are_floats_within_their_bounds(name, evidence):
    low, high = CONTRACT[name][0](evidence)
    value = score(name, evidence)
    assert type(value) is float
    assert math.isfinite(value)
    assert low - 1e-9 <= value <= high + 1e-9


@pytest.mark.parametrize("kind", HARD)
@pytest.mark.parametrize("name", CONTRACT)
def test_hard_evidence_gives_a_bounded_score_or_a_named_error(name, kind, evidence):
    difficult = hard(evidence, kind)
    low, high = CONTRACT[name][0](difficult)
    if (name, kind) == ("task2vec_head", "all features constant"):
        with pytest.raises(ValueError, match="features are all constant"):
            score(name, difficult)
        return
    value = score(name, difficult)
    assert math.isfinite(value)
    assert low - 1e-9 * max(1, abs(low)) <= value <= high + 1e-9 * max(1, abs(high))


@pytest.mark.parametrize(
    ("name", "change"), [(name, change) for name, (_, unchanged) in CONTRACT.items() for change in unchanged]
)
def test_what_must_not_matter_does_not_matter(name, change, evidence):
    assert score(name, changed(evidence, change)) == pytest.approx(score(name, evidence), abs=LOOSE.get(name, 1e-8))


@pytest.mark.parametrize("name", CONTRACT)
def test_half_and_single_precision_and_tensors_give_the_score_of_their_values(name, evidence):
    for dtype in (np.float16, np.float32):
        rounded = {k: v.astype(dtype) if getattr(v, "dtype", None) == np.float64 else v for k, v in evidence.items()}
        exact = {k: v.astype(np.float64) if getattr(v, "dtype", None) == dtype else v for k, v in rounded.items()}
        assert score(name, rounded) == pytest.approx(score(name, exact), abs=1e-9)
        tensors = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in rounded.items()}
        assert score(name, tensors) == pytest.approx(score(name, exact), abs=1e-9)


@pytest.mark.parametrize("name", CONTRACT)
def test_a_metric_repeats_itself_and_leaves_its_input_alone(name, evidence):
    before = {k: np.copy(v) for k, v in evidence.items()}
    first = score(name, evidence)
    assert score(name, evidence) == first
    assert all(np.array_equal(evidence[k], before[k]) for k in evidence)
    frozen = {k: np.copy(v) for k, v in evidence.items() if isinstance(v, np.ndarray)}
    for array in frozen.values():
        array.flags.writeable = False
    assert score(name, evidence | frozen) == first


@pytest.mark.parametrize(
    "name", [n for n in CONTRACT if "features" in inspect.signature(getattr(baselines, n)).parameters]
)
def test_bad_features_are_named(name, evidence):
    bad = evidence["features"].copy()
    bad[1, 0] = np.nan
    for features, message in (
        (bad, "features holds 1 NaN"),
        (bad[0], "features must have shape"),
        (bad[:0], "features is empty"),
    ):
        with pytest.raises(ValueError, match=message):
            score(name, evidence | {"features": features})


@pytest.mark.parametrize(
    "name", [n for n in CONTRACT if "labels" in inspect.signature(getattr(baselines, n)).parameters]
)
def test_bad_labels_are_named(name, evidence):
    labels = evidence["labels"]
    for bad, message in (
        (np.full_like(labels, 3), "labels holds one class only"),
        (labels.astype(float), "labels must be integers"),
        (labels[:, None], "labels must have shape"),
        (labels[:-1], "labels has|entries but labels"),
    ):
        with pytest.raises(ValueError, match=message):
            score(name, evidence | {"labels": bad})


@pytest.mark.parametrize("name", DISTANCES)
def test_a_dataset_is_at_distance_zero_from_itself(name, evidence):
    same = evidence | {"source_features": evidence["features"], "source_targets": evidence["labels"]}
    same["source_information"] = same["target_information"]
    assert score(name, same) == 0.0
    reordered = changed(same, "s")
    assert score(name, reordered) == pytest.approx(0.0, abs=2e-5)
    assert score(name, evidence) < 0


@pytest.mark.parametrize("name", DISTANCES)
def test_source_and_target_must_come_from_one_checkpoint(name, evidence):
    if name == "task2vec":
        with pytest.raises(ValueError, match="target_information and source_information must be vectors of one length"):
            score(name, evidence | {"source_information": evidence["source_information"][1:]})
        return
    if name != "task2vec_head":
        with pytest.raises(ValueError, match=r"source_features has .* columns but features has"):
            score(name, evidence | {"source_features": evidence["source_features"][:, :-1]})
    bad = evidence["source_features"].copy()
    bad[0, 0] = np.inf
    with pytest.raises(ValueError, match="source_features holds 1 NaN"):
        score(name, evidence | {"source_features": bad})
