"""Records: the states of a unit, the fields of its record, and the columns of the table of records."""

from __future__ import annotations

from types import NoneType

DONE, FAILED, CRASHED, RUNNING, MISSING = "done", "failed", "crashed", "running", "missing"

SO_FAR = "so_far"
"""Entry of ``meta.json`` beside records that were written while their sweep was running."""

FIELDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("value", "wall_s", "cpu_s", "peak_rss_mb", "peak_gpu_mb"), (float, int, NoneType)),
    **dict.fromkeys(("images", "attempts", "workers", "threads"), (int, NoneType)),
    **dict.fromkeys(("key", "label", "error", "traceback", "started", "finished"), (str, NoneType)),
    **dict.fromkeys(("detail", "artifact"), (dict,)),
}
"""Fields of a record by type, if they are there."""

TYPES = {
    "seed": "Int64",
    "checkpoint": "Int64",
    "value": "float64",
    "wall_s": "float64",
    "cpu_s": "float64",
    "peak_rss_mb": "float64",
    "images": "Int64",
    "flops": "float64",
    "attempts": "Int64",
    "workers": "Int64",
    "threads": "Int64",
}
COLUMNS = (
    "key", "stage", "status", "backbone", "source", "target", "metric", "truth", "seed", "variant", "checkpoint",
    "value", "wall_s", "cpu_s", "peak_rss_mb", "images", "flops", "workers", "threads", "attempts", "error", "finished",
    "detail", "inputs",
)  # fmt: skip
