"""The study of PGE from gradients to its report, on small gradients with a known answer."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from pgebench.core.errors import ConfigError
from pgebench.pge import PrincipalGradient, gradient_distance
from pgebench.pge.tensors import inverse_noise
from pgebench.studies.pge import run, starts
from pgebench.studies.pge.evaluate import choose, judge
from pgebench.studies.pge.gradients import Tasks, estimate_units, tasks_of
from pgebench.studies.pge.scoring import estimated, variants_of
from pgebench.studies.pge.tables import name_of
from pgebench.studies.pge.tensor_groups import Parts, parts_of
from pgebench.studies.pge.variants import (
    AVERAGES,
    ESTIMATES,
    TENSORS,
    Variant,
    compared_at,
    needed_for,
)

SIZES = (5, 7, 2)


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


@pytest.mark.parametrize("name", ["paired", "official", "open_scaled", "paired_supcon", "wide"])
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
    one = estimated(lambda after: [one.after(after) for one in found], [0, 1], settings, parts, seconds=0.1)
    variants = dict(variants_of(name, one, settings))
    restarts, at = compared_at(settings)
    total = restarts * at
    kept = [(gradient if at == settings.episodes else gradient.after(at)).halves[:restarts] for gradient in found]
    tensors = {variant.tensors for variant in variants}
    assert tensors == set(TENSORS) - {"stem", "last_block", "last_block_but_one"}
    assert {variant.average for variant in variants} == (set(AVERAGES) if restarts > 1 else {"distances"})
    scale = torch.from_numpy(np.repeat(inverse_noise(kept[:2], SIZES).numpy() ** 0.5, SIZES))
    for chosen, plain in (
        (Variant(name, restarts, total, "unit"), kept),
        (Variant(name, restarts, total, "unit", "norms"), [gradient[..., 5:] for gradient in kept]),
        (Variant(name, restarts, total, "unit", "inverse_noise"), [gradient * scale for gradient in kept]),
        (Variant(name, restarts, total, "unit", "all", "gradients"), [gradient.mean(0)[None] for gradient in kept]),
    ):
        if chosen in variants:
            expected = -gradient_distance(*(PrincipalGradient(gradient) for gradient in (plain[0], plain[2])))
            assert variants[chosen].scores("unit")[0, 2] == pytest.approx(expected, rel=1e-5)
    assert (Variant(name, restarts, total, "unit", "all", "gradients") in variants) == (restarts > 1)
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
    assert {unit.params["settings"]["seed"] for unit in units.values()} == {0}
    another = estimate_units(tasks, draw=3)
    assert {unit.params["settings"]["seed"] for unit in another.values()} == {3}


class StoreOfGradients:
    """Gradients with one direction for each collection, as a store would give them."""

    root = Path("nowhere")

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

    def weights_file(tasks, start, seed, pool, folder):
        path = tmp_path / f"{vars(start)} {seed} {[one.name for one in pool]}"
        path.write_text(path.name)
        return path

    monkeypatch.setattr(starts, "weights_file", weights_file)
    monkeypatch.setattr(run, "tasks_of", lambda experiment, backbone: tasks)
    monkeypatch.setattr(run, "run_side_by_side", lambda units, store, workers, told=None: None)
    monkeypatch.setattr(run, "_parts", lambda tasks, pattern: parts)
    monkeypatch.setattr(run, "judge", partial(judge, resamples=20))
    page = run.study_pge("embedded", "test_resnet", tmp_path, tmp_path / "out", StoreOfGradients(), 1)
    text = page.read_text()
    kept = sorted(set(tasks.collections.values()))
    assert f"Variants are chosen on the collections {', '.join(kept[::2])} (" in text
    assert f"are {', '.join(kept[1::2])} (" in text
    assert "| paired 4 x 50, unit |" in text
    assert "| paired | 3 | 1 | `" in text
    # 64 initialisations, each in one group of every size; few gradients at many of them beside many at few.
    for row in (
        "| 1 | 64 |",
        "| 4 | 16 |",
        "| 16 | 4 |",
        "| 64 | 1 |",
        "| 32 x 12 | 384 |",
        "| 64 x 6 | 384 |",
        "| 8 x 50 |",
    ):
        assert row in text
    table = pd.read_csv(tmp_path / "out" / "variants.csv", keep_default_na=False)
    ours = table[(table.kind == "unit") & (table.estimate == "paired")]
    assert (ours.near_against_far.astype(float) > 0.9).all()
    assert set(table.estimate) >= {*ESTIMATES, "static"}
    energy = pd.read_csv(tmp_path / "out" / "energy.csv")
    assert (energy[energy.tensor == "dead"].share == 0).all()
    # The choice of one study can be reported by another, with gradients of its own.
    first = str(tmp_path / "out")
    again = run.study_pge(
        "embedded", "test_resnet", tmp_path, tmp_path / "again", StoreOfGradients(), 1, draw=1, chosen=(first,)
    )
    best = text.split("Chosen, among")[1].split("**")[1]
    assert f"variants, in {first}: **{best}**" in again.read_text()
    assert "are those of draw 1" in again.read_text()
    assert f"draw=1 chosen={first}`" in again.read_text()
    assert table.tau.tolist() != pd.read_csv(tmp_path / "again" / "variants.csv").tau.tolist()
    # Named among others, a study counts as it is now: its folder need not hold anything yet.
    both = run.study_pge(
        "embedded",
        "test_resnet",
        tmp_path,
        tmp_path / "new",
        StoreOfGradients(),
        1,
        draw=1,
        chosen=(first, str(tmp_path / "new")),
    )
    picked = both.read_text().split("Chosen, among")[1].split("**")[1]
    halves = [
        pd.read_csv(folder / "variants.csv", keep_default_na=False) for folder in (tmp_path / "out", tmp_path / "new")
    ]
    assert picked == name_of(choose([one.astype({"chosen_on": float}) for one in halves])[0])
    # And shortly: what was chosen, the default and the authors' procedure, from the gradients that they use.
    asked: list[dict[str, object]] = []
    monkeypatch.setattr(
        run,
        "run_side_by_side",
        lambda units, store, workers, told: asked.extend(unit.params["settings"] for unit in units),
    )
    brief = partial(run.study_pge, "embedded", "test_resnet", tmp_path, tmp_path / "brief", StoreOfGradients(), 1)
    short = brief(draw=2, chosen=(first,), brief=True).read_text()
    table = pd.read_csv(tmp_path / "brief" / "variants.csv", keep_default_na=False)
    found = set(table[table.kind != ""].estimate)
    assert {"paired", "wide", "official"} <= found <= {"paired", "wide", "official", best.split()[0]}
    assert len(asked) == len(found) * (len(tasks.sources) + len(tasks.targets))
    assert f"**{best}**" in short
    assert "brief=true" in short
    assert "## Controls" not in short
    assert "## Restarts against gradients at each" not in short
    assert "## Convergence" not in short
    assert not list((tmp_path / "brief").glob("*.png"))
    with pytest.raises(ConfigError, match="brief=true reports what was chosen elsewhere: name folders"):
        brief(brief=True)


def test_what_a_brief_study_computes_is_what_its_variants_use() -> None:
    short = needed_for(Variant("open_scaled", 8, 400, "unit"))
    assert {name: settings.points * settings.episodes for name, settings in short.items()} == {
        "open_scaled": 400,
        "paired": 200,
        "wide": 384,
        "official": 200,
    }
