"""A realistic records table with a known answer: what a run of the project would leave behind, without running it.

Sources can be trained several times (`checkpoints`), and PGE can be drawn several times (`draws`). The metrics that
look at a checkpoint see its luck, PGE does not.
"""

import json
from itertools import product

import numpy as np
import pandas as pd

NAMES = [
    *("mnist_low", "mnist_high", "fashion_tops", "fashion_rest", "animals_a", "animals_b"),
    *("glyphs_am", "glyphs_nz", "clipart", "emoji", "faces", "digits"),
]
COLLECTIONS = {name: name.split("_")[0] for name in NAMES}
# How much of the truth each metric sees: (of the source effect, of the interaction, noise added).
METRICS = {
    "logme": (1.0, 1.0, 0.7),
    "leep": (0.8, 0.9, 0.9),
    "nce": (0.6, 0.9, 1.1),
    "pge": (0.2, 1.3, 0.9),
    "pge_official": (0.0, 0.1, 1.2),
    "source_accuracy": (0.6, 0.0, 0.5),
    "random": (0.0, 0.0, 1.0),
}
NO_CHECKPOINT = ("pge", "pge_official", "random", "same_collection")
GRADIENTS = ("pge", "pge_official")
CHECKPOINT_LUCK, PAIR_LUCK = 0.6, 0.4
"""Spread of a checkpoint's effect for all targets and for a single one; that of a source is 0.7."""


def make_records(
    *,
    datasets: int = 8,
    backbones: tuple[str, ...] = ("test_resnet",),
    truth_seeds: int | tuple[int, ...] = 2,
    truths: tuple[str, ...] = ("finetune",),
    metrics: tuple[str, ...] = tuple(METRICS),
    seed: int = 0,
    checkpoints: int = 1,
    draws: int = 1,
    collections: bool = False,
    contrasts: tuple[tuple[str, str], ...] = (),
) -> tuple[pd.DataFrame, dict]:
    """Records and meta of a made-up experiment in which every dataset is source and target.

    `truth_seeds` are the transfers per pair from each checkpoint, or one number per checkpoint.
    """
    rng, luck = np.random.default_rng(seed), np.random.default_rng(seed + 1000)
    names = NAMES[:datasets]
    detail = json.dumps({"learning_rate": 0.001, "val_accuracy": 0.6})
    transfers = (truth_seeds,) * checkpoints if isinstance(truth_seeds, int) else truth_seeds
    rows: list[dict] = []

    def add(key, stage, value, wall, inputs=(), **fields):
        row = {
            "key": key, "stage": stage, "status": "done", "backbone": None, "source": None, "target": None,
            "metric": None, "truth": None, "seed": 0, "checkpoint": None, "value": value, "wall_s": wall,
            "cpu_s": wall * 1.8, "peak_rss_mb": 600.0 + 10 * len(rows) % 97, "images": int(wall * 900),
            "detail": json.dumps({"way": 5}), "inputs": json.dumps(list(inputs)), "error": None, "attempts": 1,
        }  # fmt: skip
        rows.append(row | fields)

    for backbone in backbones:
        source_effect = rng.normal(size=datasets)
        target_level = rng.uniform(0.45, 0.85, size=datasets)
        related = rng.normal(size=(datasets, datasets))
        for s in range(0, datasets - 1, 2):  # the two halves of a collection are near each other
            related[s, s + 1] += 2.0
            related[s + 1, s] += 2.0
        several = checkpoints > 1
        trained = several * CHECKPOINT_LUCK * luck.normal(size=(checkpoints, datasets))
        suited = several * PAIR_LUCK * luck.normal(size=(checkpoints, datasets, datasets))
        for name in names:
            for c in range(checkpoints):
                add(f"c-{backbone}-{name}-{c}", "checkpoint", rng.uniform(0.8, 0.99), rng.uniform(8, 15),
                    backbone=backbone, source=name, checkpoint=c)  # fmt: skip
            for kind, wall in (("pge", 6.0), ("pge_official", 9.0)):
                add(f"g-{kind}-{backbone}-{name}", "gradient", rng.uniform(0.5, 0.9), wall * rng.uniform(0.9, 1.1),
                    backbone=backbone, source=name, metric=kind)  # fmt: skip
        for (s, source), (t, target) in product(enumerate(names), enumerate(names)):
            if s == t:
                continue
            cell = {"backbone": backbone, "source": source, "target": target}
            tag = f"{backbone}-{source}-{target}"
            for c in range(checkpoints):
                add(f"e-{tag}-{c}", "evidence", np.nan, 0.3, [f"c-{backbone}-{source}-{c}"], checkpoint=c, **cell)
            for kind in metrics:
                if kind == "same_collection":
                    near = COLLECTIONS[source] == COLLECTIONS[target]
                    add(f"s-{kind}-{tag}", "score", float(near), 0.001, metric=kind, **cell)
                    continue
                sees_source, sees_pair, noise = METRICS[kind]
                for n in range(draws if kind in GRADIENTS else 1 if kind in NO_CHECKPOINT else checkpoints):
                    score = sees_source * source_effect[s] + sees_pair * related[s, t] + noise * rng.normal()
                    inputs = [f"g-{kind}-{backbone}-{source}", f"g-{kind}-{backbone}-{target}"]
                    seen = {"seed": n}
                    if kind not in NO_CHECKPOINT:
                        score += sees_source * trained[n, s] / 0.7 + sees_pair * suited[n, s, t]
                        inputs, seen = [f"e-{tag}-{n}"], {"checkpoint": n}
                    if kind in ("random", "source_accuracy"):
                        inputs = [] if kind == "random" else [f"c-{backbone}-{source}-{n}"]
                    add(f"s-{kind}-{tag}-{n}", "score", score - 3.0, 0.01 if kind != "logme" else 0.08, inputs,
                        metric=kind, **cell, **seen)  # fmt: skip
            for truth, c in product(truths, range(checkpoints)):
                for run in range(transfers[c]):
                    gain = 0.03 if truth == "finetune" else 0.05
                    effect = source_effect[s] * 0.7 + related[s, t] + trained[c, s] + suited[c, s, t]
                    value = target_level[t] + gain * effect + 0.02 * rng.normal()
                    add(f"t-{truth}-{tag}-{c}-{run}", "truth", round(float(np.clip(value, 0, 1)) * 300) / 300,
                        7.0 if truth == "finetune" else 0.4, [f"c-{backbone}-{source}-{c}"], truth=truth, seed=run,
                        checkpoint=c, detail=detail, **cell)  # fmt: skip
    meta = make_meta(names)
    if contrasts:
        meta["config"]["contrasts"] = [list(pair) for pair in contrasts]
    if "same_collection" in metrics:
        meta["config"]["metric"] = {"same_collection": {"kind": "control"}}
    if collections:
        meta["collections"] = {name: COLLECTIONS[name] for name in names}
    return as_records(rows), meta


def as_records(rows: list[dict]) -> pd.DataFrame:
    """Rows with the column types that the runner writes."""
    frame = pd.DataFrame(rows)
    for column in ("seed", "checkpoint", "images", "attempts"):
        frame[column] = frame[column].astype("Int64")
    return frame


def make_meta(names: list[str]) -> dict:
    return {
        "experiment": "synthetic",
        "command": "pgebench experiment=synthetic",
        "created": "2030-01-01T00:00:00+00:00",
        "versions": {"python": "3.11", "torch": "2.6"},
        "machine": {"cpu": "some CPU", "cores": 2, "memory_gb": 8},
        "config": {"backbone": ["test_resnet"], "truth": {"name": "finetune", "seeds": 2}},
        "primary_truth": "finetune",
        "seed": 0,
        "datasets": {name: {"classes": 5, "train": 100, "val": 50, "test": 300} for name in names},
        "notes": ["A made-up experiment."],
    }


def fail(records: pd.DataFrame, rows: pd.Series, error: str = "ValueError: features are not finite") -> pd.DataFrame:
    """The same records with the chosen rows failed."""
    changed = records.copy()
    changed.loc[rows, ["status", "error"]] = ["failed", error]
    changed.loc[rows, "value"] = np.nan
    return changed
