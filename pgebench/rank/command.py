"""``pgebench-rank``: which source to fine-tune from, without training any."""

from __future__ import annotations

import json
import shlex
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy.stats import weightedtau

from pgebench import backbones, provenance
from pgebench.data.read import read
from pgebench.data.reading import Reading
from pgebench.datasets import dataset_params, open_task
from pgebench.errors import ConfigError
from pgebench.pge import GradientSettings
from pgebench.plan import Cell, Named
from pgebench.rank.bank import Bank, build_bank, configs
from pgebench.rank.ranking import Ranking, as_rows, distances_to, fitting, rank
from pgebench.report.palette import BLUE, GREY
from pgebench.store import Store, write_atomically

BANK = GradientSettings(restarts=8, episodes=50)
"""Estimates of the bank's sources."""


def run(
    target: str,
    backbone: str,
    results: Path,
    store: Store,
    *,
    episodes: int,
    confidence: float,
    sketch: int,
    workers: int,
) -> Ranking:
    """Rank the embedded sources for a target, print the ranking, and write it as JSON and a picture.

    Args:
        target: a folder of class folders, or the name of an embedded dataset.
        backbone: name in ``conf/backbone``.
        results: folder for ``ranking.json`` and ``ranking.png``.
        store: where the bank's gradients are kept.
        episodes: most gradients of the target at each of eight initialisations.
        confidence: at which one source counts as nearest.
        sketch: buckets of a count sketch of the bank; 0 for whole gradients.
        workers: processes while the bank is built.

    Raises:
        ConfigError: no such folder, dataset or backbone.
        DataError: the folder cannot be used.
    """
    began = time.perf_counter()
    architectures, datasets = configs("backbone"), configs("dataset@source")
    if backbone not in architectures:
        raise ConfigError(f"backbone={backbone}: choose from {', '.join(architectures)}")
    chosen = architectures[backbone]
    params = backbones.backbone_params(chosen.config)
    images, labels, sources = _target(target, datasets, store)
    settings = fitting(BANK, labels)
    print(f"{target}: {len(labels)} images in {len(np.unique(labels))} classes, {len(sources)} sources.")
    whole = build_bank(chosen, sources, settings, store, workers, print)
    bank = whole.sketched(sketch)
    ready = time.perf_counter()
    found = rank(
        backbones.restarts(params, torch.device("cpu")),
        backbones.inputs(params, {"image_size": None}, images, torch.device("cpu")),
        labels,
        bank,
        GradientSettings(**(vars(settings) | {"episodes": episodes})),
        confidence,
    )
    seconds = time.perf_counter() - ready
    rows = as_rows(bank, found)
    summary = {
        "command": shlex.join(["pgebench-rank", f"target={target}", f"backbone={backbone}", f"episodes={episodes}"]),
        "target": target,
        "backbone": backbone,
        "images": len(labels),
        "settled": found.standing.settled,
        "confidence": confidence,
        "gradients": found.episodes * settings.points,
        "agreement_of_halves": round(found.gradient.agreement, 4),
        "seconds": round(seconds, 1),
        "seconds_with_bank": round(time.perf_counter() - began, 1),
        "bank_megabytes": round(bank.megabytes, 1),
        "sources": rows,
        "versions": provenance.versions(),
    }
    if sketch:
        summary["sketch"] = _sketch_loss(whole, bank, found)
    _show(summary, found)
    write_atomically(results / "ranking.json", json.dumps(summary, indent=1).encode())
    write_atomically(results / "ranking.png", _picture(summary))
    print(f"{seconds:.0f} s for the target. Written to {results}/ranking.json and ranking.png.")
    return found


def _target(target: str, datasets: dict[str, Named], store: Store) -> tuple[np.ndarray, np.ndarray, list[Named]]:
    """Images, labels and the sources that share no image with them."""
    if target not in datasets:
        if not Path(target).expanduser().exists() and "/" not in target:
            raise ConfigError(f"target={target}: neither a folder nor one of {', '.join(datasets)}")
        found = read({"_target_": "pgebench.data.folder.listing"}, target, Reading(), store.root)
        return found.images, found.labels, list(datasets.values())
    named = datasets[target]
    images, labels = open_task(target, dataset_params(named.config)).part("train")
    # Only the overlap with each source is asked of these cells.
    apart = [source for source in datasets.values() if Cell(named, source, named, {}).overlap() is None]
    return images, labels, apart


def _sketch_loss(whole: Bank, bank: Bank, found: Ranking) -> dict[str, float]:
    """What the sketch cost: sizes, and how well its ranking agrees with that of the whole gradients."""
    exact, sketched = (-distances_to(one, found.gradient).mean(axis=0) for one in (whole, bank))
    return {
        "buckets": bank.sketch,
        "megabytes_whole": round(whole.megabytes, 1),
        "weighted_tau_with_whole": round(float(weightedtau(sketched, exact).statistic), 3),
    }


def _show(summary: dict[str, object], found: Ranking) -> None:
    rows = summary["sources"]
    assert isinstance(rows, list)
    print(f"\n{'':4}{'source':18}{'distance':>9}   95 % interval over initialisations")
    for row in rows:
        mark = "*" if row["may_be_nearest"] else " "
        interval = f"{row['low']:.3f} to {row['high']:.3f}"
        print(f"{row['place']:3d} {row['source']:18}{row['distance']:9.3f}   {interval} {mark}")
    if found.standing.settled:
        print(f"\n{found.names[0]} is the nearest source (confidence {summary['confidence']:.0%}).")
    else:
        print(
            "\n* None of these can be told from the first; more gradients may (episodes=...), or they are equally near."
        )


def _picture(summary: dict[str, object]) -> bytes:
    rows = summary["sources"]
    assert isinstance(rows, list)
    figure = Figure(figsize=(7, 0.8 + 0.3 * len(rows)), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right", "left"]].set_visible(False)
    for y, row in enumerate(rows):
        colour = BLUE if row["may_be_nearest"] else GREY
        axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=2)
        axes.plot(row["distance"], y, "o", color=colour)
    axes.set_yticks(range(len(rows)), [row["source"] for row in rows])
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.set_xlabel("distance of principal gradients (blue: may be the nearest)")
    axes.set_title(f"Sources for {Path(str(summary['target'])).name}", loc="left", fontsize=10)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    return buffer.getvalue()
