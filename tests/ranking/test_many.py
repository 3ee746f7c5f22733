"""Forty candidates: bounded disk and memory, refused downloads, half a file, an evening that was interrupted."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crowd import CROWD, Hub, alive, serving, weights_of
from hub_cache import put

from pgebench.cli import commands
from pgebench.ranking import budget, command, watched
from pgebench.ranking.answer import Answer, text
from pgebench.ranking.budget import Option
from pgebench.ranking.by_score import SoFar, rank_by_score
from pgebench.ranking.candidates import Candidates, of_backbones
from pgebench.ranking.data_sheet import data_sheets
from pgebench.ranking.reliability import reference
from pgebench.ranking.weights_kept import WeightsKept
from pgebench.store.format import open_store
from pgebench.store.store import Store

TARGET, SIZES = "mnist_0_4", np.full(5, 100)
GATED, RENAMED, HALVED = ["crowd_net.t03"], ["crowd_net.t11"], ["crowd_net.t20"]
BEFORE = "crowd_net.t05"
"""Its weights were in the user's cache before."""


class Evening:
    """A store and a cache in which candidates are ranked, again and again."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.store: Store = open_store(folder / "store", create=True)
        self.cache = folder / "hub"
        self.patch = patch
        self.known: dict[tuple[str, ...], Candidates] = {}

    def candidates(self, names: list[str]) -> Candidates:
        if tuple(names) not in self.known:
            self.known[tuple(names)] = of_backbones(TARGET, names, "hub", self.store.root)
        return self.known[tuple(names)]

    def rank(
        self, hub: Hub, names: list[str], per_class: int, keep: int, arrived: Callable[[SoFar], object] = lambda _: None
    ) -> Answer:
        known = reference("backbones")
        logme = known.of("logme")
        assert logme is not None
        with serving(hub, self.cache, self.patch):
            option = Option(logme, 1.0, per_class)
            how = (self.store, 1, 0.95, WeightsKept(keep, self.store.root / command.DOWNLOADED), arrived)
            return rank_by_score(self.candidates(names), option, known, SIZES, *how)

    def weights(self) -> int:
        """Bytes of weights on the disk: in the cache, begun ones too, and in the store."""
        files = [*self.cache.glob("models--*/blobs/*"), *self.store.root.glob("checkpoint/*/*.safetensors")]
        return sum(path.stat().st_size for path in files if path.is_file())


@pytest.fixture
def evening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evening:
    return Evening(tmp_path, monkeypatch)


@pytest.mark.slow
def test_forty_candidates_need_the_disk_and_the_memory_of_a_few(evening: Evening) -> None:
    size = len(weights_of(CROWD[0]))
    put(evening.cache, BEFORE, weights_of(BEFORE))
    hub, on_disk, networks, so_far = Hub(GATED, RENAMED, HALVED), [], [], []

    def arrived(one: SoFar) -> None:
        on_disk.append(evening.weights())
        so_far.append((one.number, one.per_class, one.candidates))
        if one.looked_at % 20 == 0:
            gc.collect()
            networks.append(len(alive))

    answer = evening.rank(hub, CROWD, 20, 3 * size, arrived)

    # Three that may stay, that of the user, and what is ready or being made ready for the next ones.
    assert max(on_disk) <= (3 + 1 + 3) * size
    assert evening.weights() <= (3 + 1) * size
    assert max(networks) <= 1
    assert BEFORE not in hub.sent
    assert (evening.cache / f"models--timm--{BEFORE}").is_dir()

    failed = {GATED[0]: "is gated", RENAMED[0]: "was renamed", HALVED[0]: "not whole"}
    assert set(answer.failed) == set(failed)
    assert all(words in answer.failed[name] for name, words in failed.items())

    # 37 on ten images a class, the better 19 on twenty.
    assert {*so_far} == {(1, 10, 40), (2, 20, 19)}
    assert len(answer.names) == 19
    assert [(one.per_class, one.among) for one in answer.dropped] == [(10, 37)] * 18
    assert [one.place for one in answer.dropped] == [*range(20, 38)]
    assert {*answer.names, *(one.name for one in answer.dropped), *failed} == {*CROWD}
    scores = [one.score for one in answer.dropped]
    assert scores == sorted(scores, reverse=True)

    sheets = data_sheets(evening.candidates(CROWD), "logme", answer.looked_at, evening.store)
    shown = replace(answer, sheets=sheets)
    rows = {row["name"]: row for row in shown.rows()}
    assert all(rows[one.name]["ms_per_image"] > 0 for one in answer.dropped)
    assert "dropped: place 37 of 37 on 10 images a class" in text(shown)
    assert "Halving: 37 candidates on 10 images a class" in text(shown)

    # The same command again downloads nothing but what failed, and gives the same answer.
    again = Hub(GATED, RENAMED, HALVED)
    same = evening.rank(again, CROWD, 20, 3 * size)
    assert {*again.sent} <= {*HALVED}
    assert same.names == answer.names
    assert same.standing.order == answer.standing.order


def test_an_interrupted_evening_goes_on_and_the_answer_so_far_was_there(evening: Evening) -> None:
    names, seen = CROWD[:12], []

    def interrupted(one: SoFar) -> None:
        seen.append(one.answer())
        if one.looked_at == 5:
            raise KeyboardInterrupt

    first = Hub([], [], [])
    with pytest.raises(KeyboardInterrupt):
        evening.rank(first, names, 10, 0, interrupted)
    assert [len(answer.names) for answer in seen] == [1, 2, 3, 4, 5]
    done = {*seen[-1].names}

    second = Hub([], [], [])
    answer = evening.rank(second, names, 10, 0)
    assert {*second.sent} <= {*names} - done
    assert {*answer.names} == {*names}
    before = dict(zip(seen[-1].names, seen[-1].standing.distance, strict=True))
    after = dict(zip(answer.names, answer.standing.distance, strict=True))
    assert before == {name: after[name] for name in before}


def test_weights_for_fine_tuning_are_brought_back_and_go_again(evening: Evening) -> None:
    """What was looked at may be gone; fine-tuning downloads it anew, and must not leave it beyond ``keep=``."""
    names = CROWD[:3]
    evening.rank(Hub([], [], []), names, 10, 0)
    assert evening.weights() == 0
    kept = WeightsKept(0, evening.store.root / command.DOWNLOADED)
    cells = evening.candidates(names).cells
    hub = Hub([names[1]], [], [])
    with serving(hub, evening.cache, evening.patch):
        with kept.at_hand(cells):  # the gated one is left to who needs it
            assert {*hub.sent} >= {names[0], names[2]}
            assert evening.weights() == 2 * len(weights_of(names[0]))
        assert evening.weights() == 0
        with pytest.raises(RuntimeError, match="on the way"), kept.at_hand(cells[:1]):
            raise RuntimeError("on the way")
    assert evening.weights() == 0


def test_a_full_disk_is_a_reason_once_nothing_can_be_removed(evening: Evening, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk has room for the weights of one network more than the user has there."""
    size = len(weights_of(CROWD[0]))
    put(evening.cache, BEFORE, weights_of(BEFORE))
    from huggingface_hub import file_download

    fetch = file_download.http_get

    def with_little_room(*arguments: object, **options: object) -> None:
        used = sum(path.stat().st_size for path in evening.cache.glob("models--*/blobs/*"))
        if used + size > limit * size:
            raise OSError(28, "No space left on device")
        fetch(*arguments, **options)

    monkeypatch.setattr(file_download, "http_get", with_little_room)
    # Room for one that is used and two ahead of it beside the user's: it is made of those that were used.
    limit = 4
    roomy = evening.rank(Hub([], [], []), [BEFORE, *CROWD[6:12]], 10, 10**9)
    assert roomy.failed == {}
    limit = 1
    names = [BEFORE, *CROWD[12:14]]
    full = evening.rank(Hub([], [], []), names, 10, 10**9)
    assert full.names == (BEFORE,)
    assert all("is full: make room" in reason for reason in full.failed.values())


def test_the_command_leaves_its_page_when_it_is_interrupted_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a user types it; the page is written at once instead of after ten seconds, and twenty images are the most."""
    monkeypatch.setattr(budget, "STEPS", (10, 20))
    where = [f"store={tmp_path}/store", f"results={tmp_path}/out", "workers=1"]
    words = [
        f"target={TARGET}",
        "question=backbones",
        f"backbones={','.join(CROWD[:16])}",
        "budget=30",
        "keep=0",
        *where,
    ]
    monkeypatch.setattr(sys, "argv", ["pgebench-rank", *words])
    write, hub = command._write, Hub([], [], [])

    def interrupted(*arguments: Any) -> None:
        write(*arguments)
        raise KeyboardInterrupt

    with serving(hub, tmp_path / "hub", monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(watched, "FIRST_S", 0.0)
            patch.setattr(command, "_write", interrupted)
            with pytest.raises((KeyboardInterrupt, SystemExit)):
                commands.rank()
        (answer,) = json.loads((tmp_path / "out/ranking.json").read_text())["answers"]
        assert len(answer["ranking"]) == 1
        assert answer["under_way"]["looked_at"] == 1
        assert "1 of 16 candidates looked at" in (tmp_path / "out/ranking.html").read_text()
        commands.rank()
    (answer,) = json.loads((tmp_path / "out/ranking.json").read_text())["answers"]
    assert "under_way" not in answer
    assert {row["name"] for row in answer["ranking"]} == {*CROWD[:16]}
    assert answer["images_per_class"] == 20
    assert [(one["scored"], one["kept"]) for one in answer["halving"]] == [(16, 8)]
    assert sum("dropped" in row for row in answer["ranking"]) == 8
    assert "Dropped on the way: 8 candidates" in (tmp_path / "out/ranking.html").read_text()
    assert "Halving: 16 candidates on 10 images a class" in capsys.readouterr().out
    assert not list((tmp_path / "hub").glob("models--*/blobs/*"))
