"""The map of datasets: near each other where PGE finds little distance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pgebench.analysis.embedding import Embedding, distances, embed
from pgebench.analysis.league import Analysis
from pgebench.analysis.question import SOURCES
from pgebench.analysis.table import Table
from pgebench.report.section import Block, Figure, FigureFile, Heading, Report, file_name
from pgebench.report.sheet import sheet
from pgebench.report.svg import Circle, Mark, Picture, Text
from pgebench.report.wording import number

METRIC = "pge"
FEWEST = 4
"""With fewer datasets a table of distances says more."""


def atlases(analysis: Analysis) -> list[tuple[str, Embedding]]:
    """The map of each backbone that has one; only a ranking of sources lays sources and targets out like this."""
    if analysis.question is not SOURCES:
        return []
    made = [(name, atlas(analysis.table, b)) for b, name in enumerate(analysis.table.backbones)]
    return [(name, embedding) for name, embedding in made if embedding is not None]


def atlas(table: Table, backbone: int) -> Embedding | None:
    """Datasets in the plane by their PGE distances; None without PGE or with too few datasets."""
    if METRIC not in table.scores or not np.isfinite(table.scores[METRIC][backbone]).any():
        return None
    names, gaps = distances(table, METRIC, backbone)
    seen = np.isfinite(gaps).sum(axis=0) > 1
    if seen.sum() < FEWEST:
        return None
    kept = [name for name, is_seen in zip(names, seen, strict=True) if is_seen]
    return embed(tuple(kept), gaps[np.ix_(seen, seen)])


def picture(found: Embedding, targets: tuple[str, ...]) -> Picture:
    """Datasets as points; filled ones are targets as well as sources."""
    size, edge, room = 380.0, 16.0, 70.0
    reach = float(np.abs(found.points).max()) or 1.0
    marks: list[Mark] = []
    for name, (x, y) in zip(found.names, found.points, strict=True):
        across = room + edge + (size - 2 * edge) * (x / reach + 1) / 2
        down = edge + (size - 2 * edge) * (1 - y / reach) / 2
        marks.append(Circle(across, down, 4.5, "full" if name in targets else "hollow", "metric", say=name))
        marks.append(Text(across, down - 8, name, anchor="middle"))
    label = f"Datasets in the plane by PGE distance, stress {number(found.stress)}"
    return Picture(size + 2 * room, size + 8, tuple(marks), label)


def page(report: Report) -> list[Block]:
    """For the section of the maps."""
    found = atlases(report.analysis)
    blocks: list[Block] = [Heading("Datasets in the plane", 3)] if found else []
    for backbone, embedding in found:
        caption = (
            f"PGE distances of {backbone}, as well as a plane can hold them (multidimensional scaling, stress "
            f"{embedding.stress:.2f}; above 0.2 it misleads). Only distances mean something; hollow: a source only."
        )
        blocks.append(Figure(file_name("atlas", backbone), caption, picture(embedding, report.analysis.table.targets)))
    return blocks


def markdown(report: Report) -> list[Block]:
    """Likewise."""
    return [
        Figure(
            file_name("atlas", backbone),
            f"Datasets by PGE distance with {backbone}, as well as a plane can hold them "
            f"(stress {embedding.stress:.2f})",
        )
        for backbone, embedding in atlases(report.analysis)
    ]


def files(report: Report) -> Iterator[FigureFile]:
    """One map per backbone."""
    for backbone, embedding in atlases(report.analysis):
        places = pd.DataFrame(embedding.points, columns=["x", "y"]).assign(dataset=embedding.names)
        title = f"PGE distances, {backbone} (stress {number(embedding.stress)}); hollow: a source only"
        drawn = sheet(title, picture(embedding, report.analysis.table.targets))
        yield FigureFile(file_name("atlas", backbone), drawn, places)
