"""Parameter tensors whose gradient is exactly zero at every draw of weights and episodes: nobody compares them.

A ResNet whose residual branches start at zero gives nothing but zeros for what lies inside them, whatever the images.
A distance of principal gradients is then one of the few tensors that are left.
"""

from __future__ import annotations

import json
from typing import NamedTuple

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
        said = [one for text in group["detail"] if (one := _said(text)) is not None]
        common = [name for name in said[0].dead if all(name in one.dead for one in said)] if said else []
        if common:
            # Where datasets differ, the fewest: what is dead for one alone has a gradient for another.
            share, held = min(one.share for one in said), sum(one.held for one in said) / len(said)
            rows.append((metric, backbone, said[0].tensors, tuple(common), share, held, max(one.few for one in said)))
    return pd.DataFrame(rows, columns=COLUMNS)


class _Said(NamedTuple):
    """What one record says: number of tensors, dead ones and their share of the parameters, energy of the first few."""

    tensors: int
    dead: tuple[str, ...]
    share: float
    held: float
    few: int


def _said(detail: object) -> _Said | None:
    """What a record says of tensors; None if it does not."""
    try:
        said = json.loads(detail) if isinstance(detail, str) else {}
        energy, dead = [float(share) for share in said["energy"].values()], tuple(map(str, said.get("dead", ())))
        share = float(said["dead_parameters"]) / float(said["parameters"]) if dead else 0.0
        return _Said(int(said["tensors"]), dead, share, sum(energy), len(energy))
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError):
        return None
