"""The operations of a unit, worked out from its record, are those that torch counts while it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from one_of_each import backbone, dataset, units
from torch.utils.flop_counter import FlopCounterMode

from pgebench.core.identity import Label
from pgebench.networks import backbones
from pgebench.networks.flops import per_image
from pgebench.pge import GradientSettings
from pgebench.run import table
from pgebench.run.runner import run_unit
from pgebench.stages import STAGES, checkpoint, evidence, flops_of, gradient
from pgebench.stages.base import no_flops
from pgebench.store.store import Store
from pgebench.store.unit import Unit

CPU = torch.device("cpu")


def test_pretrained_weights_cost_nothing_and_their_features_a_forward_pass() -> None:
    params = backbone("resnet18.tv_in1k", pretrained=True)
    shipped = checkpoint.pretrained(params, Label())
    seen = evidence.unit(shipped, dataset([5, 6, 7]), Label())
    done = {"status": "done", "images": 24, "detail": {}}
    assert flops_of(shipped, done | {"images": 0}) == 0
    network = per_image(params, 0)
    assert network is not None
    assert flops_of(seen, done) == 24 * network.forward


def test_operations_are_those_that_torch_counts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name, unit in units("test_resnet").items():
        with FlopCounterMode(display=False) as counter:
            record = run_unit(unit, store, CPU)
        # The head that `fisher` fits before it looks at gradients is no network, and is not counted.
        close = pytest.approx(counter.get_total_flops(), rel=0.005 if name == "fisher" else 1e-12)
        assert flops_of(unit, record) == close, name


@pytest.mark.parametrize(
    "model", ["test_efficientnet_gn", "mobilenetv3_small_050", "vgg11", "deit_tiny_distilled_patch16_224"]
)
def test_what_a_network_of_many_classes_costs_is_known_from_its_body_and_small_classifiers(model: str) -> None:
    """Also with a convolution before the classifier, and with two classifiers."""
    params = backbone(model)
    with torch.device("meta"):
        network = backbones.create(params, 37, seed=0, pretrained=False).train()
        images = torch.empty(2, 3, params["image_size"], params["image_size"])
    with FlopCounterMode(display=False) as forward:
        scores = network(images).sum()
    with FlopCounterMode(display=False) as backward:
        scores.backward()
    found = per_image(params, 37)
    assert found is not None
    assert found.forward == forward.get_total_flops() / 2
    assert found.trained == (forward.get_total_flops() + backward.get_total_flops()) / 2


def test_attention_is_counted_up_to_what_its_kernel_does_otherwise(tmp_path: Path) -> None:
    """Which kernel attends decides what is computed twice: torch 2.15 counts 1.4 % more on the CPU, 2.14 less."""
    store, unit = Store(tmp_path), units("test_vit")["gradient"]
    with FlopCounterMode(display=False) as counter:
        record = run_unit(unit, store, CPU)
    found = flops_of(unit, record)
    assert found == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_the_table_has_them_once_a_unit_is_done(tmp_path: Path) -> None:
    store, unit = Store(tmp_path), units("test_resnet")["gradient"]
    assert table.frame([unit], store)["flops"].isna().all()
    record = run_unit(unit, store, CPU)
    assert table.frame([unit], store)["flops"].tolist() == [flops_of(unit, record)]


def test_every_stage_has_a_count_and_scores_alone_count_nothing() -> None:
    assert {name for name, stage in STAGES.items() if stage.flops is no_flops} == {"score"}


def test_a_score_passes_nothing_through_a_network() -> None:
    assert flops_of(Unit("score", 1, {}), {"status": "done", "images": 0}) == 0


def test_operations_grow_with_the_area_of_the_image() -> None:
    small, large = per_image(backbone(), 0), per_image(backbone(image_size=64), 0)
    assert small is not None
    assert large is not None
    assert large.forward == 4 * small.forward


def test_what_cannot_be_built_is_unknown_and_no_error() -> None:
    assert per_image(backbone() | {"model": "gone_from_timm"}, 5) is None
    unit = gradient.unit(backbone() | {"model": "gone_from_timm"}, {}, GradientSettings(), Label())
    assert flops_of(unit, {"status": "done", "images": 10}) is None
