"""Backbones by timm's names: from a Hugging Face cache, without a network, to a ranking."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import timm
from hub_cache import put, random_weights
from huggingface_hub import constants

from pgebench.cli import commands

RESNET, VIT, CONVNEXT = SMALL = ("test_resnet.r160_in1k", "test_vit.r160_in1k", "test_convnext.r160_in1k")
GATED, RENAMED = "test_efficientnet.r160_in1k", "test_nfnet.r160_in1k"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no network."""
    folder = tmp_path / "hf/hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return folder


@pytest.fixture
def asked(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The paths that a hub was asked for, which gives nothing: one repository is gated, the others are not there."""
    paths: list[str] = []

    class Refusing(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            paths.append(self.path)
            gated = GATED in self.path
            self.send_response(200 if self.path == "/" else 403 if gated else 404)
            self.send_header("X-Error-Code", "GatedRepo" if gated else "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    place = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", place)
    template = f"{place}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    yield paths
    server.shutdown()
    server.server_close()


def options(tmp_path: Path, target: object) -> list[str]:
    where = [f"store={tmp_path}/store", f"results={tmp_path}/out", "workers=1"]
    return [f"target={target}", "question=backbones", "budget=0.1", *where]


def rows(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """The rows of the answer that was written, by name, each with what is known of the candidate."""
    (answer,) = json.loads((tmp_path / "out/ranking.json").read_text())["answers"]
    return {row["name"]: row | answer["candidates"].get(row["name"], {}) for row in answer["ranking"]}


def ranked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, target: object, *arguments: str) -> dict[str, Any]:
    monkeypatch.setattr(sys, "argv", ["pgebench-rank", *options(tmp_path, target), *arguments])
    commands.rank()
    return rows(tmp_path)


def test_names_and_patterns_are_ranked_from_the_cache_at_their_own_sizes(photos: Path, tmp_path: Path) -> None:
    """As a user types it: the environment names the cache, and nothing is patched."""
    for seed, model in enumerate(SMALL):
        put(tmp_path / "hf/hub", model, random_weights(model, seed))
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": f"{tmp_path}/hf"}
    environment.pop("HF_HUB_CACHE", None)
    command = [sys.executable, "-c", "from pgebench.cli.commands import rank; rank()", *options(tmp_path, photos)]
    named = f"backbones={RESNET},test_vit.r160*,timm/{CONVNEXT}"
    done = subprocess.run([*command, named], env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert "No network" not in done.stdout
    found = rows(tmp_path)
    assert set(found) == set(SMALL)
    assert sorted(row["place"] for row in found.values()) == [1, 2, 3]
    resnet = found[RESNET]
    assert (resnet["image_size"], resnet["licence"], resnet["family"]) == (160, "apache-2.0", "resnet")
    assert resnet["weights"] == f"timm/{RESNET}"
    assert resnet["accuracy"] is None  # of no suite
    network = timm.create_model("test_resnet", num_classes=0)
    assert resnet["parameters"] == sum(parameter.numel() for parameter in network.parameters())
    assert 0 < resnet["gflops"] < 1


def test_half_a_file_and_one_that_is_not_there_are_rows_and_the_others_are_ranked(
    photos: Path, hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for model in (RESNET, VIT):
        put(hub, model, random_weights(model))
    whole = random_weights(CONVNEXT)
    half = put(hub, CONVNEXT, whole[: len(whole) // 2])
    chosen = f"backbones={','.join(SMALL)},{GATED}"
    found = ranked(monkeypatch, tmp_path, photos, chosen, "image_size=64")
    assert {name for name, row in found.items() if row["place"]} == {RESNET, VIT}
    assert found[VIT]["image_size"] == 64
    assert "not whole (" in found[CONVNEXT]["error"]
    assert f"delete {half}" in found[CONVNEXT]["error"]
    assert f"not in {hub}, and HF_HUB_OFFLINE=1 forbids downloads" in found[GATED]["error"]
    assert f"3 of 4 backbones are on this machine: {', '.join(SMALL)}" in capsys.readouterr().out

    # The same command goes on: the rest of the file is there now, and what was done is not asked for again.
    half.write_bytes(whole)
    shutil.rmtree(hub / f"models--timm--{VIT}")
    found = ranked(monkeypatch, tmp_path, photos, chosen, "image_size=64")
    assert {name for name, row in found.items() if row["place"]} == set(SMALL)


def test_refused_downloads_are_rows_with_the_reason(
    photos: Path, hub: Path, asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for model in (RESNET, VIT):
        put(hub, model, random_weights(model))
    found = ranked(monkeypatch, tmp_path, photos, f"backbones={RESNET},{VIT},{GATED},{RENAMED}", "image_size=64")
    assert {name for name, row in found.items() if row["place"]} == {RESNET, VIT}
    assert f"is gated: accept its terms at {constants.ENDPOINT}/timm/{GATED} and set HF_TOKEN" in found[GATED]["error"]
    assert f"there is no {constants.ENDPOINT}/timm/{RENAMED} for you: it was renamed" in found[RENAMED]["error"]
    # What lies in the cache is taken as it is.
    assert not any(RESNET in path or VIT in path for path in asked)


def test_without_a_network_and_without_a_cache_the_command_says_so(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A port where nobody listens.
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SystemExit, match="question=backbones: nothing can be ranked"):
        ranked(monkeypatch, tmp_path, "digits", f"backbones={','.join(SMALL)}")
    shown = capsys.readouterr().out
    assert "No network (http://127.0.0.1:9 cannot be reached" in shown
    assert "0 of 3 backbones are on this machine: none" in shown


def test_one_candidate_alone_is_answered(
    photos: Path, hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(hub, RESNET, random_weights(RESNET))
    found = ranked(monkeypatch, tmp_path, photos, f"backbones={RESNET}", "image_size=64")
    assert [row["place"] for row in found.values()] == [1]
    assert (
        f"{RESNET} is the only candidate with a score: there is nothing to rank it against" in capsys.readouterr().out
    )
