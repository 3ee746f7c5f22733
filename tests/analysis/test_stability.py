"""What changing one factor does to scores whose dependence on it is known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pgebench.analysis.stability import OWN, setup_stability, stability

SOURCES, TARGETS = list("abcdefgh"), list("uvwxyz")


def rows(stage: str, name: str, values: np.ndarray, variant: str | None = None, seed: int = 0) -> pd.DataFrame:
    cells = [(s, t, values[i, j]) for i, s in enumerate(SOURCES) for j, t in enumerate(TARGETS)]
    frame = pd.DataFrame(cells, columns=["source", "target", "value"])
    column = "metric" if stage == "score" else "truth"
    empty = {"metric": None, "truth": None} | {column: name}
    return frame.assign(stage=stage, status="done", backbone="net", seed=seed, variant=variant, **empty)


@pytest.fixture
def numbers() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = 0.5 + 0.1 * rng.normal(size=(8, 6))
    return {"truth": truth, "solid": 2 + truth, "shaky": 2 + truth, "noise": 0.1 * rng.normal(size=(3, 8, 6))}


@pytest.fixture
def records(numbers: dict[str, np.ndarray]) -> pd.DataFrame:
    parts = [rows("truth", "finetune", numbers["truth"]), rows("score", "solid", numbers["solid"])]
    parts.append(rows("score", "shaky", numbers["shaky"]))
    for level, noise in enumerate(numbers["noise"]):
        variant = f"metric seed: metric_seed={level + 1}"
        parts += [rows("score", "solid", numbers["solid"], variant)]
        parts += [rows("score", "shaky", numbers["shaky"] + noise, variant)]
    return pd.concat(parts, ignore_index=True)


def of(found: pd.DataFrame, metric: str) -> pd.Series:
    return found.set_index("metric").loc[metric]


def test_a_score_that_ignores_the_factor_is_perfectly_stable(records: pd.DataFrame) -> None:
    found = stability(records, "finetune", {})
    assert found is not None
    solid = of(found.metrics, "solid")
    assert (solid.changed, solid.largest_change, solid.cv, solid.noise, solid.quality_sd) == (0, 0, 0, 0, 0)
    assert solid.agreement == 1
    assert solid.levels == 4


def test_spread_and_agreement_are_those_of_the_naive_loops(
    records: pd.DataFrame, numbers: dict[str, np.ndarray]
) -> None:
    found = stability(records, "finetune", {})
    assert found is not None
    shaky = of(found.metrics, "shaky")
    levels = np.stack([numbers["shaky"], *(numbers["shaky"] + noise for noise in numbers["noise"])])
    cv = [
        np.std(levels[:, s, t], ddof=1) / abs(np.mean(levels[:, s, t])) for s in range(len(SOURCES)) for t in range(6)
    ]
    assert shaky.cv == pytest.approx(np.median(cv))
    noise = []
    for t in range(len(TARGETS)):
        column = levels[:, :, t] - levels[:, :, t].mean(axis=1, keepdims=True)
        noise += list(np.var(column, axis=0, ddof=1) / np.var(column.mean(axis=0)))
    assert shaky.noise == pytest.approx(np.sqrt(np.mean(noise)))
    taus = [
        stats.kendalltau(levels[i, :, t], levels[j, :, t]).statistic
        for i in range(4)
        for j in range(i + 1, 4)
        for t in range(len(TARGETS))
    ]
    assert shaky.agreement == pytest.approx(np.mean(taus))
    quality = [
        np.mean([stats.weightedtau(level[:, t], numbers["truth"][:, t]).statistic for t in range(6)])
        for level in levels
    ]
    assert (shaky.quality_low, shaky.quality_high) == pytest.approx((min(quality), max(quality)))
    assert shaky.quality_sd == pytest.approx(np.std(quality, ddof=1))
    assert shaky.changed == 1


def test_what_moves_all_sources_of_a_target_alike_is_no_noise(
    records: pd.DataFrame, numbers: dict[str, np.ndarray]
) -> None:
    shifted = numbers["solid"] + np.arange(6.0)
    extra = [rows("score", "solid", shifted, "probe size: target.train_per_class=5")]
    found = stability(pd.concat([records, *extra], ignore_index=True), "finetune", {})
    assert found is not None
    solid = of(found.metrics[found.metrics.factor == "probe size"], "solid")
    assert solid.noise == pytest.approx(0, abs=1e-12)
    assert solid.agreement == 1
    assert solid.changed == pytest.approx(5 / 6)
    assert solid.cv > 0


def test_a_variant_with_a_truth_of_its_own_is_judged_by_it(
    records: pd.DataFrame, numbers: dict[str, np.ndarray]
) -> None:
    variant = "checkpoint seed: seed=1"
    extra = [rows("score", "solid", numbers["solid"], variant), rows("truth", "finetune", -numbers["truth"], variant)]
    found = stability(pd.concat([records, *extra], ignore_index=True), "finetune", {})
    assert found is not None
    own = found.levels[found.levels.factor == "checkpoint seed"].set_index("level").weighted_tau
    assert own[OWN] == 1
    assert own["seed=1"] == pytest.approx(-1)


def test_a_backbone_of_another_name_is_compared_all_the_same(records: pd.DataFrame) -> None:
    extra = records[records.variant.isna()].assign(backbone="other", variant="backbone: backbone=other")
    found = stability(pd.concat([records, extra], ignore_index=True), "finetune", {})
    assert found is not None
    assert (found.metrics[found.metrics.factor == "backbone"].agreement == 1).all()


def test_setup_stability_is_the_mean_tau_between_quality_vectors() -> None:
    vectors = np.random.default_rng(1).random((4, 9))
    naive = [stats.kendalltau(vectors[i], vectors[j]).statistic for i in range(4) for j in range(i + 1, 4)]
    assert setup_stability(vectors) == pytest.approx(np.mean(naive))


def test_records_without_variations_have_no_stability(records: pd.DataFrame) -> None:
    assert stability(records[records.variant.isna()], "finetune", {}) is None
    assert stability(records, "no such truth", {}) is None
