"""Forty networks under invented tags, and a hub with their weights: timm and huggingface_hub go their usual way."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from weakref import WeakSet

import pytest
import torch
from hub_cache import REVISION
from huggingface_hub import constants
from safetensors.torch import save
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.resnet import BasicBlock, ResNet

TAGS = [f"t{number:02d}" for number in range(40)]
CROWD = [f"crowd_net.{tag}" for tag in TAGS]
SIDE, CLASSES = 32, 3

alive: WeakSet[ResNet] = WeakSet()
"""The networks that are in memory."""

default_cfgs = generate_default_cfgs(
    {
        name: {
            "hf_hub_id": "timm/",
            "input_size": (3, SIDE, SIDE),
            "num_classes": CLASSES,
            "mean": (0.5, 0.5, 0.5),
            "std": (0.5, 0.5, 0.5),
            "first_conv": "conv1",
            "classifier": "fc",
        }
        for name in CROWD
    }
)


class Crowded(ResNet):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        alive.add(self)


@register_model
def crowd_net(pretrained: bool = False, **options: Any) -> ResNet:
    shape = {"block": BasicBlock, "layers": (1, 1, 1, 1), "channels": (8, 8, 8, 16)}
    return build_model_with_cfg(Crowded, "crowd_net", pretrained, **shape, **options)


@cache
def weights_of(name: str) -> bytes:
    torch.manual_seed(CROWD.index(name))
    with torch.random.fork_rng(devices=[]):
        network = crowd_net(num_classes=CLASSES)
    return save({key: value.contiguous() for key, value in network.state_dict().items()})


class Hub:
    """What was asked of the hub, and what it refuses.

    Attributes:
        sent: Names whose weights were sent, in order.
        gated: Names that it shows to nobody.
        renamed: Names that it does not have.
        halved: Names of whose weights it has only the first half.
    """

    def __init__(self, gated: list[str], renamed: list[str], halved: list[str]) -> None:
        self.sent: list[str] = []
        self.gated, self.renamed, self.halved = gated, renamed, halved

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content for a path."""
        if path == "/":
            return 200, {}, b""
        found = re.fullmatch(r"/timm/(crowd_net\.t\d\d)/resolve/[^/]+/([^/]+)", path)
        if found is None or found[1] in self.renamed:
            return 404, {"X-Error-Code": "RepoNotFound"}, b""
        if found[1] in self.gated:
            return 403, {"X-Error-Code": "GatedRepo"}, b""
        if found[2] != "model.safetensors":
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        content = weights_of(found[1])
        content = content[: len(content) // 2] if found[1] in self.halved else content
        return 200, {"X-Repo-Commit": REVISION, "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}, content


@contextmanager
def serving(hub: Hub, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub on this machine; huggingface_hub keeps what it downloads in a folder."""

    class Serving(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.reply(send=False)

        def do_GET(self) -> None:
            self.reply(send=True)

        def reply(self, send: bool) -> None:
            status, headers, content = hub.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if send:
                self.wfile.write(content)
                if status == 200 and content:
                    hub.sent.append(self.path.split("/")[2])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Serving)
    Thread(target=server.serve_forever, daemon=True).start()
    place = f"http://127.0.0.1:{server.server_port}"
    patch.setattr(constants, "HF_HUB_CACHE", str(folder))
    patch.setattr(constants, "HF_HUB_OFFLINE", False)
    patch.setattr(constants, "ENDPOINT", place)
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{place}/{{repo_id}}/resolve/{{revision}}/{{filename}}")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
