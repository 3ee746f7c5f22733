"""Weights to start from that no library draws know nothing of the pairs that they judge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pgebench.data.task import dataset_params, open_task
from pgebench.networks import backbones
from pgebench.pge.episodes import EpisodeSampler
from pgebench.run.runner import run_side_by_side
from pgebench.store.format import open_store
from pgebench.studies.pge import starts
from pgebench.studies.pge.gradients import Tasks, tasks_of
from pgebench.studies.pge.products import apart, products
from pgebench.studies.pge.starts import start_units, weights_file
from pgebench.studies.pge.variants import ESTIMATES, STARTS, Start


@pytest.fixture(scope="module")
def tasks() -> Tasks:
    return tasks_of("embedded", "test_resnet")


@pytest.fixture(scope="module")
def params(tasks: Tasks) -> dict[str, object]:
    return backbones.untrained(backbones.backbone_params(tasks.backbone.config))


def test_the_pool_of_a_start_contains_neither_side_of_a_pair(
    tasks: Tasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools: dict[str, list[str]] = {}

    def noted(tasks: Tasks, start: Start, seed: int, pool: list[object], folder: Path) -> Path:
        path = tmp_path / f"{start} {seed} {[one.name for one in pool]}"
        path.write_text(path.name)
        pools[str(path)] = [one.name for one in pool]
        return path

    monkeypatch.setattr(starts, "weights_file", noted)
    choosing = frozenset(sorted(set(tasks.collections.values()))[::2])
    units = start_units(tasks, choosing, 0, list(STARTS), tmp_path)
    assert len(units) == len(STARTS) * (len(tasks.sources) + len(tasks.targets))
    files: dict[tuple[str, bool], set[str]] = {}
    for (name, _, dataset), several in units.items():
        half = tasks.collections[dataset] in choosing
        assert len(several) == ESTIMATES[name].restarts
        assert len({unit.key for unit in several}) == len(several)
        for unit in several:
            pool = pools[unit.files["weights"]]
            assert bool(pool) == (STARTS[name].steps > 0)
            assert all((tasks.collections[one] in choosing) != half for one in pool)
        files.setdefault((name, half), set()).update(unit.files["weights"] for unit in several)
    # All datasets of a half share their weights, so that their gradients can be compared.
    assert {len(one) for one in files.values()} == {4}


def test_scaled_weights_are_those_of_the_library_times_the_scale(
    tasks: Tasks, params: dict[str, object], tmp_path: Path
) -> None:
    plain = backbones.create(params, 0, seed=7).state_dict()
    found = load_file(weights_file(tasks, Start(scale=2.0), 7, [], tmp_path))
    assert found.keys() == plain.keys()
    for name, value in plain.items():
        assert torch.equal(found[name], value * (2.0 if value.ndim > 1 else 1.0))


def test_a_warm_start_has_learnt_its_pool_and_is_the_same_each_time(
    tasks: Tasks, params: dict[str, object], tmp_path: Path
) -> None:
    pool = tasks.sources[:2]
    first, again = (weights_file(tasks, Start(steps=24), 3, pool, tmp_path / name / "starts") for name in "ab")
    assert first.read_bytes() == again.read_bytes()
    written = first.stat().st_mtime_ns
    assert weights_file(tasks, Start(steps=24), 3, pool, tmp_path / "a" / "starts").stat().st_mtime_ns == written
    assert weights_file(tasks, Start(steps=24), 4, pool, tmp_path / "a" / "starts") != first
    cold, warm = backbones.create(params, 0, seed=3).train(), backbones.create(params, 0, seed=3).train()
    warm.load_state_dict(load_file(first))

    def right(network: torch.nn.Module) -> float:
        """Share of queries nearest to their own prototype, on episodes that were not trained on."""
        shares = []
        for one in pool:
            task = open_task(one.name, dataset_params(one.config), tmp_path)
            rows = task.indices("val")
            sampler = EpisodeSampler(task.labels[rows], 5, 5, 10, seed=99)
            for number in range(4):
                episode = sampler.episode(0, number)
                images = backbones.inputs(
                    params,
                    dataset_params(one.config),
                    task.collection.images,
                    task.rows[rows][episode.rows],
                    torch.device("cpu"),
                )
                with torch.no_grad():
                    support, query = network(images).split([episode.support.size, len(episode.query)])
                centres = support.view(*episode.support.shape, -1).mean(1)
                shares.append(float((torch.cdist(query, centres).argmin(1).numpy() == episode.query_labels).mean()))
        return float(np.mean(shares))

    assert right(warm) > right(cold) + 0.03


def test_the_gradient_at_a_file_of_weights_is_taken_there(tasks: Tasks, tmp_path: Path) -> None:
    """Batch norm makes features the same at any scale of the weights before it, so a gradient goes with its inverse."""
    store = open_store(tmp_path / "store", create=True)
    choosing = frozenset(tasks.collections.values())
    units = start_units(tasks, choosing, 0, ["scaled_half", "scaled_double"], tmp_path / "starts")
    some = [units[name, "source", tasks.sources[0].name][0] for name in ("scaled_half", "scaled_double")]
    brief = [
        replace(unit, params={**unit.params, "settings": {**unit.params["settings"], "episodes": 4}}) for unit in some
    ]
    run_side_by_side(brief, store, 1)
    stem = int(store.load(brief[0])["sizes"][0])
    halved, doubled = (store.load(unit)["halves"][0, 0, :stem] for unit in brief)
    assert torch.cosine_similarity(halved, doubled, dim=0) > 0.999
    assert float(halved.norm() / doubled.norm()) == pytest.approx(4, rel=0.02)


def test_gradients_at_other_weights_are_not_compared() -> None:
    generator = torch.Generator().manual_seed(0)
    gradients = [torch.randn(3, 2, 14, generator=generator) for _ in range(5)]
    members = ([0, 3], [1, 2, 4])
    whole = apart([(products([gradients[place] for place in one], (5, 9)), one) for one in members], 5)
    everything = products(gradients, (5, 9))
    same = np.zeros((5, 5), dtype=bool)
    for places in members:
        same[np.ix_(places, places)] = True
    for kind in ("unit", "product_debiased", "gain", "unit_per_layer"):
        scores, expected = whole.scores(kind), everything.scores(kind)
        assert np.isnan(scores[~same]).all()
        np.testing.assert_allclose(scores[same], expected[same])
    assert whole.agreement() == pytest.approx(everything.agreement())
