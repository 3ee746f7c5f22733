"""A section of the report: one subject with its table, its picture, its words and the files it leaves in `figures/`.

A section hands out blocks, and the two templates know how a block looks: `page` for the HTML page, `markdown` for its
twin, which has shorter words and no touch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from pgebench.analysis.judge import TruthResult
from pgebench.analysis.league import Analysis, experiment_itself
from pgebench.report.claims import Finding
from pgebench.report.grid import Grid
from pgebench.report.svg import Picture
from pgebench.report.wording import reworded


@dataclass(frozen=True)
class Report:
    """What a report is made from.

    Attributes:
        analysis: Of the records.
        records: The records themselves.
        meta: Where they come from; anything may be missing.
    """

    analysis: Analysis
    records: pd.DataFrame
    meta: Mapping[str, Any]

    @property
    def results(self) -> tuple[TruthResult, ...]:
        """What was found about each truth, the primary one first; empty if there is none yet."""
        return self.analysis.results

    @property
    def itself(self) -> pd.DataFrame:
        """Records of the experiment without its variations."""
        return experiment_itself(self.records)

    @property
    def command(self) -> str:
        """What the user typed; "" if nobody knows."""
        return str(self.meta.get("command", ""))

    @property
    def criterion(self) -> str:
        """What the truths measure; accuracy unless the run says something else."""
        return str(self.meta.get("criterion") or "accuracy")

    def say(self, text: str) -> str:
        """A text about sources and targets in the words of the experiment's question."""
        return reworded(text, self.analysis.question)

    def said(self, found: Grid) -> Grid:
        """The table in these words; a first column that is code holds names, which stay as they are."""
        rows = [
            [row[0] if row[0].text.startswith("`") else replace(row[0], text=self.say(row[0].text))]
            + [replace(cell, text=self.say(cell.text)) for cell in row[1:]]
            for row in found.rows
        ]
        return Grid([self.say(title) for title in found.columns], rows, found.pictures, found.footer, found.notes)


@dataclass(frozen=True)
class Block:
    """One piece of a page."""

    @property
    def kind(self) -> str:
        """Name of the macro that shows it."""
        return type(self).__name__.lower()


@dataclass(frozen=True)
class Heading(Block):
    """A title; `anchor` where it can be pointed at without being the title of a section."""

    text: str
    level: int = 2
    anchor: str = ""


@dataclass(frozen=True)
class Words(Block):
    """A paragraph, back-ticks make code; `soft` for what explains a table or picture."""

    text: str
    soft: bool = False


@dataclass(frozen=True)
class Findings(Block):
    """Paragraphs of the verdict."""

    found: Sequence[Finding]


@dataclass(frozen=True)
class Table(Block):
    """A table; columns in `long` hold text that is broken into lines."""

    grid: Grid
    long: tuple[int, ...] = ()


@dataclass(frozen=True)
class Figure(Block):
    """A picture with its caption and links to its files; in Markdown the file is shown, and `picture` not needed."""

    name: str
    caption: str
    picture: Picture | None = None


@dataclass(frozen=True)
class Beside(Block):
    """Figures side by side where there is room, else below each other."""

    figures: Sequence[Figure]


@dataclass(frozen=True)
class Cards(Block):
    """Small pictures beside each other, each under the name of its metric."""

    pictures: Sequence[tuple[str, Picture]]
    css: str = ""


@dataclass(frozen=True)
class Photos(Block):
    """Small photographs beside each other: what is written below each, and the image as a `data:` address."""

    photos: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Choice:
    """One of several things to take: for what, its name as it is, and why."""

    title: str
    name: str
    text: str


@dataclass(frozen=True)
class Choices(Block):
    """Things to take, as tiles."""

    choices: Sequence[Choice]


@dataclass(frozen=True)
class Links(Block):
    """Links to the files of a figure, then words."""

    name: str
    text: str = ""


@dataclass(frozen=True)
class Key(Block):
    """What the colours mean: css classes and words."""

    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Bullets(Block):
    """A list."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Terms(Block):
    """Words that are explained."""

    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Facts(Block):
    """Names and values."""

    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Code(Block):
    """Text as it was typed or stored."""

    text: str
    language: str = ""


@dataclass(frozen=True)
class Details(Block):
    """Blocks that are shown on demand."""

    summary: str
    blocks: Sequence[Block]
    is_open: bool = False


@dataclass(frozen=True)
class FigureFile:
    """What lies in `figures/` under one name: PNG, SVG and CSV, and LaTeX where there is some.

    Attributes:
        name: Without suffix, see `file_name`.
        picture: Drawn.
        numbers: The numbers in it.
        latex: A table for papers.
    """

    name: str
    picture: Picture
    numbers: pd.DataFrame
    latex: str = ""


def file_name(*parts: str) -> str:
    """Name of a figure's files. Names of truths and backbones may hold slashes and must not lead to another folder.

    >>> file_name("map", "finetune", "models/mine.pt")
    'map_finetune_models_mine.pt'
    """
    return re.sub(r"[/\\]", "_", "_".join(parts))


def no_files(report: Report) -> Iterator[FigureFile]:
    """Of a section that has no picture."""
    return iter(())


@dataclass(frozen=True)
class Section:
    """One section.

    Attributes:
        anchor: Where links of the page point to.
        nav: What the navigation calls it; "" to leave it out there.
        page: Blocks of the HTML page; without blocks the section is left out.
        markdown: Likewise for the Markdown.
        files: Its figures.
        css: Class of the whole section.
        opens: Whether it stands above the facts and notes that a page begins with.
    """

    anchor: str
    nav: str
    page: Callable[[Report], list[Block]]
    markdown: Callable[[Report], list[Block]]
    files: Callable[[Report], Iterator[FigureFile]] = field(default=no_files)
    css: str = ""
    opens: bool = False


def told(anchor: str, nav: str, blocks: Sequence[Block], css: str = "") -> tuple[Section, Sequence[Block]]:
    """A section of a page that is no report, whose blocks are at hand."""
    return Section(anchor, nav, lambda report: list(blocks), lambda report: list(blocks), css=css), blocks
