"""Transferability metrics as pure functions of arrays: evidence in, one float out, higher is more transferable.

Parameter names say which evidence a metric looks at; every other parameter has a default. One file holds one
metric or one family and is named after it, with an underscore: a module `baselines.leep` would hide the function.
"""

from baselines._controls import (
    feature_width,
    flop_count,
    number_of_classes,
    parameter_count,
    random_score,
    same_collection,
    source_accuracy,
    source_size,
)
from baselines._disco import disco
from baselines._distances import frechet_distance, linear_mmd
from baselines._etran import etran_classification, etran_energy
from baselines._feature_uniqueness import feature_uniqueness, fu_lp
from baselines._gbc import gbc
from baselines._h_score import h_score, regularized_h_score
from baselines._kite import kite
from baselines._knn import knn
from baselines._leep_nce import leep, nce
from baselines._lfc import lfc
from baselines._linear_probe import linear_probe
from baselines._logme import log_evidence, logme
from baselines._n_leep import n_leep
from baselines._ncti import ncti_nearest_centre, ncti_seli, ncti_variability
from baselines._otce import f_otce, jc_otce, otce_domain
from baselines._otdd import otdd
from baselines._out_of_fold import lda_out_of_fold, qda_out_of_fold, sfda_out_of_fold
from baselines._pactran import pactran
from baselines._parc import parc
from baselines._ped import ped
from baselines._prediction_entropy import prediction_entropy
from baselines._rank_me import rank_me
from baselines._sfda import sfda
from baselines._task2vec import fisher_embedding, task2vec, task2vec_distance, task2vec_head, task_head
from baselines._tmi import tmi
from baselines._transrate import transrate
from baselines._weighted_alpha import weighted_alpha
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
    "disco",
    "etran_classification",
    "etran_energy",
    "f_otce",
    "feature_uniqueness",
    "feature_width",
    "fisher_embedding",
    "flop_count",
    "frechet_distance",
    "fu_lp",
    "gbc",
    "h_score",
    "jc_otce",
    "kite",
    "knn",
    "lda_out_of_fold",
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
    "otce_domain",
    "otdd",
    "pactran",
    "parameter_count",
    "parc",
    "ped",
    "prediction_entropy",
    "qda_out_of_fold",
    "random_score",
    "rank_me",
    "regularized_h_score",
    "same_collection",
    "sfda",
    "sfda_out_of_fold",
    "source_accuracy",
    "source_size",
    "statistics_of_blocks",
    "sufficient_statistics",
    "task2vec",
    "task2vec_distance",
    "task2vec_head",
    "task_head",
    "tmi",
    "transrate",
    "weighted_alpha",
]
