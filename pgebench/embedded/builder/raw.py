"""Raw images of a task: what a source hands to the dedup and split steps."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Of every draw in the pack.
SEED = 20221116


@dataclass(frozen=True)
class Raw:
    """Decoded images of one task, before duplicates are removed and splits are drawn.

    Attributes:
        images: uint8, (N, H, W) grey or (N, H, W, 3) colour.
        labels: int64, (N,), an index into ``class_names``.
        class_names: one name per class.
        families: int64, (N,). Images that share a number must share a split (one font family, one emoji motif).
        notes: sentences for the datasheet: what was taken, what was left out, and how many.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    families: npt.NDArray[np.int64]
    notes: tuple[str, ...] = ()

    def take(self, index: npt.NDArray[np.int64]) -> "Raw":
        """Return the images named by `index` (K,), in that order."""
        return Raw(self.images[index], self.labels[index], self.class_names, self.families[index], self.notes)


def no_families(count: int) -> npt.NDArray[np.int64]:
    """Return a family number of its own for each of `count` images.

    >>> no_families(3)
    array([0, 1, 2])
    """
    return np.arange(count, dtype=np.int64)


def stratified_sample(labels: npt.NDArray[np.int64], per_class: int, seed: int) -> npt.NDArray[np.int64]:
    """Draw at most `per_class` indices of each class without replacement.

    Args:
        labels: int64, (N,).
        per_class: the most images to take from one class.
        seed: of the draw.

    Returns:
        Sorted indices, (K,).

    >>> stratified_sample(np.array([0, 0, 0, 1]), per_class=1, seed=0).shape
    (2,)
    """
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(np.flatnonzero(labels == label))[:per_class] for label in np.unique(labels)]
    return np.sort(np.concatenate(drawn))
