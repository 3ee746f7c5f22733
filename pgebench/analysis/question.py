"""Questions to the same table, with different answers: what is ranked, and for what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from pgebench.analysis.table import FloatArray, Replicates, Table, Transfers

_Found = TypeVar("_Found", Replicates, Transfers)


@dataclass(frozen=True)
class Question:
    """One way to read the axes of a table.

    Attributes:
        name: The value of `question=` in a config.
        text: The question in words.
        candidate: What is put in order.
        task: For each of what there is one order.
        group: What is held fixed meanwhile.
        axes: Positions of group, candidate and task among (backbone, source, target).
    """

    name: str
    text: str
    candidate: str
    task: str
    group: str
    axes: tuple[int, int, int]


SOURCES = Question("sources", "Which source should I start from?", "source", "target", "backbone", (0, 1, 2))
BACKBONES = Question(
    "backbones", "Which backbone should I fine-tune on this target?", "backbone", "target", "source", (1, 0, 2)
)
TARGETS = Question("targets", "Which target will this source help most?", "target", "source", "backbone", (0, 2, 1))
PAIRS = Question("pairs", "Which transfers will reach a high accuracy?", "pair", "backbone", "backbone", (0, 1, 2))
"""All pairs of source and target in one list; answered beside the others, see `pgebench.analysis.answers`."""

QUESTIONS = {question.name: question for question in (SOURCES, BACKBONES, TARGETS)}
"""Questions that a league table can answer, by the value of `question=`."""


def ask(table: Table, question: Question) -> Table:
    """The table with its axes in the order group, candidate, task.

    Everything in `pgebench.analysis` ranks along axis 1 for each entry of axis 2, and calls them sources and targets;
    after this they are whatever the question makes of them.

    Args:
        table: Axes backbone, source, target.
        question: One of `QUESTIONS`.

    Returns:
        A new table, whose `backbones`, `sources` and `targets` are groups, candidates and tasks.

    >>> import numpy as np
    >>> from pgebench.analysis.build_table import table_of
    >>> table = table_of(("net",), ("a", "b"), ("x", "y", "z"), {"finetune": np.ones((1, 2, 3, 5))}, {})
    >>> asked = ask(table, BACKBONES)
    >>> asked.sources, asked.backbones, asked.truth["finetune"].shape
    (('net',), ('a', 'b'), (2, 1, 3, 5))
    """
    names = (table.backbones, table.sources, table.targets)
    group, candidates, tasks = (names[axis] for axis in question.axes)
    return replace(
        table,
        backbones=group,
        sources=candidates,
        targets=tasks,
        truths={name: turned(found, question) for name, found in table.truths.items()},
        replicates={name: turned(found, question) for name, found in table.replicates.items()},
    )


def turned(found: _Found, question: Question) -> _Found:
    """Scores or transfers with their axes in the order group, candidate, task.

    Args:
        found: Axes backbone, source, target and one more.
        question: One of `QUESTIONS`.

    Returns:
        A new object with the same values.
    """
    return replace(found, values=found.values.transpose(*question.axes, 3))


def answerable(truth: FloatArray, question: Question) -> bool:
    """Whether a truth (backbones, sources, targets, seeds) has at least two candidates to put in order.

    Args:
        truth: Accuracy, NaN where absent.
        question: One of `QUESTIONS`.

    Returns:
        Whether it is.

    >>> import numpy as np
    >>> answerable(np.ones((1, 8, 8, 3)), BACKBONES), answerable(np.ones((2, 8, 8, 3)), BACKBONES)
    (False, True)
    """
    return truth.shape[question.axes[1]] > 1
