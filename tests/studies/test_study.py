"""The study of PGE on small gradients with a known answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from pgebench.analysis.build_table import table_of
from pgebench.cli import commands
from pgebench.core.errors import ConfigError
from pgebench.pge import DIRECTED, DISTANCES, PrincipalGradient, gradient_distance, pge_directed
from pgebench.plan.cell import Named
from pgebench.studies.pge import run
from pgebench.studies.pge.evaluate import Halves, agreement_of_halves, choose, differences, halves_of, judge
from pgebench.studies.pge.gradients import Tasks
from pgebench.studies.pge.products import Products, products, score_arrays
from pgebench.studies.pge.scoring import spread_over_draws
from pgebench.studies.pge.truths import cut_to, places_of, truths_of
from pgebench.studies.pge.variants import (
    KINDS,
    WEIGHTED_KINDS,
    Variant,
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


@pytest.mark.parametrize("kind", WEIGHTED_KINDS)
def test_a_part_without_any_gradient_has_no_score(kind: str) -> None:
    dead = products(gradients(), SIZES).weighted(np.array([0.0, 0.0, 1.0]))
    assert np.isnan(dead.scores(kind)).all()


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


def judged_table(**chosen_on: float) -> pd.DataFrame:
    """What ``judge`` says of variants that differ in their estimate alone."""
    rows = [vars(Variant(name, 4, 200, "unit")) | {"chosen_on": value} for name, value in chosen_on.items()]
    return pd.DataFrame(rows).assign(coverage=1.0, tau=0.0)


def test_a_variant_is_chosen_by_its_mean_over_all_studies_that_have_it() -> None:
    first, second = judged_table(a=0.5, b=0.4, c=0.9), judged_table(a=0.1, b=0.3)
    assert choose([first]) == (Variant("c", 4, 200, "unit"), 0.9)
    assert choose([first, second]) == (Variant("b", 4, 200, "unit"), pytest.approx(0.35))
    second.loc[second.estimate == "b", "coverage"] = 0.9
    assert choose([first, second])[0].estimate == "a"
    with pytest.raises(ConfigError, match="no variant has a score for every pair in all"):
        choose([judged_table(a=0.5), judged_table(b=0.5)])


def test_of_equal_variants_the_cheaper_is_chosen_and_other_metrics_are_none() -> None:
    table = pd.concat([judged_table(dear=0.5), judged_table(cheap=0.5), judged_table(logme=0.9)], ignore_index=True)
    table.loc[1, "gradients"] = 100
    table.loc[2, "kind"] = ""
    assert choose([table])[0].estimate == "cheap"


def test_whether_a_choice_is_worth_anything_is_told_by_the_order_on_both_halves() -> None:
    table = judged_table(a=0.1, b=0.2, c=0.3, d=0.4, logme=0.0)
    table["tau"] = [0.5, 0.7, 0.6, 0.9, 1.0]
    table.loc[table.estimate == "logme", "kind"] = ""
    # Ranks 1 2 3 4 and 1 3 2 4: 1 - 6 (1 + 1) / (4 * 15).
    assert agreement_of_halves(table) == (4, pytest.approx(0.8))
    table.loc[0, "coverage"] = 0.9
    assert agreement_of_halves(table) == (3, pytest.approx(0.5))
    assert np.isnan(agreement_of_halves(table.iloc[:2])[1])


def test_studies_to_choose_in_must_be_finished_and_of_this_form(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"chosen=.*: there is no variants\.csv"):
        run._variants(tmp_path)
    judged_table(a=0.5).drop(columns="average").to_csv(tmp_path / "variants.csv", index=False)
    with pytest.raises(ConfigError, match=r"chosen=.*: variants\.csv lacks average; run this study again"):
        run._variants(tmp_path)


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
    assert truths_of(tmp_path, "net").backbones == ("net",)
    with pytest.raises(ConfigError, match="no finetune accuracies of backbone=test_vit"):
        truths_of(tmp_path, "test_vit")
    with pytest.raises(ConfigError, match=r"there is no records\.parquet"):
        truths_of(tmp_path / "nothing", "net")


def test_scores_stand_where_the_truth_of_their_pair_stands() -> None:
    """The plan lists datasets in the order of the sweep, the table in that of the alphabet."""
    tasks = Tasks(
        Named("net", {}), (Named("b", {}), Named("a", {})), (Named("d", {}), Named("c", {}), Named("b", {})), 2
    )
    table = table_of(("net",), ("a", "b"), ("b", "c", "d"), {}, {})
    sources, targets = places_of(tasks, table)
    assert list(sources.items()) == [("a", 1), ("b", 0)]
    assert list(targets.items()) == [("b", 4), ("c", 3), ("d", 2)]
    with pytest.raises(ConfigError, match="nothing is known about d"):
        places_of(tasks, table_of(("net",), ("a", "b"), ("b", "c"), {}, {}))


def test_a_smaller_experiment_is_judged_by_its_part_of_a_larger_ones_truths() -> None:
    rng = np.random.default_rng(0)
    names = tuple("abcd"), tuple("vwxyz")
    accuracy, score = rng.random((1, 4, 5, 2)), rng.random((1, 4, 5))
    table = table_of(("net",), *names, {"finetune": accuracy}, {"leep": score})
    sources, targets = (tuple(Named(name, {}) for name in some) for some in ("db", "xv"))
    small = cut_to(Tasks(Named("net", {}), sources, targets, 5), table)
    assert (small.sources, small.targets) == (("b", "d"), ("v", "x"))
    np.testing.assert_array_equal(small.truth["finetune"], accuracy[:, [1, 3]][:, :, [0, 2]])
    np.testing.assert_array_equal(small.scores["leep"], score[:, [1, 3]][:, :, [0, 2]])


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
    assert {size: len(values) for size, values in found.items()} == {1: 4, 2: 2, 4: 1}
