"""`import pgebench`: light until a function is used, and each function gives what its command gives."""

from __future__ import annotations

import dataclasses
import inspect
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from conftest import run_pgebench
from safetensors.torch import save_file

import baselines
import pgebench
from pgebench.core.errors import ConfigError, NonFinite, PgebenchError
from pgebench.pge import PrincipalGradient, pge_score
from pgebench.ranking.request import Wish
from pgebench.stages.kinds_of_evidence import KINDS

FUNCTIONS = ("analyse", "build_report", "judge", "rank", "score")
HEAVY = ("torch", "hydra", "wandb", "pandas", "matplotlib", "timm", "numpy")


def python(program: str) -> str:
    """What a program prints in a fresh interpreter."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_the_import_and_a_look_around_bring_nothing_heavy() -> None:
    look = "import pgebench, sys; dir(pgebench); pgebench.__version__"
    assert python(f"{look}; print([name for name in {HEAVY} if name in sys.modules])") == "[]\n"


def test_the_door_names_what_is_behind_it() -> None:
    assert set(FUNCTIONS) <= set(dir(pgebench))
    assert set(pgebench.__all__) == {*FUNCTIONS, "__version__"}
    assert all(inspect.isfunction(getattr(pgebench, name)) for name in FUNCTIONS)
    # Each is the first that is imported of pgebench; the libraries below it are imported once.
    alone = f"""
import sys
for name in {FUNCTIONS}:
    exec(f"from pgebench import {{name}}; print({{name}}.__name__)")
    for module in [each for each in sys.modules if each.partition(".")[0] in ("pgebench", "baselines")]:
        del sys.modules[module]
"""
    assert python(alone).split() == list(FUNCTIONS)


def test_what_is_not_behind_the_door_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pgebench' has no attribute 'rnak'"):
        pgebench.rnak  # noqa: B018
    with pytest.raises(ImportError, match="rnak"):
        from pgebench import rnak  # noqa: F401


def test_keywords_are_those_of_the_request_and_of_the_evidence() -> None:
    request = {field.name: field for field in dataclasses.fields(Wish)}
    asked = dict(inspect.signature(pgebench.rank).parameters)
    assert set(asked) - {"folder", "say"} == set(request) - {"target"}
    same = set(request) - {"target", "workers"}
    assert {name: asked[name].default for name in same} == {name: request[name].default for name in same}
    given = set(inspect.signature(pgebench.score).parameters)
    assert given == {*KINDS, "metric", "backbone", "folder", "store"}


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 12)
    probabilities = rng.dirichlet(np.ones(4), size=36)
    return {
        "features": rng.normal(size=(36, 5)) + labels[:, None],
        "labels": labels,
        "source_probabilities": probabilities,
    }


def test_a_metric_on_arrays_is_the_function_that_its_yaml_names(arrays: dict[str, np.ndarray]) -> None:
    assert pgebench.score("logme", **arrays) == baselines.logme(arrays["features"], arrays["labels"])
    assert pgebench.score("leep", **arrays) == baselines.leep(arrays["source_probabilities"], arrays["labels"])
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    assert pgebench.score("knn", **tensors) == pgebench.score("knn", **arrays)


def test_what_the_yaml_sets_beside_the_evidence_counts() -> None:
    source, target = (PrincipalGradient(torch.tensor([[[norm, 0.0], [norm, 1.0]]])) for norm in (1.0, 3.0))
    gradients = {"source_gradient": source, "target_gradient": target}
    assert pgebench.score("pge_product", **gradients) == float(pge_score(source, target, distance="product"))
    assert pgebench.score("pge_product", **gradients) != pgebench.score("pge", **gradients)


def test_a_seed_is_that_of_what_the_metric_draws(arrays: dict[str, np.ndarray]) -> None:
    first, again, other = (pgebench.score("random", seed=seed, **arrays) for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize(
    ("metric", "evidence", "message"),
    [
        ("logme", {}, r"metric=logme needs features, labels: give features=\.\.\., labels=\.\.\."),
        (
            "leep",
            {"labels": np.arange(2)},
            r"needs source_probabilities: give source_probabilities=\.\.\.$",
        ),
        ("pge", {}, "metric=pge needs source_gradient, target_gradient"),
        ("leap", {}, r"metric=leap: no such metric; did you mean leep\? choose from "),
        ("logme", {"folder": "photos"}, "give backbone and folder together, or the evidence itself"),
        ("logme", {"backbone": "resnet18"}, "give backbone and folder together, or the evidence itself"),
        ("logme", {"folder": "mnist", "backbone": "x", "labels": np.arange(2)}, "or the evidence itself"),
        (
            "logme",
            {"folder": "mnist", "backbone": "resnet9"},
            "resnet9: timm has no pretrained network",
        ),
        ("logme", {"folder": "mnist", "backbone": "test_resnet"}, "it comes without pretrained weights"),
        ("logme", {"folder": "./nowhere", "backbone": "resnet18"}, "there is no such folder"),
    ],
)
def test_what_is_missing_is_named(metric: str, evidence: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        pgebench.score(metric, **evidence)  # type: ignore[arg-type]


def test_a_metric_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from pgebench.plan import unavailable

    monkeypatch.setattr(unavailable, "installed", lambda distribution: distribution != "POT")
    with pytest.raises(ConfigError, match="it needs POT"):
        pgebench.score("otdd")


def test_a_score_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch, arrays: dict[str, np.ndarray]) -> None:
    monkeypatch.setattr(baselines, "logme", lambda features, labels: float("nan"))
    with pytest.raises(NonFinite, match="metric=logme gave nan"):
        pgebench.score("logme", **arrays)


@pytest.fixture
def backbone(tmp_path: Path) -> Path:
    """A file of weights without a classifier, and the YAML of a backbone that names it."""
    torch.manual_seed(0)
    save_file(timm.create_model("test_resnet", num_classes=0).state_dict(), tmp_path / "weights.safetensors")
    lines = (
        "name: mine",
        "model: test_resnet",
        f"weights: {tmp_path}/weights.safetensors",
        "head: false",
        "image_size: 96",
    )
    (tmp_path / "mine.yaml").write_text("\n".join(lines))
    return tmp_path / "mine.yaml"


def test_a_metric_on_a_backbone_and_a_folder_is_that_of_a_sweep(
    backbone: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = pgebench.score("logme", backbone=backbone, folder=photos, store=tmp_path / "kept")
    assert capsys.readouterr().out == ""
    sweep = (
        "experiment=hub", "backbone=test_resnet", f"backbone.weights={tmp_path}/weights.safetensors",
        "backbone.head=false", "source=pretrained", "target=folder", f"target.path={photos}",
        "target.train_per_class=null", "metric=[logme]", "truth=[linear_probe]", "recipe.linear_probe.steps=3",
        "launch=serial", "tracking=none", "progress=none", f"results={tmp_path}/results", f"store={tmp_path}/store",
    )  # fmt: skip
    assert run_pgebench(*sweep) == 0
    (expected,) = pd.read_parquet(tmp_path / "results/records.parquet").query("metric == 'logme'").value
    assert found == pytest.approx(expected, rel=1e-6)
    assert pgebench.score("knn", backbone=str(backbone), folder=str(photos), store=tmp_path / "kept") <= 1


def test_evidence_that_pretrained_weights_lack_is_named(backbone: Path, photos: Path) -> None:
    with pytest.raises(ConfigError, match=r"metric=pge needs source_gradient, target_gradient: the data that"):
        pgebench.score("pge", backbone=backbone, folder=photos)
    with pytest.raises(ConfigError, match=r"metric=leep needs source_probabilities: the weights of mine have no class"):
        pgebench.score("leep", backbone=backbone, folder=photos)


def test_a_backbone_that_fails_says_why_and_a_class_left_out_is_warned_of(backbone: Path, photos: Path) -> None:
    (photos / "rare").mkdir()
    shutil.copy(photos / "zero/0.JPG", photos / "rare")
    with pytest.warns(UserWarning, match="left out: rare of my photos: fewer than three images"):
        whole = pgebench.score("knn", backbone=backbone, folder=photos)
    assert 0 <= whole <= 1
    shutil.rmtree(photos / "rare")
    text = backbone.read_text()
    backbone.write_text(text.replace("model: test_resnet", "model: test_vit"))
    with pytest.raises(PgebenchError, match=r"metric=knn, backbone=.*mine\.yaml: .*another architecture"):
        pgebench.score("knn", backbone=backbone, folder=photos)


@pytest.mark.parametrize("place", [lambda results: results, lambda results: str(results / "records.parquet")])
def test_an_analysis_has_the_numbers_of_the_report(finished: Path, place: Callable[[Path], Path | str]) -> None:
    written = pd.read_csv(finished / "results/summary.csv")
    found = pgebench.analyse(place(finished / "results")).summary
    assert len(found) > 0
    pd.testing.assert_frame_equal(found, written, check_dtype=False, rtol=1e-5, atol=1e-9)


def test_a_table_of_one_s_own_can_be_analysed(finished: Path) -> None:
    records = pd.read_parquet(finished / "results/records.parquet")
    few = records[records.metric.isna() | records.metric.isin(["logme", "leep"])]
    assert set(pgebench.analyse(few).table.scores) == {"logme", "leep"}
    with pytest.raises(ValueError, match=r"the records lack the column\(s\) value, wall_s"):
        pgebench.analyse(records.drop(columns=["value", "wall_s"]))


def test_only_records_are_analysed(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"summary\.csv: give a results folder"):
        pgebench.analyse(finished / "results/summary.csv")
    with pytest.raises(FileNotFoundError, match=r"records\.parquet is not there"):
        pgebench.analyse(tmp_path)


def test_a_report_is_that_of_the_command(finished: Path, tmp_path: Path) -> None:
    for name in ("records.parquet", "meta.json"):
        shutil.copy(finished / "results" / name, tmp_path)
    assert pgebench.build_report(tmp_path) == tmp_path / "report.html"
    assert (tmp_path / "report.html").read_bytes() == (finished / "results/report.html").read_bytes()
