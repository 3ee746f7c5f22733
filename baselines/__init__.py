"""Transferability metrics as pure functions of arrays: evidence in, one float out, higher is more transferable.

Parameter names say which evidence a metric looks at; every other parameter has a default. One file holds one
metric or one family and is named after it, with an underscore: a module `baselines.leep` would hide the function.
"""

from baselines._controls import (
    number_of_classes,
    parameter_count,
    random_score,
    same_collection,
    source_accuracy,
    source_size,
)
from baselines._distances import frechet_distance, linear_mmd
from baselines._etran import etran_classification, etran_energy
from baselines._gbc import gbc
from baselines._h_score import h_score, regularized_h_score
from baselines._knn import knn
from baselines._leep_nce import leep, nce
from baselines._lfc import lfc
from baselines._linear_probe import linear_probe
from baselines._logme import log_evidence, logme
from baselines._n_leep import n_leep
from baselines._ncti import ncti_nearest_centre, ncti_seli, ncti_variability
from baselines._otdd import otdd
from baselines._pactran import pactran
from baselines._parc import parc
from baselines._ped import ped
from baselines._sfda import sfda
from baselines._task2vec import fisher_embedding, task2vec, task2vec_distance, task2vec_head, task_head
from baselines._transrate import transrate
from baselines.kernels.checks import BoundsError
from baselines.kernels.streaming_statistics import (
    StatisticsAccumulator,
    SufficientStatistics,
    statistics_of_blocks,
    sufficient_statistics,
)

__all__ = [
    "BoundsError",
    "StatisticsAccumulator",
    "SufficientStatistics",
    "etran_classification",
    "etran_energy",
    "fisher_embedding",
    "frechet_distance",
    "gbc",
    "h_score",
    "knn",
    "leep",
    "lfc",
    "linear_mmd",
    "linear_probe",
    "log_evidence",
    "logme",
    "n_leep",
    "nce",
    "ncti_nearest_centre",
    "ncti_seli",
    "ncti_variability",
    "number_of_classes",
    "otdd",
    "pactran",
    "parameter_count",
    "parc",
    "ped",
    "random_score",
    "regularized_h_score",
    "same_collection",
    "sfda",
    "source_accuracy",
    "source_size",
    "statistics_of_blocks",
    "sufficient_statistics",
    "task2vec",
    "task2vec_distance",
    "task2vec_head",
    "task_head",
    "transrate",
]
