"""A realistic records table with a known answer: what a run of the project would leave behind, without running it."""

import json
from itertools import product

import numpy as np
import pandas as pd

NAMES = [
    *("mnist_low", "mnist_high", "fashion_tops", "fashion_rest", "animals_a", "animals_b"),
    *("glyphs_am", "glyphs_nz", "clipart", "emoji", "faces", "digits"),
]
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


def make_records(
    *,
    datasets: int = 8,
    backbones: tuple[str, ...] = ("test_resnet",),
    truth_seeds: int = 2,
    truths: tuple[str, ...] = ("finetune",),
    metrics: tuple[str, ...] = tuple(METRICS),
    seed: int = 0,
) -> tuple[pd.DataFrame, dict]:
    """Records and meta of a made-up experiment in which every dataset is source and target."""
    rng = np.random.default_rng(seed)
    names = NAMES[:datasets]
    rows: list[dict] = []

    def add(key, stage, value, wall, inputs=(), **fields):
        row = {
            "key": key, "stage": stage, "status": "done", "backbone": None, "source": None, "target": None,
            "metric": None, "truth": None, "seed": 0, "value": value, "wall_s": wall, "cpu_s": wall * 1.8,
            "peak_rss_mb": 600.0 + 10 * len(rows) % 97, "images": int(wall * 900), "detail": json.dumps({"way": 5}),
            "inputs": json.dumps(list(inputs)), "error": None, "attempts": 1,
        }  # fmt: skip
        rows.append(row | fields)

    for backbone in backbones:
        source_effect = rng.normal(size=datasets)
        target_level = rng.uniform(0.45, 0.85, size=datasets)
        related = rng.normal(size=(datasets, datasets))
        for s in range(0, datasets - 1, 2):  # the two halves of a collection are near each other
            related[s, s + 1] += 2.0
            related[s + 1, s] += 2.0
        for name in names:
            add(f"c-{backbone}-{name}", "checkpoint", rng.uniform(0.8, 0.99), rng.uniform(8, 15), backbone=backbone,
                source=name)  # fmt: skip
            for kind, wall in (("pge", 6.0), ("pge_official", 9.0)):
                add(f"g-{kind}-{backbone}-{name}", "gradient", rng.uniform(0.5, 0.9), wall * rng.uniform(0.9, 1.1),
                    backbone=backbone, source=name, metric=kind)  # fmt: skip
        for (s, source), (t, target) in product(enumerate(names), enumerate(names)):
            if s == t:
                continue
            cell = {"backbone": backbone, "source": source, "target": target}
            tag = f"{backbone}-{source}-{target}"
            add(f"e-{tag}", "evidence", np.nan, 0.3, [f"c-{backbone}-{source}"], **cell)
            for kind in metrics:
                sees_source, sees_pair, noise = METRICS[kind]
                score = sees_source * source_effect[s] + sees_pair * related[s, t] + noise * rng.normal()
                inputs = [f"g-{kind}-{backbone}-{source}", f"g-{kind}-{backbone}-{target}"]
                if kind not in ("pge", "pge_official"):
                    inputs = [f"e-{tag}"]
                if kind in ("random", "source_accuracy"):
                    inputs = [] if kind == "random" else [f"c-{backbone}-{source}"]
                add(f"s-{kind}-{tag}", "score", score - 3.0, 0.01 if kind != "logme" else 0.08, inputs, metric=kind,
                    **cell)  # fmt: skip
            for truth, run in product(truths, range(truth_seeds)):
                gain = 0.03 if truth == "finetune" else 0.05
                value = target_level[t] + gain * (source_effect[s] * 0.7 + related[s, t]) + 0.02 * rng.normal()
                add(f"t-{truth}-{tag}-{run}", "truth", round(float(np.clip(value, 0, 1)) * 300) / 300,
                    7.0 if truth == "finetune" else 0.4, [f"c-{backbone}-{source}"], truth=truth, seed=run,
                    detail=json.dumps({"learning_rate": 0.001, "val_accuracy": 0.6}), **cell)  # fmt: skip
    return as_records(rows), make_meta(names)


def as_records(rows: list[dict]) -> pd.DataFrame:
    """Rows with the column types that the runner writes."""
    frame = pd.DataFrame(rows)
    for column in ("seed", "images", "attempts"):
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
