"""One task from packages to a file: read, remove duplicates, cap, group, split, write."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pgebench.core.files import sha256_of
from pgebench.embedded.builder.dedup import Removed, drop_exact, group, near_pairs, renumber
from pgebench.embedded.builder.packages import PACKAGES, Fetched, fetch
from pgebench.embedded.builder.raw import SEED, Raw, stratified_sample
from pgebench.embedded.builder.recipes import RECIPES
from pgebench.embedded.builder.split import draw_split, not_crossing
from pgebench.embedded.builder.write import smallest, write_npz
from pgebench.embedded.load import content_sha256


@dataclass(frozen=True)
class Made:
    """A finished task and what the datasheet tells of it.

    Attributes:
        name: of the task.
        raw: the images that stayed.
        split: uint8, (N,).
        groups: int64, (N,).
        decoded: images before anything was removed.
        removed: exact duplicates that went.
        pairs: near-duplicate pairs found.
        dropped: images that went because they are near duplicates of one in an earlier split.
        packages: what it was made from.
        entry: the task's part of manifest.json.
    """

    name: str
    raw: Raw
    split: npt.NDArray[np.uint8]
    groups: npt.NDArray[np.int64]
    decoded: int
    removed: Removed
    pairs: int
    dropped: int
    packages: tuple[Fetched, ...]
    entry: dict[str, Any]


def make(name: str, work: Path, out: Path) -> Made:
    """Build one task and write ``{name}.npz`` into `out`.

    Args:
        name: a key of `RECIPES`.
        work: folder of downloaded packages.
        out: folder of the pack.
    """
    recipe = RECIPES[name]
    decoded = recipe.read(work)
    raw, removed = drop_exact(decoded)
    if recipe.cap is not None:
        raw = raw.take(stratified_sample(raw.labels, recipe.cap, SEED))
    pairs = near_pairs(raw.images)
    groups = group(raw.families, pairs if recipe.near == "join" else pairs[:0])
    split = draw_split(raw.labels, groups, recipe.shares)
    keep = not_crossing(split, pairs)
    dropped = len(split) - len(keep)
    raw, groups, split = raw.take(keep), renumber(groups[keep]), split[keep]
    path = out / f"{name}.npz"
    arrays = {
        "images": raw.images,
        "labels": smallest(raw.labels),
        "split": split,
        "group": smallest(groups),
        "class_names": np.array(raw.class_names),
    }
    write_npz(path, arrays)
    entry = {
        "bytes": path.stat().st_size,
        "file_sha256": sha256_of(path),
        "content_sha256": content_sha256(raw.images, raw.labels, split, raw.class_names),
        "shape": list(raw.images.shape),
        "classes": len(raw.class_names),
        "splits": np.bincount(split, minlength=3).tolist(),
    }
    packages = tuple(fetch(package, work) for package in PACKAGES[name])
    return Made(name, raw, split, groups, len(decoded.images), removed, len(pairs), dropped, packages, entry)
