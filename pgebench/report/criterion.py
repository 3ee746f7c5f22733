"""Reports on truths that are no accuracies: the same pages, with the criterion's name in the place of the word."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar, cast

from pgebench.report.section import Code

Part = TypeVar("Part")

ACCURACY = "accuracy"
_WORD = re.compile(r"(?<!validation )\b([Aa])ccurac(y|ies)\b")
"""The accuracy of a source model on its own validation images stays one."""


def in_words_of(criterion: str, part: Part) -> Part:
    """A part of a report that says what its truths measure.

    Sections are written about accuracies, which nearly all truths are. A name such as `source_accuracy` is no such
    word, and stored text stays as it is.

    Args:
        criterion: What the truths are, e.g. AUROC; `accuracy` changes nothing.
        part: Text, a block, a picture, or a list of these.

    Returns:
        The same kind of part.

    >>> in_words_of("AUROC", ["Accuracies of `source_accuracy`", "points of accuracy"])
    ['AUROCs of `source_accuracy`', 'points of AUROC']
    """
    if criterion == ACCURACY or isinstance(part, Code):
        return part
    if isinstance(part, str):
        return cast(Part, _WORD.sub(lambda found: _named(criterion, found[1] == "A", found[2] == "ies"), part))
    if isinstance(part, list | tuple):
        return cast(Part, type(part)([in_words_of(criterion, one) for one in part]))
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **{one.name: in_words_of(criterion, getattr(part, one.name)) for one in fields(part)})
    return part


def _named(criterion: str, first_in_sentence: bool, several: bool) -> str:
    named = criterion[:1].upper() + criterion[1:] if first_in_sentence else criterion
    return f"{named}s" if several else named
