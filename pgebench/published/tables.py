"""Published tables as they are read; one with a hole or a doubled row in it is refused."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pgebench.analysis.question import QUESTIONS
from pgebench.core.errors import DataError
from pgebench.published.about import UNITS, About, read_about

FOLDER = Path(__file__).parent / "tables"
ABSENT = "-"
"""What a cell holds that the paper leaves empty: a hole must be meant."""

MODEL = ("backbone", "source")


@dataclass(frozen=True)
class PublishedTable:
    """One published table.

    Attributes:
        name: As in ``truth=published.NAME``.
        about: Its provenance, and how it is to be read.
        accuracy: Fractions in [0, 1], of what ``about.criterion`` names; rows (backbone, source), columns targets; NaN
            where the paper has no value.
        scores: As they were printed; rows (metric, backbone, source), columns targets; no rows where there are none.
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

    @property
    def transfers(self) -> pd.DataFrame:
        """The accuracies without those of a source on its own target, which is no transfer."""
        sources = self.accuracy.index.get_level_values("source").to_numpy()
        return self.accuracy.mask(sources[:, None] == self.accuracy.columns.to_numpy()[None, :])

    @property
    def candidates(self) -> tuple[str, ...]:
        """What the question of the table puts in order, in the order of the table."""
        level = QUESTIONS[self.about.question].candidate
        names = self.accuracy.columns if level == "target" else self.accuracy.index.get_level_values(level)
        return tuple(str(name) for name in names.unique())


def names(folder: Path = FOLDER) -> tuple[str, ...]:
    """The tables that there are.

    Args:
        folder: Where the tables are.

    Returns:
        Their names, in alphabetical order.

    >>> names()
    ('medmnist_models', 'medmnist_sources', 'model_spider', 'model_spider_zoo', 'parc', 'sfda', 'sfda_ssl', 'tllib')
    """
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def load(name: str, folder: Path = FOLDER) -> PublishedTable:
    """A published table, checked.

    Args:
        name: One of ``names()``.
        folder: Where ``NAME.yaml``, ``NAME.csv`` and, if published, ``NAME.scores.csv`` and ``NAME.correlations.csv``
            are. Accuracies are in the ``unit`` of the YAML in these files.

    Returns:
        Accuracies, scores and correlations as they were printed, with their source.

    Raises:
        DataError: No such table, or a file with a missing or doubled row, an empty cell, no number, or a value outside
            the range of its unit; a single candidate, or one without a family.

    >>> table = load("sfda")
    >>> table.accuracy.shape, float(table.accuracy.loc[("inception_v3", "imagenet"), "aircraft"])
    ((11, 11), 0.8015)
    """
    if name not in names(folder):
        raise DataError(f"published.{name}: there is no such table; choose from {', '.join(names(folder))}")
    about = read_about(folder / f"{name}.yaml")
    targets, whole = list(about.targets), UNITS[about.unit]
    accuracy = _read(folder / f"{name}.csv", MODEL, targets)
    if ((accuracy < 0) | (accuracy > whole)).to_numpy().any():
        raise DataError(f"{name}.csv: {about.criterion} outside 0 to {whole:g}, the range of `unit: {about.unit}`")
    if whole > 1 and not (accuracy > 1).to_numpy().any():
        raise DataError(f"{name}.csv: no value above 1; write `unit: fraction` in the YAML, or percentages here")
    if accuracy.isna().all().any():
        empty = ", ".join(accuracy.columns[accuracy.isna().all()])
        raise DataError(f"{name}.csv: no value on {empty}; leave this target out of the YAML")
    scores = _read(folder / f"{name}.scores.csv", ("metric", *MODEL), targets, there=about.scores is not None)
    for metric, rows in scores.groupby(level="metric"):
        if {key[1:] for key in rows.index} != set(accuracy.index):
            raise DataError(f"{name}.scores.csv: {metric} is not given for the models of {name}.csv")
    correlations = _read(
        folder / f"{name}.correlations.csv", ("metric", "statistic"), targets, there=about.correlations is not None
    )
    # Rounded: 80.15 / 100 is not 0.8015 in the last bit.
    return _checked(PublishedTable(name, about, (accuracy / whole).round(12), scores, correlations))


def model_facts(folder: Path = FOLDER) -> pd.DataFrame:
    """What torchvision documents of a pretrained network: ``imagenet_top1`` in percent, ``parameters``, ``weights``.

    The parameters include the classifier and inception_v3's auxiliary head, but not googlenet's two.
    """
    return pd.read_csv(folder / "models.csv", index_col="backbone")


def _checked(table: PublishedTable) -> PublishedTable:
    """The table, if there is something to put in order and everything has its family."""
    candidates, about = table.candidates, table.about
    if len(candidates) < 2:
        raise DataError(
            f"{table.name}.csv: a single candidate for question={about.question}, {candidates[0]}: there is nothing to "
            "put in order"
        )
    if set(about.families) != set(candidates):
        odd = sorted(set(about.families).symmetric_difference(candidates))
        raise DataError(f"{table.name}.yaml: families: must name every candidate and nothing else: {', '.join(odd)}")
    unknown = sorted(set(table.accuracy.index.get_level_values("source")) - set(about.source_classes))
    if about.source_classes and unknown:
        raise DataError(f"{table.name}.yaml: source_classes: there is none of {', '.join(unknown)}")
    metrics = set(table.scores.index.get_level_values("metric"))
    named = {*about.lower_is_better, *(term for terms in about.products.values() for term in terms)}
    if any(len(terms) != 2 for terms in about.products.values()):
        raise DataError(f"{table.name}.yaml: products: a product is of two metrics")
    if not named <= metrics:
        raise DataError(f"{table.name}.yaml: {table.name}.scores.csv has no {', '.join(sorted(named - metrics))}")
    return table


def _read(path: Path, index: Sequence[str], targets: Sequence[str], there: bool = True) -> pd.DataFrame:
    """Numbers by row and target; `there` says whether the file must exist or must not."""
    if path.is_file() != there:
        raise DataError(f"{path.name} {'is missing' if there else 'has no provenance in the YAML beside it'}")
    if not there:
        return pd.DataFrame(columns=[*index, *targets], dtype=float).set_index(list(index))
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = [*csv.reader(file)] or [[]]
    if not lines:
        raise DataError(f"{path.name} has no rows")
    columns = header[len(index) :]
    if header[: len(index)] != list(index) or not set(columns) <= set(targets) or len(set(columns)) < len(columns):
        raise DataError(f"{path.name}: the header must be {', '.join(index)} and the targets of the YAML")
    keys, rows = [], []
    for line in lines:
        key, cells = tuple(line[: len(index)]), line[len(index) :]
        if key in keys or len(cells) != len(columns):
            raise DataError(f"{path.name}: {' '.join(key)} is there twice, or has too many or too few cells")
        try:
            rows.append([np.nan if cell == ABSENT else _finite(cell) for cell in cells])
        except ValueError as error:
            raise DataError(f"{path.name}: {' '.join(key)}: {error}; write {ABSENT} where there is no value") from error
        keys.append(key)
    frame = pd.DataFrame(rows, index=pd.MultiIndex.from_tuples(keys, names=list(index)), columns=columns)
    return frame.reindex(columns=list(targets))


def _finite(cell: str) -> float:
    number = float(cell)
    if not np.isfinite(number):
        raise ValueError(f"{cell} is no number")
    return number
