"""Files of weights: formats by their content, shards, folders, and what is no weight file at all."""

from __future__ import annotations

import argparse
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from weight_files import (
    FEATURES,
    FIRST,
    MEANT,
    loaded,
    re_said,
    refused,
    saved,
)

from pgebench.core.errors import ConfigError
from pgebench.networks.checkpoint_file import INDEX, content_of, fingerprint


@pytest.mark.parametrize("name", ["net.PTH", "net.pt", "net.bin", "net.ckpt", "net.pth.tar", "net.safetensors"])
def test_a_file_of_torch_is_known_by_its_content(name: str, tmp_path: Path) -> None:
    torch.testing.assert_close(loaded(saved(tmp_path / name, MEANT))[0], FEATURES)


@pytest.mark.parametrize("name", ["net.SAFETENSORS", "net.pth", "net.bin"])
def test_a_file_of_safetensors_is_known_by_its_content(name: str, tmp_path: Path) -> None:
    save_file(MEANT, tmp_path / name)
    torch.testing.assert_close(loaded(tmp_path / name)[0], FEATURES)


def test_the_format_before_torch_1_6_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pth", {"state_dict": MEANT}, _use_new_zipfile_serialization=False)
    torch.testing.assert_close(loaded(path)[0], FEATURES)
    content = {"state_dict": MEANT, "args": argparse.Namespace()}
    saved(path, content, _use_new_zipfile_serialization=False)
    assert re_said(refused(path), "holds objects of argparse.Namespace, which are not read")


def npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))


def cut(share: float, form: str = "net.pth") -> Callable[[Path], None]:
    def write(path: Path) -> None:
        whole = path.with_name(form)
        save_file(MEANT, whole) if form.endswith(".safetensors") else torch.save(MEANT, whole)
        path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])

    return write


FOREIGN: dict[str, tuple[str, bytes | Callable[[Path], None], str]] = {
    "empty": ("a.pth", b"", "it is an empty file; download it anew"),
    "html": ("a.pth", b"\n<!DOCTYPE html><html>", "it is an HTML page under the name of a weight file"),
    "lfs": ("a.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
    "json": ("a.pth", b'{"message": "Not Found"}', """JSON that begins with '{"message": "Not Found"}'"""),
    "text": ("a.pth", "naïve ".encode() * 400, "it is text that begins with 'naïve"),
    "text.safetensors": ("a.safetensors", b"no weights", "it is text that begins with 'no weights'"),
    "cut": ("a.pth", cut(0.5), "that is cut off or damaged; download it anew"),
    "cut by a little": ("a.pth", cut(0.999), "that is cut off or damaged; download it anew"),
    "cut safetensors": ("a.safetensors", cut(0.5, "net.safetensors"), "it is a damaged safetensors file"),
    "cut in the header": ("a.safetensors", cut(0.001, "net.safetensors"), "it is a damaged safetensors file"),
    "pickle": ("a.pth", pickle.dumps({"a": 1}), "it is a plain pickle, which could run code and is not read"),
    "gzip": ("a.pth", b"\x1f\x8b\x08\x00", "it is compressed by gzip; unpack it"),
    "keras": ("a.h5", b"\x89HDF\r\n\x1a\n", "it is an HDF5 file, as Keras writes it"),
    "tensorflow": ("model.ckpt.data-00000-of-00001", b"\0\1\2\xff", "it is part of a TensorFlow checkpoint"),
    "tensorflow index": ("model.ckpt", b"\0\0\xff" + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb", "a TensorFlow checkpoint"),
    "onnx": ("a.bin", b"\x08\x08\x12\x07pytorch", "it is an ONNX graph"),
    "flax": ("flax_model.msgpack", b"\x82\xa6params\x80", "it is a msgpack file, as Flax writes it"),
    "npz": ("a.npz", npz, "it is an .npz file of numpy"),
    "noise": ("a.pth", bytes(range(255, 0, -1)), "neither torch.save nor safetensors wrote it"),
}


@pytest.mark.parametrize("form", FOREIGN)
def test_a_file_that_is_something_else_is_said_to_be_it(form: str, tmp_path: Path) -> None:
    name, content, part = FOREIGN[form]
    if callable(content):
        content(tmp_path / name)
    else:
        (tmp_path / name).write_bytes(content)
    assert re_said(refused(tmp_path / name), "cannot be read as weights: ", part)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_program_of_torchscript_is_said_to_be_one(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "net.pt")
    assert re_said(refused(tmp_path / "net.pt"), "it is a TorchScript program, not a state dict")


def sharded(folder: Path, form: str = "model.safetensors") -> Path:
    """The index of the network's weights in two shards."""
    stem, _, suffix = form.rpartition(".")
    names = list(MEANT)
    place = {name: f"{stem}-0000{1 + (number % 2)}-of-00002.{suffix}" for number, name in enumerate(names)}
    for shard in set(place.values()):
        part = {name: MEANT[name] for name in names if place[name] == shard}
        save_file(part, folder / shard) if suffix == "safetensors" else torch.save(part, folder / shard)
    index = folder / f"{form}{INDEX}"
    index.write_text(json.dumps({"metadata": {}, "weight_map": place}))
    return index


@pytest.mark.parametrize("form", ["model.safetensors", "pytorch_model.bin"])
def test_shards_are_read_together_and_all_of_them_are_the_identity(form: str, tmp_path: Path) -> None:
    index = sharded(tmp_path, form)
    torch.testing.assert_close(loaded(index)[0], FEATURES)
    torch.testing.assert_close(loaded(tmp_path)[0], FEATURES)
    before = fingerprint(index)
    last = sorted(tmp_path.glob("*-of-*"))[-1]
    last.write_bytes(last.read_bytes()[:-1] + b"\x00\x01")
    assert fingerprint(index) != before


@pytest.mark.parametrize("name", ["../net.safetensors", "/etc/hosts", "sub/net.safetensors", "..", "", "..\\net.pth"])
def test_an_index_reaches_for_no_other_file(name: str, tmp_path: Path) -> None:
    index = tmp_path / f"model.safetensors{INDEX}"
    index.write_text(json.dumps({"weight_map": {FIRST: name}}))
    assert re_said(refused(index), f"its shard {name!r} is not a file beside it")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (
            '{"weight_map": {"a": "gone.safetensors"}}',
            "its shard 'gone.safetensors' is missing; put it beside the index",
        ),
        ('{"weight_map": {"a": "net.pth"}}', "its shard 'net.pth' lacks the tensor a"),
        ('{"weight_map": {"a": 3}}', "no index of shards"),
        ('{"weight_map": ["a"]}', "no index of shards"),
        ("[]", "no index of shards"),
        ("", "no index of shards"),
    ],
)
def test_an_index_without_its_shards_is_refused(content: str, part: str, tmp_path: Path) -> None:
    saved(tmp_path / "net.pth", MEANT)
    index = tmp_path / f"model.safetensors{INDEX}"
    index.write_text(content)
    with pytest.raises(ConfigError, match=part):
        content_of(index) if "net.pth" in content else fingerprint(index)


def test_a_folder_means_its_only_weight_file(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert re_said(refused(tmp_path), "no weight file is in the folder")
    saved(tmp_path / "net.PTH", MEANT)
    torch.testing.assert_close(loaded(tmp_path)[0], FEATURES)
    saved(tmp_path / "optimizer.pt", {})
    assert re_said(refused(tmp_path), "a folder of several weight files; name one of net.PTH, optimizer.pt")


def test_an_archive_whose_end_speaks_of_other_disks_is_damaged_and_not_an_error_of_python(tmp_path: Path) -> None:
    file = saved(tmp_path / "net.pth", MEANT)
    whole = file.read_bytes()
    place = whole.rindex(b"PK\x06\x07") + 4 if b"PK\x06\x07" in whole else None
    locator = whole[:place] + b"\x01" + whole[place + 1 :] if place else whole[:-22] + LOCATOR + whole[-22:]
    file.write_bytes(locator)
    with pytest.raises(ConfigError, match=r"cannot be read as weights: .* cut off or damaged"):
        content_of(file)


LOCATOR = b"PK\x06\x07" + (1).to_bytes(4, "little") + bytes(8) + (1).to_bytes(4, "little")
"""Where the end of a large archive is said to be: on disk 1 of 1."""
