"""A picture of twelve samples of every task."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from pgebench.core.figures import png
from pgebench.core.files import write_atomically
from pgebench.embedded.builder.make import Made

COLUMNS = 12


def draw_samples(made: list[Made], path: Path) -> None:
    """Draw one row per task, twelve training images from as many classes as there are.

    Args:
        made: the tasks, in the order of the rows.
        path: of the PNG file.
    """
    figure = Figure(figsize=(14.6, 1.22 * len(made)), layout=None)
    axes = figure.subplots(len(made), COLUMNS)
    figure.subplots_adjust(left=0.11, right=0.995, bottom=0.03, top=0.995, wspace=0.08, hspace=0.32)
    for row, each in zip(axes, made, strict=True):
        middle = row[0].get_position()
        heading = f"{len(each.raw.images):,} images\n{len(each.raw.class_names)} classes"
        y = (middle.y0 + middle.y1) / 2
        figure.text(0.008, y + 0.022, each.name, fontsize=13, weight="bold", va="center")
        figure.text(0.008, y - 0.018, heading, fontsize=9, color="0.35", va="center")
        for axis, index in zip(row, _chosen(each), strict=True):
            axis.imshow(each.raw.images[index], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
            for spine in axis.spines.values():
                spine.set_color("0.8")
            axis.set_xlabel(_short(each.raw.class_names[each.raw.labels[index]]), fontsize=8, labelpad=2)
    write_atomically(path, png(figure, dpi=100))


def _chosen(each: Made) -> list[int]:
    """Pick training images, classes spread evenly, ordered by class."""
    classes = len(each.raw.class_names)
    wanted = sorted(
        column * classes // COLUMNS if classes >= COLUMNS else column % classes for column in range(COLUMNS)
    )
    rng = np.random.default_rng(0)
    picked: list[int] = []
    for label in wanted:
        pool = np.flatnonzero((each.raw.labels == label) & (each.split == 0))
        picked.append(int(rng.choice(np.setdiff1d(pool, picked))))
    return picked


def _short(name: str) -> str:
    return name.replace("_", " ").replace(" and ", " & ")
