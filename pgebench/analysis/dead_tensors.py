"""Parameter tensors whose gradient is exactly zero at every draw of weights and episodes: nobody compares them.

A ResNet whose residual branches start at zero gives nothing but zeros for what lies inside them, whatever the images.
A distance of principal gradients is then one of the few tensors that are left.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

COLUMNS = ["metric", "backbone", "tensors", "dead", "share", "in_few", "few"]


def dead_tensors(records: pd.DataFrame) -> pd.DataFrame:
    """Settings and backbones with tensors that have a gradient for no dataset.

    Args:
        records: Columns stage, status, backbone, metric and detail; variant where there are variations, which are left
            out. `detail` is JSON text with `tensors`, `parameters`, `energy` and, where there are any, `dead` and
            `dead_parameters`; rows without them are left out, for earlier versions did not say.

    Returns:
        One row for each such metric and backbone: `metric` (the first one that asked for these gradients), `backbone`,
        number of `tensors`, names of the `dead` ones, their `share` of the parameters, and `in_few`, the mean share of
        the gradient that lies in the `few` tensors that hold most of it.

    >>> detail = '{"tensors": 3, "parameters": 10, "dead": ["conv"], "dead_parameters": 8, "energy": {"stem": 0.75}}'
    >>> row = {"stage": "gradient", "status": "done", "backbone": "net", "metric": "pge", "detail": detail}
    >>> dead_tensors(pd.DataFrame([row])).to_dict("records")[0]["dead"]
    ('conv',)
    """
    if "detail" not in records:
        return pd.DataFrame(columns=COLUMNS)
    itself = records[records["variant"].isna()] if "variant" in records else records
    done = itself[(itself["stage"] == "gradient") & (itself["status"] == "done")]
    rows = []
    for (metric, backbone), group in done.groupby([done["metric"].fillna("gradient"), "backbone"], sort=True):
        details = [said for text in group["detail"] if (said := _said(text)) is not None]
        common = [name for name in _dead(details[0]) if all(name in _dead(one) for one in details)] if details else []
        if common:
            shares = [float(one["dead_parameters"]) / float(one["parameters"]) for one in details]
            held = [sum(map(float, one["energy"].values())) for one in details]
            few = max(len(one["energy"]) for one in details)
            # Where datasets differ, the fewest: what is dead for one alone has a gradient for another.
            rows.append(
                (metric, backbone, details[0]["tensors"], tuple(common), min(shares), sum(held) / len(held), few)
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def _dead(detail: dict[str, Any]) -> list[str]:
    return list(detail.get("dead", ()))


def _said(detail: object) -> dict[str, Any] | None:
    """What a record says of tensors; None if it does not."""
    try:
        said = json.loads(detail) if isinstance(detail, str) else {}
        known = isinstance(said["energy"], dict) and said["parameters"] > 0 and said["tensors"] > 0
        known = known and len(_dead(said)) <= said["tensors"] and (said.get("dead_parameters", 0) >= 0)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return said if known else None
