"""A comparison of two runs as Markdown that also reads well in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pgebench.analysis.two_runs import TOLERANCE, Comparison
from pgebench.report.wording import MINUS, NOTHING, counted, duration, interval, number, signed

MOST = 20
"""Rows of a list that are printed."""


def markdown(found: Comparison, names: tuple[str, str]) -> str:
    """The comparison in words and tables.

    Args:
        found: What differs.
        names: What to call the two runs, their folders.
    """
    parts = [f"# {names[0]} (A) and {names[1]} (B)", _verdict(found), *_settings(found), *_units(found)]
    for truth, league in found.leagues.items():
        parts += [f"## League against {truth}", _LEAGUE, *_rerun(league), _league(league)]
    parts += ["## Wall time for all scores", _costs(found.costs)]
    return "\n\n".join(parts) + "\n"


_DIFFERENCE = f"B {MINUS} A"
_LEAGUE = (
    f"Mean weighted τ of each run over its own targets, and place. The difference {_DIFFERENCE} is the mean over the "
    "targets that both have, its 95 % interval from a bootstrap over these targets."
)


def _verdict(found: Comparison) -> str:
    sizes = f"A has {counted(found.units[0], 'unit')}, B {counted(found.units[1], 'unit')}"
    if any(found.variations):
        sizes += f"; {found.variations[0]} and {found.variations[1]} of them are variations, which no league includes"
    if found.unchanged:
        return f"Nothing changed: the same settings, units and values. {sizes}."
    return f"{'Other settings' if len(found.settings) else 'The same settings'}. {sizes}."


def _settings(found: Comparison) -> list[str]:
    if found.settings.empty:
        return []
    rows = [[f"`{row['key']}`", _text(row["a"]), _text(row["b"])] for row in found.settings.to_dict("records")]
    return ["## Settings that differ", _table(["key", "A", "B"], rows)]


def _units(found: Comparison) -> list[str]:
    parts = []
    for run, units in zip("AB", found.only, strict=True):
        if units:
            parts += [f"## Units that only {run} has: {len(units)}", _list(units)]
    if len(found.values):
        rows = [
            [row["unit"], f"{row['a']:.6g}", f"{row['b']:.6g}", f"{row['difference']:+.3g}"]
            for row in found.values.head(MOST).to_dict("records")
        ]
        title = f"## Same unit, other value: {len(found.values)} (beyond a relative difference of {TOLERANCE:g})"
        parts += [title, _table(["unit", "A", "B", _DIFFERENCE], rows) + _rest(len(found.values))]
    if len(found.failed):
        lines = [f"{row['run']}: {row['unit']}: {row['error']}" for row in found.failed.to_dict("records")]
        parts += [f"## Without result in one run only: {len(lines)}", _list(lines)]
    return parts


def _rerun(league: pd.DataFrame) -> list[str]:
    """How often B lies where A foretells a rerun; silent where A cannot foretell, or a number cannot move."""
    known = league[league["reach"].notna() & league["b"].notna() & (league["reach"] > 0)]
    if known.empty:
        return []
    held = int(((known["b"] - known["a"]).abs() <= known["reach"]).sum())
    return [
        "From the spread between its checkpoints and draws, A foretells where a rerun, everything trained anew, lies "
        f"in 95 of 100 cases (*foretold*). If B is such a rerun: {held} of {counted(len(known), 'number')} lie there."
    ]


def _league(league: pd.DataFrame) -> str:
    foretells = bool(league["reach"].notna().any())
    rows = []
    for row in league.to_dict("records"):
        moved = row["place_a"] - row["place_b"]
        rows.append(
            [
                f"`{row['metric']}`",
                *(number(row[run], 3) for run in "ab"),
                *([interval(row["a"] - row["reach"], row["a"] + row["reach"])] if foretells else []),
                *(number(row[place], 0) for place in ("place_a", "place_b")),
                "same" if moved == 0 else signed(moved, 0),
                signed(row["difference"], 3),
                interval(row["low"], row["high"], 3),
                str(row["targets"]),
            ]
        )
    foretold = ["foretold"] if foretells else []
    titles = [
        "metric",
        "A",
        "B",
        *foretold,
        "place A",
        "place B",
        "moved",
        _DIFFERENCE,
        "95 % interval",
        "shared targets",
    ]
    return _table(titles, rows)


def _costs(costs: pd.DataFrame) -> str:
    rows = [
        [f"`{row['name']}` ({row['kind']})", duration(row["a"]), duration(row["b"]), number(row["ratio"])]
        for row in costs.to_dict("records")
    ]
    return _table(["", "A", "B", "B / A"], rows)


def _text(value: object) -> str:
    return NOTHING if not isinstance(value, str) else value.replace("|", "\\|")


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines[:MOST]) + _rest(len(lines))


def _rest(count: int) -> str:
    return f"\n\n… and {count - MOST} more" if count > MOST else ""


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of equal width, so that a terminal shows them as columns too."""
    widths = [max(len(line[i]) for line in [columns, *rows]) for i in range(len(columns))]
    lines = [columns, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
