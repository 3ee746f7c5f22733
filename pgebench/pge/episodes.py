"""Episodes: few-shot tasks drawn from a dataset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pgebench.core.errors import DataError
from pgebench.core.identity import derive_seed


@dataclass(frozen=True)
class Episode:
    """Rows of one few-shot task.

    Args:
        support: int64 (way, shot), rows of the dataset, one line per class.
        query: int64 (queries,), rows of the dataset.
        query_labels: int64 (queries,), in [0, way): the line of ``support`` with the query's class.
        places: float64 (images, 2), in [0, 1): where each image is cut out, from top left to bottom right, support
            before query; None where images stay whole.
    """

    support: np.ndarray
    query: np.ndarray
    query_labels: np.ndarray
    places: np.ndarray | None = None

    @property
    def rows(self) -> np.ndarray:
        """Rows of the dataset in the order in which they go through the network: support, then query."""
        return np.concatenate([self.support.ravel(), self.query])

    @property
    def images(self) -> int:
        """Number of images."""
        return self.support.size + len(self.query)


class EpisodeSampler:
    """Draws episodes by number, so that an estimate can go on where it stopped.

    Each episode draws ``way`` classes, and of each class ``shot`` support and ``query`` query images, all different.
    A class with fewer than ``shot + query`` images lends fewer queries.

    Args:
        labels: (n,) integers.
        way: classes in an episode; None for all of them.
        shot: support images per class.
        query: query images per class, where there are enough.
        seed: of the draws.
        crops: draw where each image is cut out, too; classes and images are the same without.

    Raises:
        DataError: fewer classes than ``way``, or a class with fewer than ``shot + 1`` images.

    >>> sampler = EpisodeSampler(np.repeat([0, 1, 2], 4), way=2, shot=1, query=2, seed=0)
    >>> sampler.episode(0).support.shape, sampler.episode(7).query.shape
    ((2, 1), (4,))
    """

    def __init__(
        self, labels: np.ndarray, way: int | None, shot: int, query: int, seed: int, crops: bool = False
    ) -> None:
        self.rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        self.way, self.shot, self.query = len(self.rows) if way is None else way, shot, query
        if len(self.rows) < self.way:
            raise DataError(
                f"an episode needs {way} classes and the dataset has {len(self.rows)}: lower the metric's way"
            )
        fewest = min(len(rows) for rows in self.rows)
        if fewest < shot + 1:
            raise DataError(
                f"a class has {fewest} images and an episode needs shot + 1 = {shot + 1} of each: "
                f"raise target.train_per_class, or lower metric.<name>.gradient.shot to at most {fewest - 1}"
            )
        self.fewest_queries = min(query, fewest - shot)
        self._seed, self._crops = seed, crops

    def episode(self, *number: int) -> Episode:
        """The episode with this number; the same one whenever it is asked for.

        Args:
            number: Its number, or several numbers that together name it.

        Returns:
            Which classes and images are drawn.
        """
        random = np.random.default_rng(derive_seed(self._seed, *number))
        classes = random.choice(len(self.rows), self.way, replace=False)
        # Sorted, so that a loss with class outputs sees the dataset's own order; the prototype loss ignores it.
        classes.sort()
        drawn = [
            random.choice(self.rows[label], min(self.shot + self.query, len(self.rows[label])), replace=False)
            for label in classes
        ]
        return Episode(
            support=np.stack([rows[: self.shot] for rows in drawn]),
            query=np.concatenate([rows[self.shot :] for rows in drawn]),
            query_labels=np.repeat(np.arange(self.way), [len(rows) - self.shot for rows in drawn]),
            places=random.random((sum(map(len, drawn)), 2)) if self._crops else None,
        )
