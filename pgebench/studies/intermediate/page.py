"""The page of intermediate training."""

from __future__ import annotations

import pandas as pd

from pgebench.analysis.table import Table
from pgebench.report.wording import NOTHING, percent, signed
from pgebench.studies.intermediate.gains import BEST, MEAN, NEAR, NONE, gains
from pgebench.studies.markdown_table import markdown_table

TITLE = """# Does a source help a pretrained network?

`{backbone}` with its pretrained weights is trained on a source, then fine-tuned on the target
(`experiment=intermediate`; [report](report.md)). Points of test accuracy that this gains over fine-tuning it without a
source, mean over {transfers} transfers:

```bash
pgebench experiment=intermediate && python -m pgebench.studies.intermediate results=results/intermediate
```"""

CHOICES = """## The source that a metric chooses

Gain of the source that each metric puts first, in points; a metric with several draws has their mean. *Or none*: the
metric has a score for the shipped weights too, and may choose to train on no source. The intervals (95 %) resample the
{targets} targets alone, each of a collection of its own: so few that they are wide, and they hold neither the luck of a
source's one checkpoint nor that of the draws. *{best}* takes the source that turned out best, whose transfers were
lucky in part."""


def page(found: pd.DataFrame, table: Table, truth: str) -> str:
    """The page in Markdown.

    Args:
        found: As ``pgebench.studies.intermediate.gains.by_choice`` gives it.
        table: What that was made of.
        truth: Name of the truth.
    """
    transfers = table.truths[truth].values.shape[-1]
    means = found[~found["none"]].set_index("choice")["mean"]
    words = (
        f"On average a source gains {_points(means[MEAN])} points, the near one, other classes of the same collection, "
        f"{_points(means[NEAR])}, the best in hindsight {_points(means[BEST])}."
    )
    blocks = [
        TITLE.format(backbone=table.backbones[0], transfers=transfers),
        _by_source(table, truth),
        words,
        CHOICES.format(targets=len(table.targets), best=BEST),
        _by_choice(found, table),
        "All numbers: [helps.csv](helps.csv).",
    ]
    return "\n\n".join(blocks) + "\n"


def _by_source(table: Table, truth: str) -> str:
    accuracy = table.truths[truth].mean[0]
    gain = gains(accuracy, table.sources)
    bare = table.sources.index(NONE)
    lines = [["none (accuracy)", *(percent(value, 1) for value in accuracy[bare])]]
    lines += [
        [f"`{name}`", *("shares images" if value != value else _points(value) for value in gain[row])]
        for row, name in enumerate(table.sources)
        if row != bare
    ]
    return markdown_table(["source", *(f"`{name}`" for name in table.targets)], lines)


def _by_choice(found: pd.DataFrame, table: Table) -> str:
    own = found["choice"].isin([BEST, NEAR, MEAN])
    metrics = found[~own].sort_values("mean", ascending=False, kind="stable")
    lines = [
        [
            (row["choice"] if fixed else f"`{row['choice']}`") + (", or none" if row["none"] else ""),
            _points(row["mean"]),
            NOTHING if row["low"] != row["low"] else f"{_points(row['low'])} to {_points(row['high'])}",
            *(_points(row[name]) for name in table.targets),
        ]
        for fixed, part in ((True, found[own]), (False, metrics))
        for _, row in part.iterrows()
    ]
    return markdown_table(["choice", "mean", "interval", *(f"`{name}`" for name in table.targets)], lines)


def _points(gain: float) -> str:
    """An accuracy as points with a sign.

    >>> _points(0.0312)
    '+3.1'
    """
    return signed(100 * gain, 1) if gain == gain else NOTHING
