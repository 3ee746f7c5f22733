"""Keys under which runs log; the dashboard plots these and no others."""

from __future__ import annotations

CHECKPOINT_STEP, CHECKPOINT_LOSS = "checkpoint/step", "checkpoint/loss"
CHECKPOINT_ACCURACY, CHECKPOINT_RATE = "checkpoint/val_accuracy", "checkpoint/learning_rate"
COST_TARGETS = "cost/targets"
LEAGUE, RECORDS, REPORT = "league", "records", "report"
RELIABILITY_COST, RELIABILITY_COST_TABLE = "reliability_cost", "reliability_cost_table"
UNITS_DONE, UNITS_OPEN = "units/done", "units/without_result"
CEILING, PERFECT = "ceiling/repeated_truth", "ceiling/perfect_score"
ANEW_CEILING, ANEW_PERFECT = "ceiling/everything_anew", "ceiling/perfect_score_everything_anew"

RANKING_PAGE = "ranking"

LIVE, FINAL, RANKING = "training", "report", "rank"
"""Types of runs: one per backbone and source, one per sweep, and one per `pgebench-rank`."""


def transfer_step(truth: str) -> str:
    """The axis of the learning curves of one truth."""
    return f"{truth}/step"


def transfer_loss(truth: str, target: str, seed: object) -> str:
    """The learning curve of one transfer.

    >>> transfer_loss("finetune", "mnist", 0)
    'finetune/loss/mnist/0'
    """
    return f"{truth}/loss/{target}/{seed}"


def transfer_losses(truth: str) -> str:
    """All learning curves of one truth, as `define_metric` takes them."""
    return f"{truth}/loss/*"


def transfers(truth: str) -> str:
    """The number of transfers that have ended, the axis of their accuracy."""
    return f"{truth}/transfers"


def transfer_accuracy(truth: str) -> str:
    """Test accuracy of a transfer; the summary has the mean, the worst and the best."""
    return f"{truth}/accuracy"


def weighted_tau(metric: str) -> str:
    """The metric's mean weighted Kendall tau with the primary truth."""
    return f"weighted_tau/{metric}"


def cost_total(metric: str) -> str:
    """Seconds for all scores of the sweep."""
    return f"cost_total_s/{metric}"


def ranking_seconds(name: str) -> str:
    """Seconds to rank the sources for so many targets, by a metric or by the truth."""
    return f"cost/{name}"


def figure(name: str) -> str:
    """A picture of the report, or of a ranking."""
    return f"figures/{name}"


def candidates(question: str) -> str:
    """The candidates of one question of a ranking, the best first.

    >>> candidates("backbones")
    'candidates/backbones'
    """
    return f"candidates/{question}"


def best_score(question: str) -> str:
    """The score of the first candidate."""
    return f"best_score/{question}"


def reference_tau(question: str) -> str:
    """What the metric of an answer reached in the reference run: weighted Kendall tau."""
    return f"reference_tau/{question}"


def unscored(question: str) -> str:
    """How many candidates have no score."""
    return f"unscored/{question}"


def answer_seconds(question: str) -> str:
    """Seconds that an answer took."""
    return f"answer_s/{question}"


def known() -> tuple[str, ...]:
    """Every key that runs log, with ``*`` where a name stands."""
    return (
        *(CHECKPOINT_STEP, CHECKPOINT_LOSS, CHECKPOINT_ACCURACY, CHECKPOINT_RATE),
        *(transfer_step("*"), transfer_loss("*", "*", "*"), transfer_losses("*"), transfers("*")),
        *(transfer_accuracy("*"), f"{transfer_accuracy('*')}.mean"),
        *(LEAGUE, RECORDS, REPORT, RELIABILITY_COST, RELIABILITY_COST_TABLE, figure("*")),
        *(UNITS_DONE, UNITS_OPEN, CEILING, PERFECT, ANEW_CEILING, ANEW_PERFECT, weighted_tau("*")),
        *(COST_TARGETS, ranking_seconds("*"), cost_total("*")),
        *(RANKING_PAGE, candidates("*"), best_score("*"), reference_tau("*"), unscored("*"), answer_seconds("*")),
    )
