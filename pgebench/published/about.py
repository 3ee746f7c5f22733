"""What the YAML of a published table says: its provenance, and how its numbers are to be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pgebench.analysis.question import QUESTIONS
from pgebench.core.errors import DataError

UNITS = {"percent": 100.0, "fraction": 1.0}
"""``unit`` of a table -> the largest value that a cell can have."""


@dataclass
class Target:
    """A target dataset: number of classes, and what the published value measures."""

    classes: int
    measure: str


@dataclass
class About:
    """Where a table comes from, and how it is to be read.

    ``commit`` and ``file`` say where in ``repository`` the truths were read, ``checked_against`` where else they
    were found, ``licence`` what the repository allows. ``question`` is the one the table was made for. ``scores`` and
    ``correlations`` say where those were read; ``tau_weights`` is ``both`` if a published weighted tau averages over
    both orders, ``truth`` if models are weighed by their place in the truth alone.

    ``criterion`` is what a report calls the truths, ``unit`` how they are printed: one of ``UNITS``. A metric in
    ``lower_is_better`` is a distance, and a product multiplies two metrics, see ``pgebench.published.scores``.
    ``families`` puts each candidate of the question into one, ``collections`` names the datasets that are views of
    one.
    """

    title: str
    paper: str
    venue: str
    arxiv: str
    repository: str
    commit: str
    file: str
    licence: str
    checked_against: str
    training: str
    pretraining: str
    question: str
    targets: dict[str, Target]
    families: dict[str, str]
    criterion: str = "accuracy"
    unit: str = "percent"
    scores: str | None = None
    correlations: str | None = None
    tau_weights: str = "both"
    lower_is_better: list[str] = field(default_factory=list)
    products: dict[str, list[str]] = field(default_factory=dict)
    source_classes: dict[str, int] = field(default_factory=dict)
    collections: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_about(path: Path) -> About:
    """The YAML of a published table.

    Args:
        path: The file.

    Returns:
        What it says.

    Raises:
        DataError: A key is unknown or missing, a value of another kind than it must be, or a question or unit that does
            not exist.
    """
    try:
        about = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(About), OmegaConf.load(path)))
    except OmegaConfBaseException as error:
        raise DataError(f"{path.name}: {str(error).splitlines()[0]}") from error
    assert isinstance(about, About)
    for key, known in (("question", QUESTIONS), ("unit", UNITS)):
        if getattr(about, key) not in known:
            raise DataError(f"{path.name}: {key}: {getattr(about, key)} is none of {', '.join(known)}")
    return about
