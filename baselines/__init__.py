"""Transferability metrics as pure functions of arrays: evidence in, one float out, higher is more transferable.

Parameter names say which evidence a metric looks at; every other parameter has a default. Files are named after
families, not functions: a module `baselines.leep` would hide the function `baselines.leep`.
"""

from baselines.bayesian_evidence import log_evidence, logme
from baselines.bhattacharyya import gbc
from baselines.checks import BoundsError
from baselines.coding_rate import transrate
from baselines.distribution_distances import frechet_distance, linear_mmd
from baselines.energy_based import etran_classification, etran_energy
from baselines.fisher_space import sfda
from baselines.gaussian_mixture import n_leep
from baselines.h_scores import h_score, regularized_h_score
from baselines.label_feature_correlation import lfc
from baselines.leep_nce import leep, nce
from baselines.linear_probing import linear_probe
from baselines.nearest_neighbours import knn
from baselines.neural_collapse import ncti_nearest_centre, ncti_seli, ncti_variability
from baselines.optimal_transport import otdd
from baselines.pac_bayes import pactran
from baselines.potential_energy import ped
from baselines.representation_similarity import parc
from baselines.streaming_statistics import (
    StatisticsAccumulator,
    SufficientStatistics,
    statistics_of_blocks,
    sufficient_statistics,
)
from baselines.task_embedding import fisher_embedding, task2vec, task2vec_distance, task2vec_head, task_head
from baselines.trivial import number_of_classes, parameter_count, random_score, source_accuracy, source_size

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
