"""The study of PGE on small gradients with a known answer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from pgebench.analysis.build_table import table_of
from pgebench.cli import commands
from pgebench.core.errors import ConfigError
from pgebench.pge import DIRECTED, DISTANCES, PrincipalGradient, gradient_distance, pge_directed
from pgebench.pge.tensors import inverse_noise
from pgebench.plan.cell import Named
from pgebench.studies.pge import run
from pgebench.studies.pge.evaluate import Halves, differences, halves_of, judge
from pgebench.studies.pge.gradients import Tasks, estimate_units, tasks_of
from pgebench.studies.pge.products import Products, products, score_arrays
from pgebench.studies.pge.run import _places, _truths
from pgebench.studies.pge.scoring import estimated, spread_over_draws, variants_of
from pgebench.studies.pge.tensor_groups import Parts, parts_of
from pgebench.studies.pge.variants import (
    AVERAGES,
    ESTIMATES,
    GRADIENTS,
    KINDS,
    TENSORS,
    WEIGHTED_KINDS,
    Variant,
    restarts_at,
)

SIZES = (5, 7, 2)
COLLECTIONS = ("animals", "clipart", "digits", "emoji", "faces", "fashion", "glyphs", "mnist")
HALVES = Halves(COLLECTIONS, COLLECTIONS)


def gradients(datasets: int = 4, restarts: int = 3, noise: float = 0.3) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(datasets, restarts, 1, sum(SIZES), generator=generator)
    found = truth + noise * torch.randn(datasets, restarts, 2, sum(SIZES), generator=generator)
    found[..., -2:] = 0  # a layer without any gradient
    return list(found)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in DIRECTED])
@pytest.mark.parametrize("restarts", [1, 3])
def test_distances_from_products_are_those_of_the_gradients(kind: str, restarts: int) -> None:
    found = gradients()
    distances = products(found, SIZES).first(restarts).distances(kind)
    for i, first in enumerate(found):
        for j, second in enumerate(found):
            pair = [PrincipalGradient(one[:restarts], sizes=SIZES) for one in (first, second)]
            if i == j and kind.endswith("_debiased"):
                continue  # a gradient beside itself shares its noise: there is nothing to cross-fit
            expected = gradient_distance(*pair, kind.removesuffix("_per_layer"), kind.endswith("_per_layer"))
            assert distances[i, j] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("form", DIRECTED)
@pytest.mark.parametrize("restarts", [1, 3])
def test_directed_forms_from_products_go_from_the_first_to_the_second(form: str, restarts: int) -> None:
    found = gradients()
    scores = products(found, SIZES).first(restarts).scores(form)
    for i, source in enumerate(found):
        for j, target in enumerate(found):
            expected = pge_directed(*(PrincipalGradient(one[:restarts]) for one in (source, target)), form)
            assert scores[i, j] == pytest.approx(expected, rel=1e-5)
    assert np.allclose(scores, scores.T) == (form == "descent")


def test_every_kind_of_the_study_is_one_of_the_library() -> None:
    assert {kind.removesuffix("_per_layer") for kind in KINDS} == {*DISTANCES, *DIRECTED}
    assert set(WEIGHTED_KINDS) < set(KINDS)


@pytest.mark.parametrize("kind", WEIGHTED_KINDS)
def test_weights_of_tensors_and_restarts_together_are_those_of_changed_gradients(kind: str) -> None:
    """A weight scales a tensor by its root; restarts together are one long gradient."""
    found = gradients()
    weights = np.array([2.0, 0.5, 0.0])
    scale = torch.from_numpy(np.repeat(weights**0.5, SIZES))
    changed = [one.double() * scale for one in found]
    longer = [one.transpose(0, 1).reshape(1, 2, -1) for one in found]
    for ours, plain in (
        (products(found, SIZES).weighted(weights), changed),
        (products(found, SIZES).together(), longer),
    ):
        scores = ours.scores(kind)
        for i, source in enumerate(plain):
            for j, target in enumerate(plain):
                if i != j:
                    pair = PrincipalGradient(source), PrincipalGradient(target)
                    expected = pge_directed(*pair, kind) if kind in DIRECTED else -gradient_distance(*pair, kind)
                    assert scores[i, j] == pytest.approx(expected, rel=1e-5)


def test_agreement_and_norms_are_those_of_the_gradients() -> None:
    found = gradients()
    whole = products(found, SIZES)
    for place, one in enumerate(found):
        gradient = PrincipalGradient(one)
        assert whole.agreement()[place] == pytest.approx(gradient.agreement, rel=1e-6)
        assert whole.norms()[place] == pytest.approx(float(gradient.mean.norm(dim=1).mean()), rel=1e-6)


def test_scores_are_minus_the_distances_of_the_named_gradients() -> None:
    found = products(gradients(), SIZES)
    scores = score_arrays(found, {"a": 0, "b": 2}, {"c": 1, "d": 3}, "unit")
    assert scores.shape == (1, 2, 2)
    assert scores[0, 1, 0] == -found.distances("unit")[2, 1]


def test_half_of_the_collections_are_for_choosing_with_all_views_of_them() -> None:
    assert sorted(HALVES.choosing) == ["animals", "digits", "faces", "glyphs"]
    views = Halves(("mnist", "animals", "mnist", "digits"), ("digits", "emoji"))
    assert sorted(views.choosing) == ["animals", "emoji"]
    assert (views.members(views.sources, True), views.members(views.targets, True)) == ([1], [1])
    assert views.members(views.sources, False) == [0, 2, 3]


def test_the_halves_share_no_dataset_neither_as_a_source_nor_as_a_target() -> None:
    pairs = np.arange(64.0).reshape(1, 8, 8)
    seen = []
    for half in (True, False):
        kept = HALVES.cut(pairs, half)[0]
        seen.append({int(place) for value in kept.flat for place in divmod(value, 8)})
        assert kept.shape == (4, 4)
    assert seen[0] | seen[1] == set(range(8))
    assert not seen[0] & seen[1]


def test_the_collections_are_those_of_the_datasets_and_not_their_names() -> None:
    table = replace(table_of(("net",), ("a_1", "b"), ("a_2",), {}, {}), collections={"a_1": "c", "a_2": "c"})
    assert halves_of(table) == Halves(("c", "b"), ("c",))


def truth_of(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random((1, 8, 8, 3)) * 0.01 + rng.random((1, 8, 8, 1))


def test_a_variant_is_judged_on_each_half_by_itself() -> None:
    """A score that is right on the choosing half and reversed on the other must look good on the first alone."""
    truth = truth_of()
    right = truth.mean(-1)
    inside = np.array([one in HALVES.choosing for one in COLLECTIONS])
    deceiving = np.where(inside[:, None] & inside, right, np.where(inside[:, None] | inside, 0, -right))
    judged = judge({Variant("deceiving", 1, 2, "unit"): deceiving, Variant("right"): right}, truth, HALVES, 200)
    first, second = (judged.set_index("estimate").loc[name] for name in ("deceiving", "right"))
    assert (first.chosen_on, first.tau) == (pytest.approx(1), pytest.approx(-1, abs=0.01))
    assert (second.tau, second.far, second.near_against_far) == (pytest.approx(1), pytest.approx(1), pytest.approx(1))
    assert second.low > 0.5


def test_near_and_far_are_told_apart_on_the_reporting_half() -> None:
    """Here every near source is the best, and the far ones are in the wrong order."""
    truth = truth_of() + 5 * np.eye(8)[None, :, :, None]
    score = 5 * np.eye(8)[None] - truth_of().mean(-1)
    row = judge({Variant("near"): score}, truth, HALVES, 50).iloc[0]
    assert (row.near_against_far, row.far) == (1, pytest.approx(-1, abs=0.01))


def test_a_difference_is_taken_on_the_reporting_half() -> None:
    truth = truth_of()
    inside = np.array([one in HALVES.choosing for one in COLLECTIONS])
    good, bad = Variant("good"), Variant("bad")
    right = truth.mean(-1)
    scores = {good: right, bad: np.where(inside[:, None] | inside, right, -right)}
    row = differences(scores, truth, HALVES, [(good, bad)], 200).iloc[0]
    assert row.difference == pytest.approx(2, abs=0.02)
    assert row.low > 0
    # The same wherever one looks, but in four collections only: a sign test cannot tell more.
    assert row.p == 2**-3


def test_an_unknown_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr("sys.argv", ["pgebench-pge", "expriment=smoke"])
    with pytest.raises(SystemExit, match="no option expriment; with their defaults: experiment=embedded_full"):
        commands.study()


def test_truths_of_another_backbone_are_refused(tmp_path: Path) -> None:
    rows = [("truth", "done", "net", "a", "b", None, "finetune", 0, 0.9)]
    columns = ["stage", "status", "backbone", "source", "target", "metric", "truth", "seed", "value"]
    pd.DataFrame(rows, columns=columns).to_parquet(tmp_path / "records.parquet")
    assert _truths(tmp_path, "net").backbones == ("net",)
    with pytest.raises(ConfigError, match="no finetune accuracies of backbone=test_vit"):
        _truths(tmp_path, "test_vit")
    with pytest.raises(ConfigError, match=r"there is no records\.parquet"):
        _truths(tmp_path / "nothing", "net")


def test_scores_stand_where_the_truth_of_their_pair_stands() -> None:
    """The plan lists datasets in the order of the sweep, the table in that of the alphabet."""
    tasks = Tasks(
        Named("net", {}), (Named("b", {}), Named("a", {})), (Named("d", {}), Named("c", {}), Named("b", {})), 2
    )
    table = table_of(("net",), ("a", "b"), ("b", "c", "d"), {}, {})
    sources, targets = _places(tasks, table)
    assert list(sources.items()) == [("a", 1), ("b", 0)]
    assert list(targets.items()) == [("b", 4), ("c", 3), ("d", 2)]
    with pytest.raises(ConfigError, match="nothing is known about d"):
        _places(tasks, table_of(("net",), ("a", "b"), ("b", "c"), {}, {}))


def test_the_spread_over_draws_uses_each_initialisation_once() -> None:
    """One of four initialisations sees the truth, the others its reverse."""
    rng = np.random.default_rng(0)
    near = rng.uniform(0.2, 0.8, size=(4, 5))
    values = np.zeros((4, 1, 9, 2, 9, 2))
    for restart in range(4):
        cosine = np.eye(9)
        cosine[:4, 4:] = near if restart == 2 else 1 - near
        cosine[4:, :4] = cosine[:4, 4:].T
        values[restart, 0] = cosine[:, None, :, None]
    names = tuple("abcd"), tuple("vwxyz")
    table = table_of(("net",), *names, {"finetune": near[None, :, :, None]}, {})
    places = {name: k for k, name in enumerate("abcd")}, {name: 4 + k for k, name in enumerate("vwxyz")}
    found = spread_over_draws(Products(values), places, table, "finetune")
    assert [round(value, 6) for value in found[1]] == [-1, -1, 1, -1]
    assert len(found[2]) == 2
    assert len(found[4]) == 1


class Net(nn.Module):
    """Names as timm gives them: a stem, blocks, a norm behind them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)) for _ in range(11)])
        self.norm = nn.LayerNorm(4)


def test_parts_of_a_network_are_named_alike_on_every_backbone() -> None:
    parts = parts_of(Net(), "*")
    chosen = {name: {parts.names[place] for place in np.flatnonzero(one)} for name, one in parts.groups.items()}
    assert chosen["stem"] == {"stem.weight", "stem.bias"}
    assert chosen["last_block"] == {name for name in parts.names if name.startswith("blocks.10.")}
    assert chosen["last_block_but_one"] == {name for name in parts.names if name.startswith("blocks.9.")}
    norms = {f"blocks.{block}.1.{part}" for block in range(11) for part in ("weight", "bias")}
    assert chosen["norms"] == norms | {"norm.weight", "norm.bias"}
    assert set(parts_of(Net(), "stem*").groups) == set()


@pytest.mark.parametrize("name", ["paired", "official", "open_scaled", "paired_supcon"])
def test_every_estimate_is_compared_over_all_parts_and_averages_at_as_many_gradients(name: str) -> None:
    settings = ESTIMATES[name]
    generator = torch.Generator().manual_seed(0)

    def halves() -> torch.Tensor:
        return torch.randn(settings.points, 2, sum(SIZES), generator=generator) + 1

    found = [
        PrincipalGradient(halves(), sizes=SIZES, snapshots={number: halves() for number in settings.snapshots})
        for _ in range(3)
    ]
    parts = Parts(("a", "b", "c"), {"norms": np.array([0.0, 1.0, 1.0])})
    one = estimated(found, [0, 1], settings, parts, seconds=0.1)
    variants = dict(variants_of(name, one, settings))
    restarts = restarts_at(settings)
    at = GRADIENTS // restarts
    kept = [(gradient if at == settings.episodes else gradient.after(at)).halves[:restarts] for gradient in found]
    tensors = {variant.tensors for variant in variants}
    assert tensors == set(TENSORS) - {"stem", "last_block", "last_block_but_one"}
    assert {variant.average for variant in variants} == (set(AVERAGES) if restarts > 1 else {"distances"})
    scale = torch.from_numpy(np.repeat(inverse_noise(kept[:2], SIZES).numpy() ** 0.5, SIZES))
    for chosen, plain in (
        (Variant(name, restarts, GRADIENTS, "unit"), kept),
        (Variant(name, restarts, GRADIENTS, "unit", "norms"), [gradient[..., 5:] for gradient in kept]),
        (Variant(name, restarts, GRADIENTS, "unit", "inverse_noise"), [gradient * scale for gradient in kept]),
        (Variant(name, restarts, GRADIENTS, "unit", "all", "gradients"), [gradient.mean(0)[None] for gradient in kept]),
    ):
        if chosen in variants:
            expected = -gradient_distance(*(PrincipalGradient(gradient) for gradient in (plain[0], plain[2])))
            assert variants[chosen].scores("unit")[0, 2] == pytest.approx(expected, rel=1e-5)
    assert (Variant(name, restarts, GRADIENTS, "unit", "all", "gradients") in variants) == (restarts > 1)
    assert one.energy.sum() == pytest.approx(1)


@pytest.fixture(scope="module")
def tasks() -> Tasks:
    return tasks_of("embedded", "test_resnet")


def test_estimates_use_no_more_support_images_than_the_targets_have(tasks: Tasks) -> None:
    units = estimate_units(tasks)
    fewest = min(target.config["train_per_class"] for target in tasks.targets)
    assert {unit.params["settings"]["shot"] for unit in units.values()} == {1, 2, fewest - 1}
    by_estimate = {
        name: {key[0]: unit.params["settings"]["shot"] for key, unit in units.items()}[name] for name in ESTIMATES
    }
    assert by_estimate["paired"] == fewest - 1
    assert by_estimate["open_scaled_1_shot"] == 1
    assert tasks.collections["mnist_0_4"] == "mnist"


class StoreOfGradients:
    """Gradients with one direction for each collection, as a store would give them."""

    def load(self, unit):
        settings = unit.params["settings"]
        name = unit.label.source or unit.label.target
        points = settings["restarts"] if settings["restart"] == "paired" else 1
        seed = sum(map(ord, unit.key))
        own = torch.randn(sum(SIZES), generator=torch.Generator().manual_seed(sum(map(ord, name.split("_")[0]))))

        def halves(number: int) -> torch.Tensor:
            noise = torch.randn(points, 2, sum(SIZES), generator=torch.Generator().manual_seed(seed + number))
            found = own + 0.3 * noise
            found[..., -2:] = 0
            return found

        kept = {f"snapshot_{number}": halves(number) for number in settings["snapshots"]}
        return {"halves": halves(0), "sizes": torch.tensor(SIZES), **kept}

    def record(self, unit):
        return {"cpu_s": 2.0, "detail": {}}


def test_the_study_reports_what_its_gradients_say(
    tasks: Tasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Collections are directions and near sources are best, so every variant of PGE finds the near ones."""
    rng = np.random.default_rng(0)
    rows = [
        ("truth", "done", "test_resnet", one.name, two.name, None, "finetune", seed, level + 0.01 * rng.random())
        for one in tasks.sources
        for two in tasks.targets
        for level in (rng.random() * 0.5 + 0.5 * (tasks.collections[one.name] == tasks.collections[two.name]),)
        for seed in range(2)
        if one.name != two.name
    ]
    columns = ["stage", "status", "backbone", "source", "target", "metric", "truth", "seed", "value"]
    pd.DataFrame(rows, columns=columns).to_parquet(tmp_path / "records.parquet")
    parts = Parts(("stem", "block", "dead"), {"norms": np.array([0.0, 1.0, 0.0])})
    monkeypatch.setattr(run, "tasks_of", lambda experiment, backbone: tasks)
    monkeypatch.setattr(run, "run_side_by_side", lambda units, store, workers: None)
    monkeypatch.setattr(run, "_parts", lambda tasks, pattern: parts)
    monkeypatch.setattr(run, "judge", partial(judge, resamples=20))
    page = run.study_pge("embedded", "test_resnet", tmp_path, tmp_path / "out", StoreOfGradients(), 1)
    text = page.read_text()
    kept = sorted(set(tasks.collections.values()))
    assert f"Variants are chosen on the collections {', '.join(kept[::2])} (" in text
    assert f"are {', '.join(kept[1::2])} (" in text
    assert "| paired 4 x 50, unit |" in text
    assert "| paired | 3 | 1 | `" in text
    table = pd.read_csv(tmp_path / "out" / "variants.csv", keep_default_na=False)
    ours = table[(table.kind == "unit") & (table.estimate == "paired")]
    assert (ours.near_against_far.astype(float) > 0.9).all()
    assert set(table.estimate) >= {*ESTIMATES, "static"}
    energy = pd.read_csv(tmp_path / "out" / "energy.csv")
    assert (energy[energy.tensor == "dead"].share == 0).all()
