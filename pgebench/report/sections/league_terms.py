"""How to read the league: what its columns, its interval, its p-value and its ceilings say."""

from __future__ import annotations

from pgebench.analysis.judge import SHUFFLES, TruthResult
from pgebench.report.repetitions import checkpoints_of, in_interval, not_in_interval, repeated
from pgebench.report.section import Block, Bullets, Details, Report, Terms, Words
from pgebench.report.sections.scale import FIDELITY
from pgebench.report.tops import ANEW, SAME
from pgebench.report.wording import p_text


def details(report: Report, result: TruthResult) -> Details:
    """For the HTML page.

    Args:
        report: The whole report.
        result: Of the truth of the league.
    """
    entries = terms(report, result)
    silent = (
        "A score that is constant over the sources of a target counts as no information (0). A missing score leaves "
        "its source out of the correlations of that target and cannot be picked for Rel@k."
    )
    return Details(
        "How to read this table",
        [Words(report.say(_what_is_averaged(result))), Terms(entries), Words(report.say(silent))],
    )


def markdown(report: Report, result: TruthResult) -> list[Block]:
    """The same for the Markdown, without the terms that any page on rankings explains."""
    lines = [report.say(in_interval(report.analysis.table, result)), *map(report.say, _missing(report, result))]
    return [Words(report.say(_what_is_averaged(result))), Bullets([*lines, _p(result)])]


def terms(report: Report, result: TruthResult) -> list[tuple[str, str]]:
    """Name and meaning of what the league shows."""
    say = report.say
    return [
        (
            "weighted τ, τ, Spearman, Pearson",
            "agreement of the score's order (Pearson: of its values) with the accuracy; 1 is perfect, 0 none. "
            + say(FIDELITY),
        ),
        (
            "largest influence",
            say(
                "the largest change of weighted τ if one source, one family of sources or one target is left out, and "
                "its name: the number hangs on it. A dash where nothing changes it, or nothing can be left out."
            ),
        ),
        ("interval", say(" ".join([in_interval(report.analysis.table, result), *_missing(report, result)]))),
        ("p (Holm)", _p(result)),
        ("Rel@k", say("accuracy of the best of the k top-scored sources, as a share of the best source's accuracy.")),
        ("regret", say("points of accuracy lost by taking the top-scored source.")),
        (
            "time",
            say(
                "computing time for the scores of one life (one checkpoint of each source model, one draw), everything "
                "the metric reads included."
            ),
        ),
        (
            f"noise ceiling, {SAME}",
            "how well the truth agrees with a repetition of its transfers that starts from the same checkpoints; the "
            "perfect score knows which checkpoint is best. A metric that looks at the checkpoints can reach it.",
        ),
        (
            f"noise ceiling, {ANEW}",
            say(
                "how well it agrees with one for which source models were trained anew, too; the perfect score knows "
                "all about the sources, but not how a single training came out. A metric that looks at no checkpoint, "
                "such as PGE, can reach no more."
            ),
        ),
        (
            "static",
            say(
                "ranks the sources by their accuracy on the other targets; needs their truth, so it is a yardstick and "
                "not a metric to use."
            ),
        ),
    ]


def _what_is_averaged(result: TruthResult) -> str:
    text = repeated(result)
    if checkpoints_of(result) > 1:
        text += (
            " A score stands beside the transfers of the checkpoint that it looked at, one that sees none (PGE) beside "
            "those of every checkpoint: each of these is a life, as noisy as one user's. The table shows the mean over "
            "lives, backbones and targets."
        )
    else:
        text += " The table shows the mean over backbones and targets."
    return text


def _missing(report: Report, result: TruthResult) -> list[str]:
    missing = not_in_interval(report.analysis.table, result)
    if checkpoints_of(result) == 1:
        missing.append(
            "How far another training of the same source models would move a number is not known by itself; it is part "
            "of how the sources differ."
        )
    return missing


def _p(result: TruthResult) -> str:
    fewest = min(1.0, len(result.league) / (SHUFFLES + 1))
    shuffles = f"{SHUFFLES:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return (
        f"p is the share of {shuffles} shuffled copies of the same score that do at least as well, corrected for the "
        f"number of metrics (Holm): the smallest there can be is {len(result.league)}/{SHUFFLES + 1}, {p_text(fewest)}."
    )
