"""Views of a dataset: which images a task holds."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from pgebench.core.errors import ConfigError, DataError
from pgebench.data.task import dataset_params, open_task, view


@pytest.fixture
def collection() -> SimpleNamespace:
    """Three classes of twelve images; the pixel says which image it is."""
    n = 36
    return SimpleNamespace(
        images=np.arange(n, dtype=np.uint8)[:, None, None].repeat(2, 1).repeat(2, 2),
        labels=np.arange(n) % 3,
        split=np.array([0] * 18 + [1] * 6 + [2] * 12, np.uint8),
        class_names=("a", "b", "c"),
        revision="r",
    )


def test_a_view_keeps_its_classes_and_numbers_them_from_zero(collection: SimpleNamespace) -> None:
    task = view(collection, "t", classes=[2, 0])
    assert task.class_names == ("c", "a")
    original = task.images[:, 0, 0] % 3
    assert (np.array([1, -1, 0])[original] == task.labels).all()


def test_a_budget_shrinks_the_training_split_alone_and_evenly(collection: SimpleNamespace) -> None:
    task = view(collection, "t", train_per_class=2)
    assert task.counts() == {"classes": 3, "train": 6, "val": 6, "test": 12}
    assert np.bincount(task.part("train")[1]).tolist() == [2, 2, 2]


def test_a_smaller_budget_is_part_of_a_larger_one(collection: SimpleNamespace) -> None:
    small, large = (set(view(collection, "t", train_per_class=n).part("train")[0][:, 0, 0]) for n in (2, 4))
    assert small < large


@pytest.mark.parametrize("draw", [None, 1, 2, 3])
def test_the_budgets_of_a_draw_are_nested(collection: SimpleNamespace, draw: int | None) -> None:
    sizes = (1, 2, 3, 5, None)
    taken = [set(view(collection, "t", train_per_class=n, draw=draw).part("train")[0][:, 0, 0]) for n in sizes]
    assert all(small < large for small, large in pairwise(taken))
    assert len(taken[-1]) == 18


def test_another_draw_takes_other_images(collection: SimpleNamespace) -> None:
    taken = {tuple(view(collection, "t", train_per_class=2, draw=d).part("train")[0][:, 0, 0]) for d in (None, 1, 2, 3)}
    assert len(taken) > 1


def test_the_images_of_a_class_do_not_depend_on_the_other_classes(collection: SimpleNamespace) -> None:
    alone, together = (view(collection, "t", classes=c, train_per_class=3) for c in ([0, 1], [1, 2, 0]))
    pick = [set(task.part("train")[0][task.part("train")[1] == k][:, 0, 0]) for task, k in ((alone, 1), (together, 0))]
    assert pick[0] == pick[1]


def test_a_label_permutation_renumbers_and_changes_nothing_else(collection: SimpleNamespace) -> None:
    plain, permuted = view(collection, "t"), view(collection, "t", permute_labels=3)
    assert (plain.images == permuted.images).all()
    pairs = set(zip(plain.labels.tolist(), permuted.labels.tolist(), strict=True))
    assert len(pairs) == 3
    names = {(plain.class_names[a], permuted.class_names[b]) for a, b in pairs}
    assert all(a == b for a, b in names)


@pytest.mark.parametrize("classes", [[0, 3], [1, 1], [0], [-1, 0]])
def test_impossible_classes_are_refused(collection: SimpleNamespace, classes: list[int]) -> None:
    with pytest.raises(ConfigError, match=r"dataset t: classes=.* from 0 to 2"):
        view(collection, "t", classes=classes)


def test_a_class_with_fewer_images_than_the_budget_keeps_all(collection: SimpleNamespace) -> None:
    assert view(collection, "t", train_per_class=100).counts() == view(collection, "t").counts()


def test_a_budget_of_nothing_is_refused(collection: SimpleNamespace) -> None:
    with pytest.raises(ConfigError, match="train_per_class=0 must be at least 1"):
        view(collection, "t", train_per_class=0)


def test_a_class_without_test_images_is_refused(collection: SimpleNamespace) -> None:
    collection.split[(collection.labels == 1) & (collection.split == 2)] = 0
    with pytest.raises(DataError, match="no image in the test split"):
        view(collection, "t")


def test_the_content_of_a_dataset_is_part_of_its_parameters() -> None:
    loader = {"_target_": "pgebench.embedded.load", "name": "digits"}
    params = dataset_params({"loader": loader})
    assert len(params["revision"]) == 64
    assert open_task("digits", params).classes == 10
    with pytest.raises(DataError, match="changed"):
        open_task("digits", params | {"revision": "other"})
