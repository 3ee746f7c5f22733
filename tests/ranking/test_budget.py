"""Which metric a budget buys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from photos import write
from safetensors.torch import save_file

from pgebench.core.errors import ConfigError
from pgebench.ranking.budget import Option, better, choose, evidence_options
from pgebench.ranking.candidates import of_backbones, of_sources, usable_metrics
from pgebench.ranking.dataset_names import embedded_names, studied_names
from pgebench.ranking.reliability import RUNS, Reliability, reference, summarise
from pgebench.store.format import open_store
from pgebench.store.store import Store

REFERENCE = Path(__file__).parents[2] / "results/reference"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store", create=True)


@pytest.fixture
def weight_files(tmp_path: Path) -> list[str]:
    """YAMLs of two backbones of one's own, the second without a classifier."""
    found = []
    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        network = timm.create_model("test_resnet", num_classes=7 if seed == 0 else 0)
        save_file(network.state_dict(), tmp_path / f"{name}.safetensors")
        lines = [f"name: {name}", "model: test_resnet", f"weights: {tmp_path / name}.safetensors", f"head: {seed == 0}"]
        (tmp_path / f"{name}.yaml").write_text("\n".join(lines))
        found.append(str(tmp_path / f"{name}.yaml"))
    return found


@pytest.mark.parametrize("question", RUNS)
def test_what_the_package_knows_is_what_the_reference_run_found(question: str) -> None:
    assert reference(question) == summarise(REFERENCE / RUNS[question])


def test_metrics_are_known_from_the_best_down_without_yardsticks() -> None:
    known = reference("sources").metrics
    assert [one.weighted_tau for one in known] == sorted((one.weighted_tau for one in known), reverse=True)
    names = {one.metric for one in known}
    assert {"pge", "logme", "linear_probe"} <= names
    assert not names & {"static", "random", "source_accuracy", "parameter_count", "ncti", "etran"}


def option(metric: str, tau: float, minutes: float, per_class: int | None = 10) -> Option:
    return Option(Reliability(metric, tau, tau - 0.1, tau + 0.1, 0.01, 0.01), minutes, per_class)


def test_more_time_never_buys_a_worse_metric() -> None:
    options = [option("a", 0.5, 6), option("a", 0.5, 9, 20), option("b", 0.3, 2), option("c", 0.2, 0.5, None)]
    bought = [choose(options, minutes).reliability.weighted_tau for minutes in np.linspace(0.1, 12, 60)]
    assert bought == sorted(bought)
    assert better(options, options[3]) == options[2]
    assert better(options, options[0]) is None
    # What costs hardly more than the quickest improvement is named in its place.
    assert better([*options, option("d", 0.4, 2.1)], options[3]).metric == "d"


def test_a_slow_machine_buys_less() -> None:
    options = [option("a", 0.5, 6), option("b", 0.3, 2)]
    assert choose(options, 8).metric == "a"
    assert choose([one.at_pace(2) for one in options], 8).metric == "b"


def test_what_is_done_costs_nothing_and_what_is_trained_costs_most(store: Store) -> None:
    few = of_sources("mnist_5_9", "test_resnet", ("digits", "faces"), "smoke", store.root)
    many = of_sources("mnist_5_9", "test_resnet", ("digits", "faces", "emoji", "clipart"), "smoke", store.root)
    known, sizes = reference("sources"), np.full(5, 300)
    cheap, dear = (
        {(one.metric, one.per_class): one.minutes for one in evidence_options(each, known, sizes, store, 1)}
        for each in (few, many)
    )
    assert cheap["logme", 10] == pytest.approx(2 * known.cpu_s["checkpoint"] / 60, rel=0.1)
    assert dear["logme", 10] == pytest.approx(2 * cheap["logme", 10], rel=0.01)
    assert dear["logme", 100] > dear["logme", 10]
    halved = {(one.metric, one.per_class): one.minutes for one in evidence_options(many, known, sizes, store, 2)}
    assert halved["logme", 10] == pytest.approx(dear["logme", 10] / 2)
    assert {metric for metric, _ in dear} <= {"logme", "leep", "nce"}  # of smoke's: pge has gradients


def test_a_metric_must_be_there_for_every_candidate(weight_files: list[str], store: Store) -> None:
    both = of_backbones("mnist_5_9", weight_files, "hub", store.root)
    assert both.names == ("first", "second")
    assert "logme" in usable_metrics(both)
    assert not {"leep", "nce", "pge", "otdd"} & set(usable_metrics(both))
    headed = replace(both, cells=both.cells[:1])
    assert "leep" in usable_metrics(headed)


def test_pictures_of_twice_the_side_take_four_times_as_long_to_look_at(weight_files: list[str], store: Store) -> None:
    known, sizes = reference("backbones"), np.full(5, 300)
    small, large = (
        {
            (one.metric, one.per_class): one.minutes
            for one in evidence_options(
                of_backbones("mnist_5_9", weight_files, "hub", store.root, side), known, sizes, store, 1
            )
        }
        for side in (96, 192)
    )
    at_96 = len(weight_files) * 500 * known.cpu_s["evidence"] / 60
    assert large["logme", 100] - small["logme", 100] == pytest.approx(3 * at_96)


@pytest.mark.parametrize(("largest", "kept"), [(40, [96, 96]), (96, [96, 96]), (97, [224, 288])])
def test_tiny_pictures_are_not_kept_as_large_as_a_network_looks_at_them(
    weight_files: list[str], store: Store, tmp_path: Path, largest: int, kept: list[int]
) -> None:
    rng = np.random.default_rng(0)
    for number in range(12):
        side = (30, largest if number == 11 else 20)
        write(
            tmp_path / "mine" / f"class{number % 2}" / f"{number}.png", rng.integers(256, size=(*side, 3), dtype="u1")
        )
    (tmp_path / "mine" / "class0" / "broken.png").write_bytes(b"\x89PNG")
    cells = [
        of_backbones(str(tmp_path / "mine"), weight_files, "hub", store.root, side).cells[0] for side in (224, 260)
    ]
    assert [cell.target.config["reading"]["size"] for cell in cells] == kept
    assert [cell.backbone.config["image_size"] for cell in cells] == [224, 260]


def test_the_sources_are_the_sixteen_of_the_reference_run() -> None:
    assert len(studied_names()) == reference("sources").candidates == 16
    assert set(studied_names()) < set(embedded_names())


def test_sources_that_share_images_with_the_target_are_left_out(store: Store) -> None:
    found = of_sources("mnist_0_4", "test_resnet", (), "embedded_full", store.root)
    assert len(found.names) == 14
    assert [line.partition(":")[0] for line in found.left_out] == ["mnist", "mnist_0_4"]


@pytest.mark.parametrize(
    ("target", "sources", "message"),
    [
        ("mnits", (), "target=mnits: neither a folder nor one of animals"),
        ("mnist", ("emojis",), "source=emojis: neither a folder nor one of animals"),
        ("mnist", ("mnist_0_4", "emoji"), "a ranking needs two sources that share no image with it"),
    ],
)
def test_impossible_candidates_are_named(target: str, sources: tuple[str, ...], message: str, store: Store) -> None:
    with pytest.raises(ConfigError, match=message):
        of_sources(target, "test_resnet", sources, "smoke", store.root)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet9", "backbones=resnet9: timm has no pretrained network of this name"),
        ("no/such.yaml", "there is no such file"),
        ("test_vit", "backbones=test_vit: it comes without pretrained weights"),
    ],
)
def test_impossible_backbones_are_named(name: str, message: str, store: Store) -> None:
    with pytest.raises(ConfigError, match=message):
        of_backbones("mnist", (name,), "hub", store.root)
