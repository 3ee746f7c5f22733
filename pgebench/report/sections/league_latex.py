"""The league as LaTeX, for papers."""

from __future__ import annotations

import math

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import TruthResult
from pgebench.report.tops import tops

SPECIAL = {"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}"}


def latex_text(text: str) -> str:
    r"""Text with LaTeX's special characters escaped.

    >>> print(latex_text("pge_official 5 %"))
    pge\_official 5 \%
    """
    return "".join(SPECIAL.get(letter, letter) for letter in text)


def league_latex(result: TruthResult) -> str:
    """The league table for a paper; needs the package booktabs."""
    lines = [
        rf"% Mean weighted Kendall tau with {latex_text(result.name)} accuracy, 95 % interval, Holm-corrected p-value.",
        r"\begin{tabular}{lrcrrrrr}",
        r"\toprule",
        r"metric & $\tau_w$ & 95\,\% interval & $p$ & $\tau$ & Spearman & Pearson & regret \\",
        r"\midrule",
    ]
    for row in result.league.to_dict("records"):
        if not math.isfinite(row[PRIMARY]):
            continue
        low, high = row[f"{PRIMARY}_low"], row[f"{PRIMARY}_high"]
        p = row["p_holm"]
        cells = [
            latex_text(str(row["metric"])),
            _number(row[PRIMARY]),
            f"[{_number(low)}, {_number(high)}]" if math.isfinite(low) else "--",
            "--" if math.isnan(p) else "$<$0.001" if p < 0.001 else f"{p:.3f}",
            *[_number(row[name]) for name in ("tau", "spearman", "pearson")],
            _number(100 * row["regret"], 1),
        ]
        lines.append(" & ".join(cells) + r" \\")
    for top in tops(result):
        ceilings = [_number(top.repeat[name]) for name in ("tau", "spearman", "pearson")]
        value = _number(top.repeat[PRIMARY])
        rule = [] if lines[-1].startswith("noise") else [r"\midrule"]
        lines += [*rule, rf"noise ceiling, {top.name} & {value} & & & {' & '.join(ceilings)} & \\"]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _number(value: float, digits: int = 2) -> str:
    if not math.isfinite(value):
        return "--"
    text = f"{value:.{digits}f}"
    return f"$-${text[1:]}" if text.startswith("-") and float(text) != 0 else text.lstrip("-")
