"""A hub of pretrained backbones: planned without source data, run as it was shipped, identified by its weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import planned
import pytest
import timm
import torch
import torchvision
from conftest import Run
from planned import cell, every, sweep
from safetensors.torch import save_file

from pgebench.config import conf_dir
from pgebench.core.errors import ConfigError
from pgebench.networks.backbones import backbone_params
from pgebench.plan.composing import composed, lists_of
from pgebench.plan.sweep import plain
from pgebench.plan.units import weights_taken
from pgebench.store.unit import Unit

REFERENCE = Path(__file__).parents[2] / "results/reference/embedded/records.parquet"

ELEVEN = set("aircraft caltech101 cars cifar10 cifar100 dtd flowers food pets sun397 voc2007".split())  # noqa: SIM905


def units(*overrides: str) -> list[Unit]:
    return every(planned.units(*overrides))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two weight files of one architecture, and a copy of the first elsewhere."""
    folder = tmp_path_factory.mktemp("weights")
    found = {}
    for name, seed in (("first", 0), ("second", 1), ("copy", 0)):
        torch.manual_seed(seed)
        found[name] = folder / f"{name}.safetensors"
        save_file(timm.create_model("test_resnet", num_classes=7).state_dict(), found[name])
    return found


def local(file: Path, *more: str) -> tuple[str, ...]:
    chosen = ("backbone=timm", "backbone.model=test_resnet", f"backbone.weights={file}", "dataset@source=pretrained")
    return (*chosen, "dataset@target=mnist_5_9", *more)


def test_embedded_experiments_keep_their_keys() -> None:
    """What pretrained backbones add to a config must not make finished work unreachable."""
    table = pd.read_parquet(REFERENCE, columns=["key", "metric"])
    for pair in (("mnist_0_4", "mnist_5_9"), ("emoji", "fashion_tops")):
        datasets = (f"dataset@source={pair[0]}", f"dataset@target={pair[1]}")
        planned = units("experiment=embedded", *datasets, "truth=[finetune,linear_probe]")
        assert any(unit.stage == "score" for unit in planned)
        # A metric that came later has no score there.
        lost = [unit for unit in planned if unit.key not in set(table.key)]
        assert not {unit.label.metric for unit in lost} & {*table.metric}
        assert {unit.stage for unit in lost} <= {"score"}


def test_a_hub_trains_on_no_source_and_leaves_out_what_needs_one(files: dict[str, Path]) -> None:
    planned = units(*local(files["first"]))
    checkpoints = [unit for unit in planned if unit.stage == "checkpoint"]
    assert [set(unit.params) for unit in checkpoints] == [{"backbone"}]
    assert {unit.stage for unit in planned} == {"checkpoint", "evidence", "score", "truth"}
    metrics = {unit.label.metric for unit in planned if unit.stage == "score"}
    assert {"leep", "nce", "logme", "linear_probe", "parameter_count", "random"} <= metrics
    assert not metrics & {"pge", "otdd", "task2vec", "linear_mmd", "source_size", "number_of_classes"}


def test_what_is_left_out_is_said_with_the_reason(files: dict[str, Path]) -> None:
    found = sweep(*local(files["first"], "backbone.head=false", "metric=[pge,otdd,leep,logme,source_accuracy]"))
    assert found.left_out == [
        "Left out: leep (the weights of test_resnet have no classifier).",
        "Left out: otdd, pge (the data that pretrained weights were trained on are not at hand).",
        "Left out: source_accuracy (no accuracy is stated for the weights of test_resnet).",
    ]


def test_beside_sources_that_are_trained_the_line_says_where_a_metric_is_left_out(files: dict[str, Path]) -> None:
    """Intermediate training: the weights as they were shipped are one of the sources, and the only one without data."""
    both = ("dataset@source=pretrained,emoji", "metric=[pge,logme]")
    found = sweep(*local(files["first"], *both, "checkpoints=1"))
    assert found.left_out == [
        "Left out for the source pretrained: pge (the data that pretrained weights were trained on are not at hand)."
    ]
    with pytest.raises(ConfigError, match="have no second checkpoint: set checkpoints=1"):
        sweep(*local(files["first"], *both, "checkpoints=2"))


def test_a_source_is_trained_on_from_the_pretrained_weights(files: dict[str, Path]) -> None:
    planned = units(*local(files["first"], "dataset@source=emoji", "metric=[pge_pretrained]"))
    weights = {unit.params["backbone"]["weights"]["sha256"] for unit in planned if unit.stage == "checkpoint"}
    assert weights == {hashlib.sha256(files["first"].read_bytes()).hexdigest()}
    gradients = [unit for unit in planned if unit.stage == "gradient"]
    assert {unit.params["settings"]["restart"] for unit in gradients} == {"pretrained"}
    assert {unit.params["backbone"]["weights"]["sha256"] for unit in gradients} == weights


def test_the_stated_accuracy_is_the_score_of_the_control(files: dict[str, Path]) -> None:
    planned = units(*local(files["first"], "metric=[source_accuracy]", "backbone.source_accuracy=0.7"))
    (score,) = (unit for unit in planned if unit.stage == "score")
    assert score.params["facts"] == {"source_accuracy": 0.7}
    assert not score.inputs


def test_weights_are_part_of_the_identity_and_their_path_is_not(files: dict[str, Path]) -> None:
    few = ("metric=[logme]", "truth=[finetune]")
    first, second, copy = ({unit.key for unit in units(*local(path, *few))} for path in files.values())
    assert first == copy
    assert not first & second


def test_what_is_taken_of_a_checkpoint_is_said_when_it_is_planned_and_the_choice_is_a_key(
    tmp_path: Path,
) -> None:
    state = timm.create_model("test_resnet", num_classes=7).state_dict()
    other = {name: value + 1 for name, value in state.items()}
    torch.save({"student": state, "teacher": other}, tmp_path / "both.pth")
    few = local(tmp_path / "both.pth", "metric=[logme]", "truth=[]")
    with pytest.raises(ConfigError, match=r"choose with backbone.weights_key=student or backbone.weights_key=teacher"):
        weights_taken([cell(*few)])
    found = {
        name: {unit.key for unit in units(*few, f"backbone.weights_key={name}")} for name in ("student", "teacher")
    }
    assert not found["student"] & found["teacher"]
    (line,) = weights_taken([cell(*few, "backbone.weights_key=student")] * 2)
    assert line.endswith("took the weights under student; left out teacher.")
    torch.save({f"module.encoder_q.{name}": value for name, value in state.items()}, tmp_path / "moco.pth")
    moco = local(tmp_path / "moco.pth", "backbone.weights_prefix=module.encoder_q.")
    (line,) = weights_taken([cell(*moco)])
    assert line.endswith("took the weights whose names begin with 'module.encoder_q.'.")


def test_a_source_can_be_trained_on_from_a_weight_file(files: dict[str, Path]) -> None:
    planned = units(*local(files["first"]), "dataset@source=emoji", "metric=[pge]", "truth=[]", "checkpoints=1")
    (checkpoint,) = (unit for unit in planned if unit.stage == "checkpoint")
    assert checkpoint.files == {"weights": str(files["first"])}
    assert "dataset" in checkpoint.params


def test_a_target_must_have_images() -> None:
    with pytest.raises(ConfigError, match="target=pretrained: a target must have images"):
        units("dataset@source=emoji", "dataset@target=pretrained")


def test_a_hub_runs_to_its_report(
    pgebench: Run, tmp_path: Path, files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    hub = (*local(files["first"])[:2], f"backbone.weights={files['first']},{files['second']}", "source=pretrained")
    few = ("target=mnist_5_9", "metric=[leep,logme,source_accuracy]", "truth=[finetune]", "question=backbones")
    assert pgebench(*hub, *few, "backbone.source_accuracy=0.7", "tracking=wandb") == 0
    assert "W&B is not complete" not in "".join(capsys.readouterr())
    table = pd.read_parquet(tmp_path / "results/records.parquet")
    assert (table.status == "done").all()
    checkpoints = table[table.stage == "checkpoint"]
    assert checkpoints.value.isna().all()
    contents = [hashlib.sha256(files[name].read_bytes()).hexdigest() for name in ("first", "second")]
    assert [json.loads(detail)["weights"] for detail in checkpoints.detail] == contents
    scores = table[table.stage == "score"]
    assert (scores[scores.metric == "source_accuracy"].value == 0.7).all()
    assert scores[scores.metric == "leep"].value.between(-3, 0).all()
    truths = table[(table.stage == "truth") & (table.truth == "finetune")]
    assert truths.groupby("backbone").size().tolist() == [2, 2]


def test_a_backbone_without_weights_says_how_to_give_them() -> None:
    with pytest.raises(
        ConfigError, match=r"test_efficientnet_gn is given no pretrained weights; set backbone.pretrained=tr"
    ):
        units("dataset@source=pretrained")


def standard() -> dict[str, list[str]]:
    """The lists that experiment=standard sweeps over."""
    return {key: values.split(",") for key, values in lists_of("standard").items()}


def test_the_eleven_backbones_of_sfda_have_weights_and_a_stated_accuracy() -> None:
    quick = ("experiment=standard", "suite=sfda", "metric=[]", "truth=[]")
    params = composed(quick, hydra=True).hydra.sweeper.params
    chosen = [composed([*quick, f"backbone={name}"]).backbone for name in params.backbone.split(",")]
    params = [backbone_params(plain(backbone)) for backbone in chosen]
    assert len({(each["model"], each["tag"]) for each in params}) == 11
    for backbone in chosen:
        network, _, tag = backbone.model.partition(".")
        if tag == "tv_in1k":
            meta = torchvision.models.get_model_weights(network).IMAGENET1K_V1.meta
            assert backbone.source_accuracy == pytest.approx(meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100)


@pytest.mark.skipif(
    not all((conf_dir() / f"dataset/{name}.yaml").is_file() for name in ELEVEN),
    reason="the YAMLs of the eleven standard datasets are not there",
)
def test_the_standard_experiment_composes_on_eleven_datasets() -> None:
    swept = standard()
    assert set(swept["dataset@target"]) == ELEVEN
    for name in swept["dataset@target"]:
        size = swept["target.reading.size"][0]
        config = composed(["experiment=standard", "metric=[]", f"dataset@target={name}", f"target.reading.size={size}"])
        assert config.target.name == name
        assert config.target.loader
