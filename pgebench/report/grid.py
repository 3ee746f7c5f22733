"""A table of the report, once for both the HTML page and its Markdown twin."""

from __future__ import annotations

from dataclasses import dataclass

from pgebench.report.wording import NOTHING, duration, number

STATISTIC_TITLES = {"weighted_tau": "weighted τ", "tau": "τ", "spearman": "Spearman", "pearson": "Pearson"}


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: What is written; back-ticks make code.
        sort: What the column is sorted by; NaN goes last.
        picture: Inline SVG, shown by the HTML page only.
    """

    text: str
    sort: float | str = ""
    picture: str = ""


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes:
        columns: Titles.
        rows: Cells, one list a row.
        pictures: Column -> inline SVG put in its title; such a column is left out of the Markdown.
        footer: Rows that stay below when the table is sorted.
        notes: Row -> css class.
    """

    columns: list[str]
    rows: list[list[Cell]]
    pictures: dict[int, str]
    footer: list[list[Cell]]
    notes: dict[int, str]


def grid(columns: list[str], rows: list[list[Cell]], notes: dict[int, str] | None = None) -> Grid:
    """A table without pictures and footer."""
    return Grid(columns, rows, {}, [], notes or {})


def name_cell(name: object) -> Cell:
    """A name, written as code and sorted by the alphabet; a dash if there is none."""
    return Cell(f"`{name}`", name) if isinstance(name, str) else Cell(NOTHING, "")


def value_cell(value: float, digits: int = 2) -> Cell:
    """A plain number."""
    return Cell(number(value, digits), value)


def time_cell(seconds: float) -> Cell:
    """A duration; a dash if there is nothing to pay."""
    return Cell(duration(seconds) if seconds > 0 else NOTHING, seconds)
