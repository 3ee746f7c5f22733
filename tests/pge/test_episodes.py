"""Episodes hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from pgebench.core.errors import DataError
from pgebench.pge import EpisodeSampler


def test_episodes_hold_different_images_of_the_right_classes() -> None:
    labels = np.repeat([3, 5, 8, 9], 7)
    sampler = EpisodeSampler(labels, way=3, shot=2, query=4, seed=0)
    for episode in map(sampler.episode, range(20)):
        rows = np.concatenate([episode.support.ravel(), episode.query])
        assert len(set(rows)) == len(rows) == 3 * 6
        classes = labels[episode.support]
        assert (classes == classes[:, :1]).all()
        assert len(set(classes[:, 0])) == 3
        assert (labels[episode.query] == classes[episode.query_labels, 0]).all()


def test_a_small_class_lends_fewer_queries() -> None:
    labels = np.array([0] * 4 + [1] * 10)
    sampler = EpisodeSampler(labels, way=2, shot=3, query=5, seed=0)
    assert sampler.fewest_queries == 1
    assert np.bincount(sampler.episode(0).query_labels).tolist() == [1, 5]


def test_a_class_without_a_query_image_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        DataError, match=r"raise target.train_per_class, or lower metric.<name>.gradient.shot to at most 3"
    ):
        EpisodeSampler(np.repeat([0, 1], 4), way=2, shot=4, query=1, seed=0)


def test_too_few_classes_are_refused() -> None:
    with pytest.raises(DataError, match="needs 5 classes and the dataset has 2"):
        EpisodeSampler(np.repeat([0, 1], 30), way=5, shot=1, query=1, seed=0)


def test_an_episode_has_a_number_and_does_not_depend_on_those_before() -> None:
    labels = np.repeat([0, 1, 2], 9)
    first, second = (EpisodeSampler(labels, way=2, shot=2, query=3, seed=1) for _ in range(2))
    for number in range(5):
        first.episode(number)
    assert np.array_equal(first.episode(7).support, second.episode(7).support)
    assert not np.array_equal(first.episode(7).support, first.episode(8).support)


def test_an_episode_may_hold_every_class() -> None:
    sampler = EpisodeSampler(np.repeat(np.arange(12), 6), way=None, shot=2, query=2, seed=0)
    assert sampler.episode(0).support.shape == (12, 2)
