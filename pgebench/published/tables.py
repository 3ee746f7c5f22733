"""Published tables as they are read; one with a hole or a doubled row in it is refused."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pgebench.core.errors import DataError

FOLDER = Path(__file__).parent / "tables"
ABSENT = "-"
"""What a cell holds that the paper leaves empty: a hole must be meant."""

MODEL = ("backbone", "source")


@dataclass
class Target:
    """A target dataset: number of classes, and what the published percentage measures."""

    classes: int
    measure: str


@dataclass
class About:
    """Where a table comes from.

    ``commit`` and ``file`` say where in ``repository`` the accuracies were read, ``checked_against`` where else they
    were found. ``question`` is the one the table was made for. ``scores`` and ``correlations`` say where those were
    read; ``tau_weights`` is ``both`` if a published weighted tau averages over both orders, ``truth`` if models
    are weighed by their place in the truth alone.
    """

    title: str
    paper: str
    venue: str
    arxiv: str
    repository: str
    commit: str
    file: str
    checked_against: str
    training: str
    pretraining: str
    question: str
    targets: dict[str, Target]
    scores: str | None = None
    correlations: str | None = None
    tau_weights: str = "both"
    source_classes: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PublishedTable:
    """One published table.

    Attributes:
        name: As in ``truth=published.NAME``.
        about: Its provenance.
        accuracy: Fractions in [0, 1]; rows (backbone, source), columns targets; NaN where the paper has no value.
        scores: Rows (metric, backbone, source), columns targets; no rows where no scores are published.
        correlations: Rows (metric, statistic), columns targets; NaN for a target that the paper leaves out.
    """

    name: str
    about: About
    accuracy: pd.DataFrame
    scores: pd.DataFrame
    correlations: pd.DataFrame

    @property
    def truth(self) -> str:
        """How records, config and report call the accuracies: ``published.sfda``."""
        return f"published.{self.name}"


def names(folder: Path = FOLDER) -> tuple[str, ...]:
    """The tables that there are.

    Args:
        folder: Where the tables are.

    Returns:
        Their names, in alphabetical order.

    >>> names()
    ('model_spider', 'parc', 'sfda', 'sfda_ssl', 'tllib')
    """
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def load(name: str, folder: Path = FOLDER) -> PublishedTable:
    """A published table, checked.

    Args:
        name: One of ``names()``.
        folder: Where ``NAME.yaml``, ``NAME.csv`` and, if published, ``NAME.scores.csv`` and ``NAME.correlations.csv``
            are. Accuracies are percentages in these files.

    Returns:
        Accuracies, scores and correlations as they were printed, with their source.

    Raises:
        DataError: No such table, or a file with a missing or doubled row, an empty cell, no number, or a
            percentage outside [0, 100].

    >>> table = load("sfda")
    >>> table.accuracy.shape, float(table.accuracy.loc[("inception_v3", "imagenet"), "aircraft"])
    ((11, 11), 0.8015)
    """
    if name not in names(folder):
        raise DataError(f"published.{name}: there is no such table; choose from {', '.join(names(folder))}")
    about = _about(folder / f"{name}.yaml")
    targets = list(about.targets)
    accuracy = _read(folder / f"{name}.csv", MODEL, targets)
    if ((accuracy < 0) | (accuracy > 100)).to_numpy().any():
        raise DataError(f"{name}.csv: an accuracy lies outside 0 to 100 percent")
    scores = _read(folder / f"{name}.scores.csv", ("metric", *MODEL), targets, there=about.scores is not None)
    for metric, rows in scores.groupby(level="metric"):
        if {key[1:] for key in rows.index} != set(accuracy.index):
            raise DataError(f"{name}.scores.csv: {metric} is not given for the models of {name}.csv")
    correlations = _read(
        folder / f"{name}.correlations.csv", ("metric", "statistic"), targets, there=about.correlations is not None
    )
    # Rounded: 80.15 / 100 is not 0.8015 in the last bit.
    return PublishedTable(name, about, (accuracy / 100).round(8), scores, correlations)


def model_facts(folder: Path = FOLDER) -> pd.DataFrame:
    """What torchvision documents of a pretrained network: ``imagenet_top1`` in percent, ``parameters``, ``weights``.

    The parameters include the classifier and inception_v3's auxiliary head, but not googlenet's two.
    """
    return pd.read_csv(folder / "models.csv", index_col="backbone")


def _about(path: Path) -> About:
    try:
        node = OmegaConf.merge(OmegaConf.structured(About), OmegaConf.load(path))
        about = OmegaConf.to_object(node)
    except OmegaConfBaseException as error:
        raise DataError(f"{path.name}: {str(error).splitlines()[0]}") from error
    assert isinstance(about, About)
    return about


def _read(path: Path, index: Sequence[str], targets: Sequence[str], there: bool = True) -> pd.DataFrame:
    """Numbers by row and target; `there` says whether the file must exist or must not."""
    if path.is_file() != there:
        raise DataError(f"{path.name} {'is missing' if there else 'has no provenance in the YAML beside it'}")
    if not there:
        return pd.DataFrame(columns=[*index, *targets], dtype=float).set_index(list(index))
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    columns = header[len(index) :]
    if header[: len(index)] != list(index) or not set(columns) <= set(targets) or len(set(columns)) < len(columns):
        raise DataError(f"{path.name}: the header must be {', '.join(index)} and the targets of the YAML")
    keys, rows = [], []
    for line in lines:
        key, cells = tuple(line[: len(index)]), line[len(index) :]
        if key in keys or len(cells) != len(columns):
            raise DataError(f"{path.name}: {' '.join(key)} is there twice, or has too many or too few cells")
        try:
            rows.append([np.nan if cell == ABSENT else float(cell) for cell in cells])
        except ValueError as error:
            raise DataError(f"{path.name}: {' '.join(key)}: {error}; write {ABSENT} where there is no value") from error
        keys.append(key)
    frame = pd.DataFrame(rows, index=pd.MultiIndex.from_tuples(keys, names=list(index)), columns=columns)
    return frame.reindex(columns=list(targets))
