"""The tables of the report, once for both the HTML page and its Markdown twin."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from pgebench.analysis.correlation import CORRELATIONS
from pgebench.analysis.league import PRIMARY, Analysis, TruthResult
from pgebench.report.claims import ALPHA, clearly_better
from pgebench.report.svg import StripScale, strip, strip_axis
from pgebench.report.wording import MANY, NOTHING, duration, interval, names, number, p_text, percent, points, signed

STATISTIC_TITLES = {"weighted_tau": "weighted τ", "tau": "τ", "spearman": "Spearman", "pearson": "Pearson"}
MOST_FAILURES = 100


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


def league_grid(result: TruthResult) -> Grid:
    """The league table, best first, with the noise ceiling below."""
    scale, ceiling = StripScale(result.league), result.ceiling
    rows, notes = [], {}
    for i, (_, row) in enumerate(result.league.iterrows()):
        rows.append(
            [
                name_cell(row["metric"]),
                value_cell(row[PRIMARY]),
                Cell("", row[PRIMARY], strip(row, scale, ceiling[PRIMARY])),
                Cell(interval(row[f"{PRIMARY}_low"], row[f"{PRIMARY}_high"]), row[f"{PRIMARY}_low"]),
                Cell(p_text(row["p_holm"]), row["p_holm"]),
                *[value_cell(row[statistic]) for statistic in CORRELATIONS[1:]],
                value_cell(row["rel_at_1"], 3),
                value_cell(row["rel_at_3"], 3),
                Cell(points(row["regret"]), row["regret"]),
                time_cell(row["cost_total_s"]),
            ]
        )
        if row["kind"] == "trivial":
            notes[i] = "trivial"
    footer = [
        [
            Cell(title),
            Cell(number(values[0])),
            *[Cell("")] * 3,
            *[Cell(number(value)) for value in values[1:]],
            *[Cell("")] * 4,
        ]
        for title, values in (
            ("noise ceiling", [ceiling[statistic].repeat for statistic in CORRELATIONS]),
            ("perfect score", [ceiling[statistic].perfect for statistic in CORRELATIONS]),
        )
    ]
    columns = [
        *("metric", "weighted τ", "", "95 % interval", "p (Holm)"),
        *[STATISTIC_TITLES[statistic] for statistic in CORRELATIONS[1:]],
        *("Rel@1", "Rel@3", "regret, points", "time"),
    ]
    return Grid(columns, rows, {2: strip_axis(scale)}, footer, notes)


def comparison_grid(result: TruthResult) -> Grid:
    """For each metric: which others it beats, which it cannot be told from, and which beat it."""
    compared = set(result.pairs["better"]) | set(result.pairs["worse"])
    metrics = [metric for metric in result.metrics if metric in compared]
    rows = []
    for metric in metrics:
        others = [other for other in metrics if other != metric]
        above = [other for other in others if clearly_better(result, metric, other)]
        below = [other for other in others if clearly_better(result, other, metric)]
        level = [other for other in others if other not in above and other not in below]
        rows.append(
            [name_cell(metric), *[Cell(names(group, NOTHING, MANY), len(group)) for group in (above, level, below)]]
        )
    return grid(["metric", "clearly better than", "not distinguishable from", "clearly worse than"], rows)


def backbone_grid(result: TruthResult) -> Grid:
    """Weighted tau of each metric, one column a backbone; no rows with a single backbone."""
    backbones = list(dict.fromkeys(result.by_backbone["backbone"]))
    by_name = result.by_backbone.set_index(["metric", "backbone"])
    rows = []
    for metric in result.metrics if backbones else ():
        cells = [name_cell(metric)]
        for backbone in backbones:
            row = by_name.loc[(metric, backbone)]
            text = f"{number(row[PRIMARY])} ({interval(row['low'], row['high'])})"
            cells.append(Cell(text if math.isfinite(row[PRIMARY]) else NOTHING, float(row[PRIMARY])))
        rows.append(cells)
    made = grid(["metric", *backbones], rows)
    ceilings = result.by_backbone.groupby("backbone")["ceiling"].first()
    if backbones:
        made.footer.append([Cell("noise ceiling"), *[Cell(number(float(ceilings[b]))) for b in backbones]])
    return made


def relatedness_grid(result: TruthResult) -> Grid:
    """Each metric against the whole truth and against the interaction alone."""
    rows = [
        [
            name_cell(row["metric"]),
            value_cell(row[PRIMARY]),
            value_cell(row["interaction_weighted_tau"]),
            Cell(
                interval(row["interaction_weighted_tau_low"], row["interaction_weighted_tau_high"]),
                row["interaction_weighted_tau_low"],
            ),
            value_cell(row["interaction_pearson"]),
            Cell(p_text(row["interaction_p_holm"]), row["interaction_p_holm"]),
        ]
        for _, row in result.league.iterrows()
        if math.isfinite(row["interaction_weighted_tau"])
    ]
    columns = ["metric", "whole truth, weighted τ", "interaction, weighted τ", "95 % interval", "Pearson", "p (Holm)"]
    return grid(columns, rows)


def cost_grid(analysis: Analysis, result: TruthResult) -> Grid:
    """What each metric costs, and the truth below."""
    truth = analysis.truth_costs.get(result.name)
    charged = [(metric, analysis.metric_costs[metric]) for metric in result.metrics if metric in analysis.metric_costs]
    rows = []
    for name, cost in [*charged, *([(f"{result.name} (truth)", truth)] if truth else [])]:
        share = cost.total_s / truth.total_s if truth and truth.total_s > 0 else float("nan")
        rows.append(
            [
                name_cell(name),
                *[time_cell(seconds) for seconds in (cost.per_dataset_s, cost.per_checkpoint_s, cost.per_pair_s)],
                time_cell(cost.total_s),
                time_cell(cost.without_checkpoints_s),
                Cell(percent(share), share),
                time_cell(cost.cpu_s),
                Cell(f"{cost.images:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"), cost.images),
                Cell(number(cost.flops / 1e12, 3), cost.flops),
                Cell(number(cost.peak_rss_mb, 0), cost.peak_rss_mb),
                Cell(f"{cost.unknown} missing" if cost.unknown else "complete", cost.unknown),
            ]
        )
    columns = ["", "a dataset", "a source model", "a pair", "all scores", "with models at hand", "share of the truth"]
    return grid([*columns, "CPU time", "images", "TFLOP", "peak MB", "records"], rows)


def ceiling_grid(result: TruthResult) -> Grid:
    """Reliability of the truth for each correlation; no rows with a single seed, which says nothing of it."""
    rows = [
        [Cell(STATISTIC_TITLES[name]), *[value_cell(value) for value in (top.halves, top.repeat, top.perfect)]]
        for name, top in result.ceiling.items()
        if top.half
    ]
    half = next(iter(result.ceiling.values())).half
    return grid(["", f"{half} against {half} seeds", "noise ceiling", "perfect score"], rows)


def dataset_grid(records: pd.DataFrame, datasets: dict[str, dict[str, object]]) -> Grid:
    """What each dataset holds and how well its source models do on their own validation split."""
    done = records[(records["stage"] == "checkpoint") & (records["status"] == "done")]
    accuracy = done.groupby(["source", "backbone"])["value"].mean()
    backbones = sorted({str(name) for name in done["backbone"].dropna()})
    sizes = [
        size
        for size in ("classes", "train", "train_as_target", "val", "test")
        if any(size in d for d in datasets.values())
    ]
    rows = []
    for name in sorted({*datasets, *(str(source) for source in done["source"].dropna())}):
        facts = datasets.get(name, {})
        cells = [name_cell(name)]
        for size in sizes:
            value = facts.get(size)
            cells.append(Cell(str(value), float(value)) if isinstance(value, int | float) else Cell(NOTHING))
        for backbone in backbones:
            value = float(accuracy.get((name, backbone), float("nan")))
            cells.append(Cell(percent(value, 1), value))
        rows.append(cells)
    return grid(
        [
            "dataset",
            *(size.replace("_", " ") for size in sizes),
            *[f"validation accuracy, {backbone}" for backbone in backbones],
        ],
        rows,
    )


def gradient_grid(records: pd.DataFrame) -> Grid:
    """How well two halves of the same principal gradient agree, for each setting and backbone."""
    done = records[(records["stage"] == "gradient") & (records["status"] == "done")]
    done = done.assign(metric=done["metric"].fillna("gradient"))
    rows = []
    for (setting, backbone), group in done.groupby(["metric", "backbone"], sort=True):
        values = group["value"].dropna()
        if len(values):
            cells = [value_cell(float(value)) for value in (values.mean(), values.min(), values.max())]
            rows.append([name_cell(setting), name_cell(backbone), *cells, Cell(str(len(values)), len(values))])
    return grid(["setting", "backbone", "mean cosine", "lowest", "highest", "datasets"], rows)


def failure_grid(analysis: Analysis) -> Grid:
    """Units that did not finish, the first `MOST_FAILURES` of them."""
    rows = []
    for row in analysis.failures.head(MOST_FAILURES).to_dict("records"):
        what = next((row[name] for name in ("metric", "truth") if not pd.isna(row.get(name))), None)
        attempts = row.get("attempts")
        rows.append(
            [
                *[name_cell(row[name]) for name in ("stage", "status", "backbone", "source", "target")],
                name_cell(what),
                Cell(NOTHING if pd.isna(attempts) else str(int(attempts)), ""),
                Cell(NOTHING if pd.isna(row.get("error")) else str(row["error"])),
            ]
        )
    return grid(["stage", "status", "backbone", "source", "target", "what", "attempts", "error"], rows)


def pair_grid(result: TruthResult) -> Grid:
    """All paired differences."""
    rows = [
        [
            name_cell(row["better"]),
            name_cell(row["worse"]),
            Cell(signed(row["difference"]), row["difference"]),
            Cell(interval(row["low"], row["high"]), row["low"]),
            Cell(p_text(row["p_holm"]), row["p_holm"]),
        ]
        for _, row in result.pairs.iterrows()
        if math.isfinite(row["difference"])
    ]
    notes = {i: "clear" for i, row in enumerate(rows) if isinstance(row[4].sort, float) and row[4].sort < ALPHA}
    return grid(["metric", "against", "difference of weighted τ", "95 % interval", "p (Holm)"], rows, notes)
