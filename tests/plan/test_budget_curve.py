"""The experiment on numbers of images: what is planned for it."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest
from planned import cell, sweep

from pgebench.analysis.budget_curve import ALL, images_of
from pgebench.core.errors import ConfigError
from pgebench.data.task import open_task
from pgebench.plan.cell import Cell
from pgebench.plan.sweep import Sweep
from pgebench.plan.units import merged, plan, void_metrics

SMALL = (
    "experiment=budget_curve",
    "metric=[pge,leep]",
    "dataset@source=mnist_0_4,emoji",
    "dataset@target=fashion_tops",
)
TEN = ("target.train_per_class=10", "target.draw=1")


@pytest.fixture(scope="module")
def planned() -> Sweep:
    return sweep(*SMALL)


def test_every_number_of_images_is_drawn_three_times_and_all_images_once(planned: Sweep) -> None:
    variants = defaultdict(set)
    for one in planned.cells:
        if one.variant is not None:
            variants[images_of(one.variant)].add(one.variant)
    assert {size: len(names) for size, names in variants.items()} == {2: 3, 3: 3, 5: 3, 10: 3, 20: 3, ALL: 1}


def test_the_images_of_a_draw_are_nested_in_what_scores_read(planned: Sweep) -> None:
    taken: dict[object, dict[float, set[int]]] = defaultdict(dict)
    for unit in merged(map(plan, planned.cells)):
        if unit.stage == "evidence" and unit.label.variant and unit.label.target == "fashion_tops":
            dataset = unit.params["dataset"]
            task = open_task("fashion_tops", dataset)
            size = dataset["train_per_class"] or ALL
            taken[dataset.get("draw")][size] = set(task.rows[task.indices("train")].tolist())
    whole = taken.pop(None)[ALL]
    assert len(taken) == 3
    for sizes in taken.values():
        chain = [*(sizes[size] for size in sorted(sizes)), whole]
        assert len(chain) == 6
        assert all(small < large for small, large in pairwise(chain))


def test_truths_are_those_of_the_experiment_alone(planned: Sweep) -> None:
    truths = [unit for unit in merged(map(plan, planned.cells)) if unit.stage == "truth"]
    assert len(truths) == 2 * 2
    assert {unit.label.variant for unit in truths} == {None}
    assert {unit.params["dataset"]["train_per_class"] for unit in truths} == {5}


def test_episodes_that_cannot_be_drawn_are_left_out_with_a_line(planned: Sweep) -> None:
    scored = defaultdict(set)
    for unit in merged(map(plan, planned.cells)):
        if unit.stage == "score" and unit.label.variant:
            scored[unit.label.metric].add(images_of(unit.label.variant))
    assert scored["leep"] == {2, 3, 5, 10, 20, ALL}
    assert scored["pge"] == {5, 10, 20, ALL}
    assert [line for line in planned.left_out if "pge" in line] == [
        f"Left out: pge (with {n} images a class, episodes of 4 shots and a query cannot be drawn)." for n in (2, 3)
    ]


def test_outside_variations_too_few_images_stay_an_error() -> None:
    one = cell("metric=[pge,leep]", "target.train_per_class=2")
    assert void_metrics(one) == {}
    assert "gradient" in {unit.stage for level in plan(one).values() for unit in level}


def test_a_score_of_a_variation_is_the_unit_of_a_run_with_that_number_of_images(planned: Sweep) -> None:
    def key(one: Cell) -> str:
        (found,) = [unit for unit in plan(one)["pair"] if unit.stage == "score" and unit.label.metric == "leep"]
        return found.key

    here = [one for one in planned.cells if one.variant == f"images per class: {' '.join(TEN)}"]
    plain = sweep("experiment=embedded", "checkpoints=1", "truth=[]", *SMALL[1:], *TEN)
    assert len(here) == len(plain.cells) == 2
    assert [key(one) for one in here] == [key(one) for one in plain.cells]


def test_two_levels_that_change_the_same_are_refused() -> None:
    twice = "+variations.order=['target.permute_labels=1 truth=[]','target.permute_labels=1']"
    with pytest.raises(ConfigError, match=r"variations.order: two of the lists change 'target.permute_labels=1'"):
        sweep("dataset@source=emoji", "dataset@target=fashion_tops", "metric=[leep]", twice)
