"""The study of PGE on small gradients with a known answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from pgebench.cli import commands
from pgebench.pge import PrincipalGradient, gradient_distance
from pgebench.studies.pge.evaluate import Variant, differences, is_for_choosing, judge
from pgebench.studies.pge.products import DISTANCES, Products, products, score_arrays

SIZES = (5, 7, 2)
TARGETS = ("animals", "digits", "faces", "glyphs", "clipart", "emoji", "fashion", "mnist")


def gradients(datasets: int = 4, restarts: int = 3, noise: float = 0.3) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(datasets, restarts, 1, sum(SIZES), generator=generator)
    found = truth + noise * torch.randn(datasets, restarts, 2, sum(SIZES), generator=generator)
    found[..., -2:] = 0  # a layer without any gradient
    return list(found)


@pytest.mark.parametrize("kind", DISTANCES)
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


def test_half_of_the_collections_are_for_choosing() -> None:
    assert [is_for_choosing(target) for target in TARGETS] == [True] * 4 + [False] * 4
    assert is_for_choosing("glyphs_a_m")
    assert not is_for_choosing("fashion_tops")


def test_a_variant_is_judged_on_each_half_by_itself() -> None:
    """A score that is right on the choosing half and reversed on the other must look good on the first alone."""
    rng = np.random.default_rng(0)
    truth = rng.random((1, 8, 8, 3)) * 0.01 + rng.random((1, 8, 8, 1))
    right = truth.mean(-1)
    deceiving = np.where([is_for_choosing(target) for target in TARGETS], right, -right)
    judged = judge({Variant("deceiving", 1, 2, "unit"): deceiving, Variant("right"): right}, truth, TARGETS, 200)
    first = judged.set_index("estimate").loc["deceiving"]
    assert (first.chosen_on, first.tau) == (pytest.approx(1), pytest.approx(-1, abs=0.01))
    assert judged.set_index("estimate").loc["right", "low"] > 0.5


def test_a_difference_is_taken_on_the_reporting_half() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((1, 8, 8, 3)) * 0.01 + rng.random((1, 8, 8, 1))
    good, bad = Variant("good"), Variant("bad")
    scores = {good: truth.mean(-1), bad: rng.random((1, 8, 8))}
    row = differences(scores, truth, TARGETS, [(good, bad)], 200).iloc[0]
    assert row.difference > 0.5
    assert row.low > 0
    assert row.p < 0.05


def test_an_unknown_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr("sys.argv", ["pgebench-pge", "expriment=smoke"])
    with pytest.raises(SystemExit, match="no option expriment; with their defaults: experiment=embedded_full"):
        commands.study()


def test_truths_of_another_backbone_are_refused(tmp_path: Path) -> None:
    from pgebench.core.errors import ConfigError
    from pgebench.studies.pge.run import _truths

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
    from pgebench.analysis.build_table import table_of
    from pgebench.core.errors import ConfigError
    from pgebench.plan.cell import Named
    from pgebench.studies.pge.gradients import Tasks
    from pgebench.studies.pge.run import _places

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
    from pgebench.analysis.build_table import table_of
    from pgebench.studies.pge.run import spread_over_draws

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
    found = spread_over_draws(Products(values), places, table)
    assert [round(value, 6) for value in found[1]] == [-1, -1, 1, -1]
    assert len(found[2]) == 2
    assert len(found[4]) == 1
