"""Tables of the study in Markdown: rows of simulated means, put side by side."""

from __future__ import annotations

import pandas as pd

from pgebench.studies.markdown_table import markdown_table
from pgebench.studies.statistics.figure import label
from pgebench.studies.statistics.study import SHAPE

STATISTICS = {
    "weighted_tau": "weighted tau",
    "tau": "tau",
    "spearman": "Spearman",
    "pearson": "Pearson",
    "rel_at_1": "Rel@1",
    "regret": "regret",
}
CELL = ["situation", *SHAPE]


def how_many(rows: pd.DataFrame, *, resampled: bool = True) -> str:
    """Benchmarks behind each line of a section, and resamples if it draws any."""
    pairs = rows[["benchmarks", "resamples"]].drop_duplicates().to_numpy()
    each = [f"{int(many)} benchmarks" + f", {int(draws)} resamples each" * resampled for many, draws in pairs]
    return " or ".join(each) + "."


def matrix(rows: pd.DataFrame) -> str:
    """One line a situation, one column a statistic."""
    lines = []
    for _, part in rows.groupby(CELL, sort=False):
        by_statistic = {row["statistic"]: with_error(row) for _, row in part.iterrows()}
        lines.append([label(part.iloc[0]), *(by_statistic.get(name, "") for name in STATISTICS)])
    return markdown_table(["situation", *STATISTICS.values()], lines)


def by_quantity(rows: pd.DataFrame, names: dict[str, str]) -> str:
    """One line a situation, one column a quantity."""
    lines = []
    for _, part in rows.groupby(CELL, sort=False):
        found = {row["quantity"]: with_error(row) for _, row in part.iterrows()}
        lines.append([label(part.iloc[0]), *(found.get(name, "") for name in names)])
    return markdown_table(["situation", *names.values()], lines)


def parts_of_variance(rows: pd.DataFrame) -> str:
    """One line a situation and statistic, one column a part."""
    names = list(rows["quantity"].unique())
    lines = []
    for _, part in rows.groupby([*CELL, "statistic"], sort=False):
        by_part = {row["quantity"]: with_error(row) for _, row in part.iterrows()}
        first = part.iloc[0]
        lines.append([label(first), STATISTICS[first["statistic"]], *(by_part[name] for name in names)])
    return markdown_table(["situation", "of", *(str(name).replace("_", " ") for name in names)], lines)


def beside_expected(rows: pd.DataFrame, prefix: str, head: str) -> str:
    """One line per mean: estimated, true, difference."""
    lines = [
        [
            label(row),
            str(row["quantity"]).removeprefix(prefix),
            STATISTICS.get(row["statistic"], row["statistic"]),
            with_error(row),
            f"{row['expected']:.3f}",
            f"{row['value'] - row['expected']:+.3f}",
        ]
        for _, row in rows.iterrows()
    ]
    return markdown_table(["situation", head, "of", "mean estimate", "true", "bias"], lines)


def with_error(row: pd.Series) -> str:
    """A mean and its Monte Carlo error."""
    return f"{row['value']:.3f}" + (f" ± {row['error']:.3f}" if pd.notna(row["error"]) else "")
