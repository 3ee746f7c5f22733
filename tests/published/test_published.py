"""Published tables: the numbers as they were printed, and what they say of each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torchvision
from scipy.stats import weightedtau, zscore

from pgebench.errors import ConfigError, DataError
from pgebench.published import load, names
from pgebench.published.bounds import broken
from pgebench.published.compare import recomputed
from pgebench.published.records import records
from pgebench.published.run import chosen_table
from pgebench.published.tables import model_facts


@pytest.mark.parametrize(
    ("metric", "expected"), [("static_standardised", 0.826), ("source_accuracy", 0.654), ("parameter_count", 0.578)]
)
def test_three_rankers_without_images_reach_the_known_taus_on_sfda(metric: str, expected: float) -> None:
    rows = records(load("sfda"))
    truth = rows[rows.stage == "truth"].pivot(index="backbone", columns="target", values="value")
    score = rows[rows.metric == metric].pivot(index="backbone", columns="target", values="value").loc[truth.index]
    assert np.mean([weightedtau(score[t], truth[t])[0] for t in truth]) == pytest.approx(expected, abs=5e-4)


def test_standardised_static_is_the_mean_of_the_other_targets_z_scores() -> None:
    accuracy = load("sfda").accuracy
    z = zscore(accuracy.to_numpy(), axis=0)
    taus = [weightedtau(np.delete(z, t, 1).mean(1), accuracy.iloc[:, t])[0] for t in range(z.shape[1])]
    assert np.mean(taus) == pytest.approx(0.826, abs=5e-4)


def test_the_accuracies_of_model_spider_are_those_of_tllib() -> None:
    first, second = load("model_spider").accuracy, load("tllib").accuracy
    assert (first[second.columns] == second).all().all()


@pytest.mark.parametrize("name", model_facts().index)
def test_facts_about_models_are_those_that_torchvision_documents(name: str) -> None:
    fact = model_facts().loc[name]
    meta = torchvision.models.get_weight(str(fact["weights"])).meta
    assert meta["_metrics"]["ImageNet-1K"]["acc@1"] == fact["imagenet_top1"]
    assert meta["num_params"] == fact["parameters"]


def test_printed_taus_of_model_spider_follow_with_the_truths_weights() -> None:
    found = recomputed(load("model_spider"))
    assert (found.published - found.computed).abs().max() < 0.05


def test_values_outside_their_bounds_are_found() -> None:
    found = broken(load("model_spider")).groupby(["metric", "target"]).size().to_dict()
    assert found == {("gbc", target): 3 for target in ("cifar10", "cifar100", "dtd", "sun397")} | {
        ("gbc", "aircraft"): 10
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [("\nresnet50,", "\nresnet34,"), ("84.06", ""), ("84.06", "184.06"), ("84.06", "x")],
    ids=["doubled row", "empty cell", "above 100 percent", "no number"],
)
def test_a_damaged_table_is_refused(tmp_path: Path, old: str, new: str) -> None:
    from pgebench.published.tables import FOLDER

    for path in FOLDER.glob("sfda.*"):
        text = path.read_text()
        (tmp_path / path.name).write_text(text.replace(old, new, 1) if path.name == "sfda.csv" else text)
    with pytest.raises(DataError):
        load("sfda", tmp_path)


def test_tables_are_never_mixed() -> None:
    truths = {f"published_{name}": {"protocol": "published", "table": name} for name in names()}
    with pytest.raises(ConfigError, match="never mixed"):
        chosen_table("published.sfda", [truths])
    with pytest.raises(ConfigError, match="experiment of its own"):
        chosen_table("embedded", [{"published_sfda": truths["published_sfda"]}])
