"""Statistics of a benchmark: pure functions of the records table (no Hydra, no torch, no W&B).

records -> `build_table` -> arrays (backbone, source, target[, seed]) -> `analyse` -> one row per truth and metric
"""

from pgebench.analysis.league import Analysis, TruthResult, analyse
from pgebench.analysis.summary import summary_columns
from pgebench.analysis.table import Table, build_table

__all__ = ["Analysis", "Table", "TruthResult", "analyse", "build_table", "summary_columns"]
