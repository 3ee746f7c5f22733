"""The page of the three words."""

from __future__ import annotations

from collections.abc import Callable
from math import isinf

import pandas as pd

from pgebench.report.wording import NOTHING, counted, duration, interval, number
from pgebench.studies.claims.measured import CHEAPER, EFFICIENT, OPERATIONS, RELIABLE, SECONDS, STABLE, TRUTH, VARIANTS
from pgebench.studies.markdown_table import markdown_table

TITLE = """# Stable, reliable, efficient?

The abstract of [PGE](https://arxiv.org/abs/2211.16299) calls it more stable, reliable and efficient than metrics that
"must be recalculated with all existing source tasks whenever a novel unknown target task is encountered". This page
holds the three words against the runs in this folder; it computes nothing anew:

```bash
python -m pgebench.studies.claims
```

`pge` is the default here (shared initialisations), `pge_product` has the same gradients and the authors' distance,
`pge_official` is the authors' procedure with as many gradients as `pge`; LEEP, LogME and NCE are what the paper
compares with. All numbers: [claims.csv](claims.csv)."""

STABLE_WORDS = """## Stable

Kendall's tau-b between the rankings of the same sources by the same metric when one thing is changed that should not
matter; 1: the ranking stays as it was. In brackets the lowest and the highest weighted tau against fine-tuning that the
metric reaches meanwhile. From [{run}]({run}/report.md)."""

RELIABLE_WORDS = """## Reliable

Weighted tau against fine-tuning with its 95 % interval, in which everything lies that was drawn; the same without
sources of the target's own collection; the points of accuracy that taking the first source costs against the best.
Where a run has several checkpoints, *a rerun* is where the number of another run from nothing is foretold to lie. From
[{run}]({run}/report.md), where the planned contrasts stand too."""

EFFICIENT_WORDS = """## Efficient

What one more source and one more target cost, with one checkpoint per source, one transfer and one draw; {truth} is
fine-tuning itself. The claim is about the target. *One more source* is everything that has to be done once for it: its
model has to be trained, or its gradient computed. From [{run}]({run}/report.md)."""

CURRENCIES = {
    SECONDS: """In processor time of one core, as the suite runs it: every pair is a unit of its own that reads what it
needs from disk, which takes longer for two gradients than for the outputs of a network. (A bank of gradients in memory
would not have to.)""",
    OPERATIONS: "In floating-point operations of networks, the limit of what a good implementation could reach:",
}


def page(found: pd.DataFrame) -> str:
    """The page in Markdown.

    Args:
        found: As ``pgebench.studies.claims.measured.measured`` gives it.
    """
    blocks = [TITLE]
    for word, words, section in (
        (STABLE, STABLE_WORDS, _stable),
        (RELIABLE, RELIABLE_WORDS, _reliable),
        (EFFICIENT, EFFICIENT_WORDS, _efficient),
    ):
        for run, rows in found[found["word"] == word].groupby("run", sort=False):
            blocks += [words.format(run=run, truth=TRUTH), *section(rows)]
    return "\n\n".join(blocks) + "\n"


def answers(found: pd.DataFrame, word: str, quantity: str, better: Callable[[float, float], bool]) -> str:
    """Who is ahead of `pge` in a quantity, in words.

    Args:
        found: The table.
        word: Of the three.
        quantity: As the table calls it.
        better: Whether the first number beats the second.
    """
    rows = found[(found["word"] == word) & (found["quantity"] == quantity)].set_index("metric")["value"]
    others = [
        f"`{name}`" for name, value in rows.items() if name not in (*VARIANTS, TRUTH) and better(value, rows["pge"])
    ]
    return f"Ahead of `pge` in *{quantity}*: {', '.join(others) or 'none of these'}."


def _stable(rows: pd.DataFrame) -> list[str]:
    def cell(row: pd.Series) -> str:
        return f"{number(row['value'])} ({interval(row['low'], row['high'])})"

    quantities = list(dict.fromkeys(rows["quantity"]))
    said = [answers(rows, STABLE, quantity, lambda one, pge: one > pge) for quantity in quantities]
    return [_table(rows, quantities, cell), "\n".join(f"- {text}" for text in said)]


def _reliable(rows: pd.DataFrame) -> list[str]:
    def cell(row: pd.Series) -> str:
        if row["quantity"] == "regret":
            return number(100 * row["value"], 1)
        if row["quantity"] == "a rerun":
            return interval(row["low"], row["high"])
        return f"{number(row['value'])} ({interval(row['low'], row['high'])})"

    known = rows[rows["low"].notna() | rows["value"].notna()]
    quantities = list(dict.fromkeys(known["quantity"]))
    return [_table(known, quantities, cell), f"- {answers(rows, RELIABLE, 'all sources', lambda one, pge: one > pge)}"]


def _efficient(rows: pd.DataFrame) -> list[str]:
    blocks = []
    for unit, words in CURRENCIES.items():
        of_unit = rows[rows["quantity"].str.startswith(f"{unit}: ")]
        of_unit = of_unit.assign(quantity=of_unit["quantity"].str.removeprefix(f"{unit}: "))
        priced = of_unit[of_unit["quantity"] != CHEAPER]
        if priced["value"].notna().any():
            said: Callable[[float], str] = duration if unit == SECONDS else operations
            priced = priced.assign(text=[said(value) for value in priced["value"]])
            table = _table(priced, list(dict.fromkeys(priced["quantity"])), lambda row: str(row["text"]))
            crossed = of_unit[of_unit["quantity"] == CHEAPER].set_index("metric")["value"]
            blocks += [words, table, "\n".join(_crossing(metric, sources) for metric, sources in crossed.items())]
    return blocks


def _crossing(metric: object, sources: float) -> str:
    if isinf(sources):
        return f"- One more target never costs less with `pge` than with `{metric}`."
    return f"- One more target costs less with `pge` than with `{metric}` from {counted(int(sources), 'source')} on."


def operations(count: float) -> str:
    """A number of floating-point operations in words.

    Args:
        count: The number.

    >>> operations(2.34e12)
    '2,340 GFLOP'
    """
    return f"{count / 1e9:,.3g} GFLOP" if count < 1e11 else f"{count / 1e9:,.0f} GFLOP"


def _table(rows: pd.DataFrame, quantities: list[str], cell: Callable[[pd.Series], str]) -> str:
    metrics = list(dict.fromkeys(rows["metric"]))
    cells = {(row["metric"], row["quantity"]): cell(row) for _, row in rows.iterrows()}
    lines = [[f"`{name}`", *(cells.get((name, quantity), NOTHING) for quantity in quantities)] for name in metrics]
    return markdown_table(["metric", *quantities], lines)
