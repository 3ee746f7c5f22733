"""The contract of every metric that a config can name: those in conf/metric, and a user's own.

``pytest tests/test_metric_contract.py --metric-dir=FOLDER`` adds the metrics of a ``--config-dir`` of yours.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from threadpoolctl import threadpool_limits

from pgebench.analysis.ties import tied
from pgebench.config import MetricConfig, conf_dir
from pgebench.core.instantiate import function
from pgebench.core.settings import GradientSettings
from pgebench.pge import PrincipalGradient
from pgebench.stages.kinds_of_evidence import KINDS
from pgebench.stages.score import asks_for

PLUGIN = Path(__file__).parents[1] / "example_plugin"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise every test by the YAML files of all metric folders."""
    folders = [conf_dir(), PLUGIN, *map(Path, metafunc.config.getoption("--metric-dir"))]
    sys.path.extend(str(folder) for folder in folders[1:] if str(folder) not in sys.path)
    files = sorted(path for folder in folders for path in (folder / "metric").glob("*.yaml"))
    if "file" in metafunc.fixturenames:
        metafunc.parametrize("file", files, ids=[path.stem for path in files])


def config_of(file: Path) -> Mapping[str, Any]:
    """The metric's config, over the schema; interpolations stand for experiments' budgets and are dropped."""
    loaded = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    assert isinstance(loaded, dict)
    loaded["gradient"] = {
        key: value for key, value in (loaded.get("gradient") or {}).items() if not str(value).startswith("${")
    }
    merged = OmegaConf.merge(OmegaConf.structured(MetricConfig(gradient=GradientSettings())), loaded)
    return OmegaConf.to_container(merged)  # type: ignore[return-value]


def evidence(n: int = 40, d: int = 12, classes: int = 4, seed: int = 0, scale: float = 1.0) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(n) % classes)
    features = scale * (random.normal(size=(classes, d))[labels] + random.normal(size=(n, d)))
    logits = random.normal(size=(n, 6)) + 2 * np.eye(6)[labels % 6]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    # Halves of a gradient agree up to noise, as those of real ones do.
    gradients = torch.from_numpy(3 * random.normal(size=(2, 2, 1, 30)) + random.normal(size=(2, 2, 2, 30)))
    return {
        "features": features.astype(np.float32),
        "labels": labels,
        "source_probabilities": probabilities,
        "source_labels": probabilities.argmax(1),
        "random_features": random.normal(size=(n, 9)).astype(np.float32),
        "source_features": (scale * random.normal(size=(n + 7, d))).astype(np.float32),
        "source_targets": np.arange(n + 7) % 3,
        "source_gradient": PrincipalGradient(gradients[0], sizes=(10, 20)),
        "target_gradient": PrincipalGradient(gradients[1], sizes=(10, 20)),
        "source_information": random.exponential(size=30).astype(np.float32),
        "target_information": random.exponential(size=30).astype(np.float32),
        "triplet_gradient_norms": random.exponential(size=(6, 2)),
        "source_weights": [random.normal(size=(12, 5, 3, 3)).astype(np.float32), np.ones(12, np.float32)],
        "source_accuracy": 0.9,
        "source_size": 1000,
        "source_classes": 10,
        "target_classes": classes,
        "source_collection": "mnist",
        "target_collection": "fashion",
        "parameters": 12345,
        "flops": 1e6,
        "feature_width": d,
        "seed": 7,
    }


def score(file: Path, given_evidence: Mapping[str, Any]) -> float:
    config = config_of(file)
    metric, fixed = function(config["function"])
    wanted = asks_for(file.stem, config["function"])
    return metric(**{key: given_evidence[key] for key in wanted}, **fixed)


def test_contract_the_yaml_names_a_function_of_evidence(file: Path) -> None:
    config = config_of(file)
    assert set(asks_for(file.stem, config["function"])) <= set(KINDS)
    kinds = {p.kind for p in inspect.signature(function(config["function"])[0]).parameters.values()}
    assert kinds <= {inspect.Parameter.POSITIONAL_OR_KEYWORD}, "no *args or **kwargs: they swallow typos"
    assert file.read_text().splitlines()[0] == f"# @package metric.{file.stem}"


@given(
    n=st.integers(8, 60),
    d=st.integers(1, 40),
    classes=st.integers(2, 4),
    seed=st.integers(0, 2**16),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_contract_a_score_is_finite_or_a_named_error(
    file: Path, n: int, d: int, classes: int, seed: int, scale: float
) -> None:
    try:
        value, message = score(file, evidence(n, d, classes, seed, scale)), None
    except ValueError as error:
        value, message = 0.0, str(error)
    assert math.isfinite(value)
    assert message is None or any(name in message for name in KINDS), f"no argument is named: {message}"


def test_contract_a_score_repeats_and_leaves_its_evidence_alone(file: Path) -> None:
    given_evidence, untouched = evidence(), evidence()
    first = score(file, given_evidence)
    assert score(file, given_evidence) == first
    for key, value in untouched.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(given_evidence[key], value)


def test_contract_renaming_classes_changes_nothing(file: Path) -> None:
    renamed = evidence()
    renamed["labels"] = np.array([2, 0, 3, 1])[renamed["labels"]]
    renamed["source_targets"] = np.array([1, 2, 0])[renamed["source_targets"]]
    assert score(file, renamed) == pytest.approx(score(file, evidence()), rel=1e-6, abs=1e-6)


def test_contract_the_order_of_samples_changes_nothing(file: Path) -> None:
    if "seed" in asks_for(file.stem, config_of(file)["function"]):
        pytest.skip("draws samples by its seed: another order is another draw")
    assert score(file, reordered(evidence())) == pytest.approx(score(file, evidence()), rel=1e-6, abs=1e-6)


def test_contract_a_distance_to_itself_is_zero(file: Path) -> None:
    wanted = set(asks_for(file.stem, config_of(file)["function"]))
    if not wanted & {"source_features", "source_gradient", "source_information"}:
        pytest.skip("compares no two datasets")
    if str(config_of(file)["function"].get("distance")).endswith("_debiased"):
        pytest.skip("cross-fitting needs two estimates whose noise is independent")
    if "form" in config_of(file)["function"]:
        pytest.skip("is directed: beside itself a gradient gains its own length")
    same = evidence()
    same |= {"source_features": same["features"], "source_targets": same["labels"]}
    same["source_gradient"] = same["target_gradient"]
    same["source_information"] = same["target_information"]
    assert score(file, same) == pytest.approx(0, abs=1e-6)


SCALED = {"pactran", "etran_energy"}
"""A Gaussian prior of fixed width, and an energy: these look at how long features are."""


@pytest.mark.parametrize(
    "d",
    [pytest.param(6, id="more images than features", marks=pytest.mark.slow), pytest.param(32, id="fewer images")],
)
def test_contract_no_rank_hangs_on_rounding(file: Path, d: int) -> None:
    """The same evidence in another order of rows, in another unit, on other threads: the candidates rank as before."""
    candidates = [evidence(n=20, d=d, seed=seed) for seed in range(3)]

    def ranks(changed: Callable[[dict[str, Any]], dict[str, Any]]) -> list[int]:
        scores = tied(np.array([score(file, changed(dict(one))) for one in candidates]), config_of(file)["tie"])
        return [sum(other < one for other in scores) for one in scores]

    before = ranks(lambda one: one)
    with threadpool_limits(2):
        assert ranks(lambda one: one) == before
    if file.stem not in SCALED:
        assert ranks(doubled) == before
    if "seed" not in asks_for(file.stem, config_of(file)["function"]):
        assert ranks(reordered) == before


def doubled(one: dict[str, Any]) -> dict[str, Any]:
    return one | {key: 2 * one[key] for key in ("features", "source_features")}


def reordered(one: dict[str, Any]) -> dict[str, Any]:
    for keys in (
        ("features", "labels", "random_features", "source_probabilities", "source_labels"),
        ("source_features", "source_targets"),
    ):
        order = np.random.default_rng(1).permutation(len(one[keys[0]]))
        one |= {key: one[key][order] for key in keys}
    return one
