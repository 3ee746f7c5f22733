"""Published tables: the numbers as they were printed, and what they say of each other."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from conftest import run_pgebench
from scipy.stats import weightedtau, zscore

from pgebench.core.errors import ConfigError, DataError
from pgebench.published import load, names
from pgebench.published.__main__ import main
from pgebench.published.bounds import broken
from pgebench.published.compare import recomputed
from pgebench.published.records import records
from pgebench.published.run import chosen_table
from pgebench.published.tables import FOLDER, model_facts

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("table", "backbone", "source", "target", "percent"),
    [
        ("sfda", "resnet34", "imagenet", "aircraft", 84.06),
        ("sfda", "mnasnet1_0", "imagenet", "cars", 72.58),
        ("sfda", "inception_v3", "imagenet", "voc2007", 83.84),
        ("sfda_ssl", "byol", "imagenet", "pets", 91.48),
        ("sfda_ssl", "infomin", "imagenet", "cifar100", 70.89),
        ("tllib", "inception_v3", "imagenet", "aircraft", 88.8),
        ("tllib", "resnet152", "imagenet", "sun397", 66.0),
        ("model_spider", "googlenet", "imagenet", "cars", 91.0),
        ("parc", "resnet50", "nabird", "cub200", 84.7428),
        ("parc", "alexnet", "imagenet", "stanford_dogs", 62.0746),
    ],
)
def test_values_are_those_that_were_printed(
    table: str, backbone: str, source: str, target: str, percent: float
) -> None:
    assert load(table).accuracy.loc[(backbone, source), target] == pytest.approx(percent / 100, abs=1e-9)


def test_parc_has_no_value_exactly_where_the_source_is_the_target() -> None:
    accuracy = load("parc").accuracy
    for (_, source), row in accuracy.iterrows():
        assert row[row.isna()].index.tolist() == ([source] if source in accuracy.columns else [])


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


@pytest.mark.parametrize("name", ["resnet34", "densenet121", "mnasnet1_0", "mobilenet_v2", "alexnet", "inception_v3"])
def test_parameters_are_those_of_the_network_when_it_is_built(name: str) -> None:
    quick = {"init_weights": False} if name == "inception_v3" else {}
    with torch.device("meta"):
        network = torchvision.models.get_model(name, weights=None, **quick)
    assert sum(parameter.numel() for parameter in network.parameters()) == model_facts().loc[name, "parameters"]


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


def test_the_command_reports_a_published_table_with_nothing_trained(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    results, store = tmp_path / "results", tmp_path / "store"
    assert run_pgebench("truth=published.sfda", "tracking=none", f"results={results}", f"store={store}") == 0
    assert "nothing was trained" in capfd.readouterr().out
    league = pd.read_csv(results / "summary.csv").set_index("metric")["weighted_tau"].round(3)
    assert league.drop("random").to_dict() == {
        "static": 0.837,
        "static_standardised": 0.826,
        "source_accuracy": 0.654,
        "parameter_count": 0.578,
    }
    report = (results / "report.md").read_text()
    assert "Which backbone should I fine-tune on this target?" in report
    assert "between the backbones of one target" in report
    assert "## Cost" not in report
    assert not store.exists()


def test_the_command_refuses_two_tables_and_writes_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results"
    arguments = ("truth=published.sfda,published.tllib", "tracking=none")
    assert run_pgebench(*arguments, f"results={results}", f"store={tmp_path / 'store'}") != 0
    assert "never mixed" in capfd.readouterr().err
    assert not results.exists()


def test_the_reference_page_is_the_one_that_the_command_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = "results/reference/published/README.md"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["pgebench.published", f"results={Path(page).parent}"])
    main()
    assert capsys.readouterr().out == f"Page: {page}\n"
    assert Path(page).read_text() == (ROOT / page).read_text()


def test_the_tables_travel_in_the_wheel() -> None:
    """Hatch takes what lies in these folders unless git ignores it."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    files = [*FOLDER.glob("*"), *FOLDER.parent.glob("*.j2")]
    assert all(file.relative_to(ROOT).parts[0] in wheel["only-include"] for file in files)
    ignored = subprocess.run(["git", "check-ignore", *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ignored.stdout == ""
