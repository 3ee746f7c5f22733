"""Statistics of a benchmark: pure functions of the records table (no Hydra, no torch, no W&B).

records -> `build_table` -> arrays (backbone, source, target[, seed]) -> `analyse` -> one row per truth and metric
"""

from pgebench.analysis.build_table import build_table
from pgebench.analysis.judge import TruthResult
from pgebench.analysis.league import Analysis, analyse
from pgebench.analysis.summary import summary_columns
from pgebench.analysis.table import Table

__all__ = ["Analysis", "Table", "TruthResult", "analyse", "build_table", "summary_columns"]
