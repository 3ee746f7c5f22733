"""The authors' 40,000 gradients, draw by draw, on gradients whose signal and noise are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from pgebench.core.errors import ConfigError
from pgebench.pge import PrincipalGradient
from pgebench.store.unit import Unit
from pgebench.studies.pge import full_budget_run
from pgebench.studies.pge.__main__ import main
from pgebench.studies.pge.draw_file import DrawnGradients, averaged, drawn, read_draws, write_draw
from pgebench.studies.pge.full_budget import DRAWS
from pgebench.studies.pge.full_budget_curve import foretold, noise_to_signal, points_of
from pgebench.studies.pge.gradients import tasks_of

ABOUT = {"experiment": "smoke", "backbone": "test_resnet", "targets": "whole"}
PARAMETERS = 20_000
RATIO = 400.0
NAMES = [("source", "a"), ("source", "b"), ("target", "c")]


def noisy(signal: torch.Tensor, seed: int, counts: Sequence[int], total: int) -> PrincipalGradient:
    """Means of gradients that are a signal of length 1 and noise of RATIO times its square."""
    generator = torch.Generator().manual_seed(seed)
    sums, done, kept = torch.zeros(1, 2, len(signal)), 0, {}
    for count in (*counts, total):
        more = (count - done) / 2
        noise = torch.randn(1, 2, len(signal), generator=generator) * (more * RATIO / len(signal)) ** 0.5
        sums, done = sums + more * signal + noise, count
        kept[count] = sums / (count / 2)
    return PrincipalGradient(kept.pop(total), sizes=(len(signal),), snapshots=kept)


def signals() -> dict[tuple[str, str], torch.Tensor]:
    """c lies near a and far from b."""
    generator = torch.Generator().manual_seed(99)
    a, b, other = (torch.randn(PARAMETERS, generator=generator) / PARAMETERS**0.5 for _ in range(3))
    return dict(zip(NAMES, (a, b, (a + 0.5 * other) / 1.25**0.5), strict=True))


def draws(number: int) -> list[DrawnGradients]:
    found = []
    for draw, (count, after) in enumerate([(3200, (200, 800)), (6800, (800,)), (10_000, ())][:number]):
        gradients = {
            name: noisy(signal, 10 * draw + place, after, count)
            for place, (name, signal) in enumerate(signals().items())
        }
        found.append(drawn(ABOUT, draw, gradients, count))
    return found


def test_halves_agree_as_signal_and_noise_foretell() -> None:
    points = points_of(draws(3))
    assert [(point.gradients, point.draws) for point in points] == [
        (200, (0,)),
        (800, (0,)),
        (800, (1,)),
        (3200, (0,)),
        (6800, (1,)),
        (10_000, (0, 1)),
        (10_000, (2,)),
        (20_000, (0, 1, 2)),
    ]
    assert noise_to_signal(points) == pytest.approx(RATIO, rel=0.15)
    for point in points:
        expected = float(foretold(RATIO, np.array(point.gradients)))
        assert point.products.agreement() == pytest.approx(np.full(3, expected), abs=0.05)


def test_what_no_snapshot_tells_is_not_foretold() -> None:
    (last,) = [point for point in points_of(draws(1)) if point.gradients == 3200]
    assert np.isnan(noise_to_signal([last]))


def test_draws_together_are_the_mean_of_all_their_gradients() -> None:
    whole = {
        draw: {name: noisy(one, 10 * draw + place, (), count) for place, (name, one) in enumerate(signals().items())}
        for draw, count in ((0, 3200), (1, 6800))
    }
    kept = [drawn(ABOUT, draw, gradients, DRAWS[draw].gradients) for draw, gradients in whole.items()]
    mean = torch.stack([0.32 * whole[0][name].halves[0] + 0.68 * whole[1][name].halves[0] for name in NAMES])
    rows = mean.flatten(0, 1).double()
    exact = (rows @ rows.T).numpy()
    lengths = np.sqrt(np.diagonal(exact))
    error = (averaged(kept).reshape(exact.shape) - exact) / np.outer(lengths, lengths)
    assert np.abs(error).max() < 4 * 0.006


def test_a_draw_reads_back_as_it_was_kept(tmp_path: Path) -> None:
    written = draws(2)
    for one in reversed(written):
        write_draw(tmp_path, one)
    for one, other in zip(written, read_draws(tmp_path, ABOUT, tuple(NAMES)), strict=True):
        assert (one.about, one.draw, one.datasets) == (other.about, other.draw, other.datasets)
        assert one.gradients == other.gradients
        assert {count: values.tolist() for count, values in one.products.items()} == {
            count: values.tolist() for count, values in other.products.items()
        }
        assert torch.allclose(one.sketches, other.sketches, rtol=1e-3, atol=1e-3 * float(one.sketches.abs().max()))


def test_files_of_something_else_are_refused_and_stay(tmp_path: Path) -> None:
    path = write_draw(tmp_path, draws(1)[0])
    with pytest.raises(ConfigError, match=r"draw 0 there is of backbone=test_resnet, .*not of backbone=test_vit"):
        read_draws(tmp_path, ABOUT | {"backbone": "test_vit"}, tuple(NAMES))
    with pytest.raises(ConfigError, match=r"draw 0 there is of other datasets"):
        read_draws(tmp_path, ABOUT, tuple(reversed(NAMES)))
    content = path.read_bytes()
    for damaged in (content[:200], b"", content.replace(b"about", b"abort")):
        path.write_bytes(damaged)
        with pytest.raises(ConfigError, match=r"draw0.safetensors: is no file of a draw's gradients"):
            read_draws(tmp_path, ABOUT, tuple(NAMES))
        assert path.read_bytes() == damaged


def truths(folder: Path) -> Path:
    """Accuracies of the smoke experiment's pairs and of others, as those of a larger experiment, at random."""
    tasks = tasks_of("smoke", "test_resnet")
    rng = np.random.default_rng(0)
    rows = [
        ("truth", "done", "test_resnet", one, two, None, "finetune", seed, rng.random())
        for one in (*(task.name for task in tasks.sources), "elsewhere")
        for two in ("anywhere", *(task.name for task in tasks.targets))
        for seed in range(2)
        if one != two
    ]
    columns = ["stage", "status", "backbone", "source", "target", "metric", "truth", "seed", "value"]
    folder.mkdir()
    pd.DataFrame(rows, columns=columns).to_parquet(folder / "records.parquet")
    return folder


class StoreOfGradients:
    """Noise and a little signal, of whatever is asked for."""

    def load(self, unit: Unit) -> dict[str, Any]:
        """As the stage writes them."""
        settings = unit.params["settings"]
        signal = torch.ones(PARAMETERS) / PARAMETERS**0.5
        found = noisy(signal, int(unit.key[:6], 16), settings["snapshots"], settings["episodes"])
        tensors = {f"snapshot_{count}": one for count, one in found.snapshots.items()}
        return tensors | {"halves": found.halves, "sizes": torch.tensor(found.sizes)}


def test_a_draw_is_a_command_that_ends_in_a_page_and_goes_on_from_the_files_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    computed: list[list[Unit]] = []
    monkeypatch.setattr(
        full_budget_run, "run_side_by_side", lambda units, store, workers, told: computed.append([*units])
    )
    monkeypatch.setattr("pgebench.store.format.open_store", lambda path, create: StoreOfGradients())
    results = tmp_path / "out"
    given = ["experiment=smoke", f"truths={truths(tmp_path / 'truths')}", f"results={results}", "workers=1"]
    main(["draw=0", *given])
    assert capsys.readouterr().out.strip() == f"Report: {results / 'report.md'}"
    first = (results / "report.md").read_text()
    assert "at its authors' budget: 3,200 of 40,000 gradients" in first
    assert "| 10,000 | 0+1 |" not in first
    main(["draw=1", *given])
    assert len(computed) == 2
    for draw, units in enumerate(computed):
        assert {unit.params["settings"]["episodes"] for unit in units} == {DRAWS[draw].gradients}
        assert {unit.params["settings"]["seed"] for unit in units} == {draw}
        assert {unit.params["settings"]["branches"] for unit in units} == {"open"}
    # What has its file is not computed again.
    main(["draw=0", *given])
    assert len(computed) == 2
    text = (results / "report.md").read_text()
    assert "10,000 of 40,000 gradients" in text
    assert "| 10,000 | 0+1 |" in text
    assert "| 3,200 | 1 |" in text
    table = pd.read_csv(results / "curve.csv")
    assert table.gradients.tolist() == [25, 50, 100, 200, 400, 800, 1600, 1600, 3200, 3200, 6800, 10_000]
    assert (results / "curve.png").stat().st_size > 5000


def test_truths_without_these_datasets_are_refused_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full_budget_run, "run_side_by_side", lambda *given: pytest.fail("computed"))
    with pytest.raises(SystemExit):
        main(["experiment=smoke", f"truths={tmp_path}", f"store={tmp_path / 'store'}", f"results={tmp_path / 'out'}"])
    assert not (tmp_path / "out").exists()
