"""Weight files by the hundred: the right weights, or one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from fuzzing import fuzzed
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save
from torch import nn

from pgebench.core.errors import ConfigError
from pgebench.networks import weights


class Net(nn.Module):
    """The least that has a body, a classifier and a counter."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.fc = nn.Linear(4, 2)

    def get_classifier(self) -> nn.Module:
        return self.fc


torch.manual_seed(0)
NETWORK = Net()
MEANT = NETWORK.state_dict()

WORDS = st.sampled_from(["module", "model", "net", "backbone", "student", "state_dict", "_orig_mod", "ema", "7", "a.b"])
EXTRAS: dict[str, Any] = {
    "epoch": 3,
    "step": torch.tensor(5),
    "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 0.1}]},
    "names": ["a", "b"],
    "nothing": None,
    "projector": {"0.weight": torch.zeros(2, 2)},
    "fc.total_ops": torch.zeros(1),
}


def one_line(error: ConfigError) -> bool:
    told = str(error)
    return told.startswith(("backbone.weights=", "here: ")) and "\n" not in told and "\x1b" not in told


@fuzzed
@given(
    prefixes=st.lists(WORDS, max_size=3),
    containers=st.lists(WORDS, max_size=3),
    beside=st.lists(st.sampled_from(sorted(EXTRAS)), max_size=3),
    inside=st.lists(st.sampled_from(["epoch", "step", "fc.total_ops"]), max_size=2),
    whole=st.booleans(),
)
def test_weights_are_found_in_any_container(
    prefixes: list[str], containers: list[str], beside: list[str], inside: list[str], whole: bool, tmp_path: Path
) -> None:
    begin = "".join(f"{part}." for part in prefixes)
    state = {f"{begin}{name}": value for name, value in MEANT.items() if whole or not name.startswith("fc.")}
    content: dict[str, Any] = state | {name: EXTRAS[name] for name in inside}
    for name in containers:
        content = {name: content} | {extra: EXTRAS[extra] for extra in beside}
    torch.save(content, tmp_path / "net.pth")
    taken = weights.take(tmp_path / "net.pth", NETWORK, "here")
    wanted = {name: value for name, value in MEANT.items() if whole or not name.startswith("fc.")}
    assert taken.tensors.keys() == wanted.keys()
    assert all(torch.equal(value, wanted[name]) for name, value in taken.tensors.items())
    # Whatever is not taken is named.
    expected = set(inside) | (set(beside) if containers else set())
    assert all(any(extra in name for name in taken.left_out) for extra in expected)


def result(path: Path) -> dict[str, torch.Tensor] | ConfigError:
    """What is read of a file and could be used, or why it is refused."""
    try:
        taken = weights.take(path, NETWORK, "here")
        weights.fill(Net(), taken.tensors, "here", head=False)
        return taken.tensors
    except ConfigError as error:
        return error


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
@fuzzed
@given(harm=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4), cut=st.floats(0.3, 1.3))
def test_a_damaged_file_gives_its_weights_or_one_line(
    form: str, harm: list[tuple[float, int]], cut: float, tmp_path: Path
) -> None:
    path = tmp_path / f"net.{'safetensors' if form == 'safetensors' else 'pth'}"
    if form == "safetensors":
        path.write_bytes(save(MEANT))
    else:
        torch.save({"state_dict": MEANT, "epoch": 3}, path, _use_new_zipfile_serialization=form == "zip")
    before = path.read_bytes()
    content = bytearray(before)
    for place, value in harm:
        content[int(place * (len(content) - 1))] = value
    path.write_bytes(content[: int(len(content) * cut)])
    whole = bytes(content) == path.read_bytes() == before
    found = result(path)
    if isinstance(found, ConfigError):
        assert not whole
        assert one_line(found)
    elif form == "zip":  # the other formats have no checksum
        assert all(torch.equal(value, MEANT[name]) for name, value in found.items())
    else:
        assert all(value.shape == MEANT[name].shape for name, value in found.items() if not name.startswith("fc."))


@fuzzed
@given(
    content=st.binary(max_size=300), begin=st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", b"{", b"<", b"\x82\xa1"])
)
def test_any_bytes_are_refused_in_one_line(content: bytes, begin: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(begin + content)
    with pytest.raises(ConfigError) as error:
        weights.take(path, NETWORK, "here")
    assert one_line(error.value)
