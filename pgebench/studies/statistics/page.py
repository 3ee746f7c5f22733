"""Page of the study, `statistics.md`: every number comes from the simulated means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from pgebench.core.figures import png, svg
from pgebench.core.files import write_atomically
from pgebench.studies.statistics.figure import NOMINAL, draw_study, label
from pgebench.studies.statistics.nested_page import nested_sections
from pgebench.studies.statistics.study import parts as all_parts
from pgebench.studies.statistics.tables import (
    CELL,
    STATISTICS,
    beside_expected,
    by_quantity,
    how_many,
    matrix,
    parts_of_variance,
)


def write_page(rows: pd.DataFrame, results: Path) -> Path:
    """Write `statistics.md` and the figure beside `statistics.csv`.

    Args:
        rows: The means.
        results: Folder of the page; the figure goes to `statistics/` in it.

    Returns:
        Path of the page.
    """
    figure = draw_study(rows)
    write_atomically(results / "statistics/statistics.png", png(figure))
    write_atomically(results / "statistics/statistics.svg", svg(figure))
    page = results / "statistics.md"
    write_atomically(page, page_text(rows).encode())
    return page


def page_text(rows: pd.DataFrame) -> str:
    """The page as Markdown."""
    parts = {str(study): part for study, part in rows.groupby("study", sort=False)}
    sections = [INTRODUCTION, *_missing(rows), *nested_sections(parts)]
    if "coverage" in parts:
        coverage = parts["coverage"]
        sections += [
            "## Coverage of the 95 % intervals",
            COVERAGE,
            how_many(coverage),
            _verdict(coverage[coverage["quantity"].isin(["interval", "difference"])]),
            "One metric:",
            matrix(coverage[coverage["quantity"] == "interval"]),
            "Difference of two metrics:",
            matrix(coverage[coverage["quantity"] == "difference"]),
            "Two equally good metrics told apart at 5 % (paired test, uncorrected):",
            matrix(coverage[coverage["quantity"] == "equal"]),
        ]
    if "spread" in parts:
        sections += [
            "## Where the width comes from",
            SPREAD,
            how_many(parts["spread"]),
            parts_of_variance(parts["spread"]),
        ]
    if "chance" in parts:
        names = {
            "rejected": "p ≤ 0.05",
            "below_half": "p ≤ 0.5",
            "distance": "distance from uniform",
            "family": "any of 8 passes Holm",
            "family_mixed": "the same beside 8 good ones",
            "found": "good ones found",
        }
        sections += [
            "## p-values against chance",
            CHANCE,
            how_many(parts["chance"]),
            by_quantity(parts["chance"], names),
        ]
    if "planted" in parts:
        sections += [
            "## Planted correlations",
            PLANTED,
            how_many(parts["planted"], resampled=False),
            beside_expected(parts["planted"], "planted_", "planted"),
        ]
    if "ceiling" in parts:
        sections += [
            "## Noise ceiling",
            CEILING,
            how_many(parts["ceiling"], resampled=False),
            beside_expected(parts["ceiling"], "", "ceiling"),
        ]
    if "power" in parts:
        names = {name: name.replace("power_", "difference ") for name in parts["power"]["quantity"].unique()}
        sections += [
            "## How many targets does a study need?",
            POWER,
            how_many(parts["power"]),
            by_quantity(parts["power"], names),
        ]
    return "\n\n".join(sections) + "\n"


def _missing(rows: pd.DataFrame) -> list[str]:
    """What the whole study holds and these rows do not: nobody shall take a part for the whole."""
    there = {tuple(row) for row in rows[["study", *CELL]].astype(str).to_numpy()}
    wanted = [(part.study, tuple(str(value) for value in part.row().values())) for part in all_parts()]
    of_study = {study: [name for other, name in wanted if other == study] for study, _ in wanted}
    lacking = {study: [name for name in names if name not in there] for study, names in of_study.items()}
    named = [f"{study} {len(names)} of {len(of_study[study])}" for study, names in lacking.items() if names]
    return [f"Not computed with the statistics as they are, and left out: {', '.join(named)}."] if named else []


def _verdict(rows: pd.DataFrame) -> str:
    """How many coverages are nominal, and every one that is not."""
    short, wide = rows[rows["value"] < NOMINAL[0]], rows[rows["value"] > NOMINAL[1]]
    n = int(rows["benchmarks"].iloc[0])
    by_chance = [
        stats.binom.cdf(np.ceil(NOMINAL[0] * n) - 1, n, 0.95),
        stats.binom.sf(np.floor(NOMINAL[1] * n), n, 0.95),
    ]
    text = (
        f"{len(rows) - len(short) - len(wide)} of {len(rows)} coverages are within 92 to 98 %; "
        f"{len(short)} are below, {len(wide)} above. By chance alone, {n} benchmarks measure a true coverage of 0.95 "
        f"as below 0.92 in {by_chance[0]:.1%} of cases, and as above 0.98 in {by_chance[1]:.1%}."
    )
    for title, part in (("Below", short), ("Above", wide)):
        if not part.empty:
            text += f"\n\n{title}:\n\n" + "\n".join(_outside(part))
    return text


def _outside(rows: pd.DataFrame) -> list[str]:
    """One line a situation and kind of interval."""
    lines = []
    for _, part in rows.groupby([*CELL, "quantity"], sort=False):
        first = part.iloc[0]
        kind = "one metric" if first["quantity"] == "interval" else "difference"
        values = ", ".join(f"{STATISTICS[row['statistic']]} {row['value']:.3f}" for _, row in part.iterrows())
        lines.append(f"- {label(first)}, {kind}: {values}")
    return lines


INTRODUCTION = """# Do the statistics keep their promises?

Simulated benchmarks with known population values. How many, and with how many resamples or shuffles in each, stands in
each section (the report takes 1000 and 20 000); they are the options `benchmarks` and `resamples` of

```bash
python -m pgebench.studies.statistics results=results/reference
```

The layouts of the experiments come first; what follows them are simpler situations, whose sources and targets are
collections of their own, with the mean over the seeds of the truth as the only life. There truth = target effect +
source effect + interaction + seed noise. *both*: source effect and interaction have half of the
variance within a target each; one seed's noise has half their standard deviation. A metric sees source effect and
interaction with a planted correlation (0.6 for the first two, 0.3 for the third) plus errors of its own; source i is
missing for target i. *heavy tails*: interactions and noise follow Student's t with 3 degrees of freedom. *untidy*: a
tenth of the scores is missing, scores are rounded so that they tie, one target in eight has constant scores. *a x b* is
sources x targets. ± is the Monte Carlo standard error. All numbers: [statistics.csv](statistics/statistics.csv).

![Coverage, chance and power](statistics/statistics.png)"""

COVERAGE = """The true value is the mean over 2000 further benchmarks of the same shape; for Rel@1 and regret, whose
intervals speak about new targets with the same sources, over 1000 further targets for the sources of each benchmark
(not taken in *untidy*: there the choice is random). Nominal means 92 to 98 %. What is lost by a choice is 0 for many
targets and much for a few: with few targets the few are often not among them, and the intervals of Rel@1 and regret are
too short, most of all with six."""

SPREAD = """Why small tables, and tables without a source effect, get intervals that are too wide. The variance of an
estimate is put together from three parts, and each is cut at 0. Where a part is small or absent, its noise is cut on
one side only, and what is left adds up: compare *used* with *sum*, which cuts nothing. *sum* can be far too small in
a single benchmark, which would make the intervals too short; so the error is left on the safe side. Rank correlations
compare *pairs* of sources, and a resample of sources counts the part of the variance that lives in single pairs more
than once: compare tau with Pearson. The numbers are multiples of the true variance."""

CHANCE = """Eight metrics know nothing; eight good ones (planted correlation 0.8) stand beside them. *Fixed order of
sources* is the trap: score and truth depend on the source alone, so all targets agree by construction. *Distance* is
the largest distance (Kolmogorov-Smirnov) of the distribution of p from the uniform one.
With a missing diagonal the test is approximate, since one shuffle of the sources cannot be quite the same for every
target; that may be why a little more than 5 % pass."""

PLANTED = """The expected Kendall tau of normal variables with correlation r is 2/π asin(r), whatever the number of
sources; r is the planted correlation weakened by the noise of the seeds."""

CEILING = """*repeat* is the noise ceiling of the report, *perfect* what a score reaches that knows the noise-free
truth. *True* is the agreement of the same truth with a second one of as many fresh seeds (or with the noise-free
truth). *noisy*: one seed has 1.5 times the standard deviation of source effect and interaction together. Spearman's
ceiling comes out too high: the translation to Pearson and back holds for many items, and the Spearman correlation of
a few is smaller. Weighted tau is translated as if it were tau; where the noise is large, its *perfect* comes out too
low."""

POWER = """Share of the benchmarks in which a true difference in weighted tau between a good metric (planted 0.75) and a
worse one is found at 5 %, before any correction for the number of pairs; 0.8 is the usual aim of a planned study.
The differences are planted to within about 0.01. More sources help more than more targets."""
