"""The field's eleven on damaged disks: any file gone, cut, changed or replaced; read, accounted for, or refused."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fuzzing import fuzzed, in_one_line
from hypothesis import given
from hypothesis import strategies as st
from layouts import LAYOUTS
from omegaconf import OmegaConf

from pgebench.config import conf_dir
from pgebench.core.errors import PgebenchError
from pgebench.core.instantiate import build
from pgebench.core.settings import Reading
from pgebench.data.listing import Listing
from pgebench.data.read import read_dataset

LOADERS = {
    name: {**OmegaConf.to_container(OmegaConf.load(conf_dir() / "dataset" / f"{name}.yaml"))["loader"], "images": None}
    | {"download": False}
    for name in LAYOUTS
}
PICTURE = ".jpg"
KINDS = ("gone", "empty", "cut", "changed", "inserted", "replaced", "folder", "dead link", "fifo", "twice")


# What is done to a file, where as a share of its length, and with which bytes.
damages = st.tuples(
    st.sampled_from(KINDS),
    st.floats(0, 1, exclude_max=True),
    st.binary(min_size=1, max_size=8)
    | st.sampled_from([b"\n", b" ", b"\0", b"\xff\xfe", b"../", b"/", b"-1", b"999999999999999999999", b"{", b"<x>"]),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Each dataset undamaged, with the checksums of the small files in place of the true ones'."""
    top = tmp_path_factory.mktemp("standard")
    with pytest.MonkeyPatch.context() as patch:
        for name, lay_out in LAYOUTS.items():
            lay_out(top / name, patch)
        yield {name: top / name for name in LAYOUTS}


@contextmanager
def copied(root: Path) -> Iterator[Path]:
    """A copy whose files are links to the original's: one is damaged by another file in its place."""
    top = Path(tempfile.mkdtemp())
    try:
        shutil.copytree(root, top / "data", copy_function=os.link)
        yield top
    finally:
        shutil.rmtree(top)


def damage(file: Path, how: str, share: float, some: bytes) -> None:
    """Another thing in the place of a file; one that is gone already stays so."""
    if not file.is_file():
        return
    content = file.read_bytes()
    place = int(share * len(content))
    file.unlink()
    match how:
        case "folder":
            file.mkdir()
        case "dead link":
            file.symlink_to("nowhere")
        case "fifo":
            os.mkfifo(file)
        case "gone":
            pass
        case _:
            changed = {
                "empty": b"",
                "cut": content[:place],
                "changed": content[:place] + some + content[place + len(some) :],
                "inserted": content[:place] + some + content[place:],
                "replaced": some,
                "twice": content + content,
            }[how]
            file.write_bytes(changed)


def read_or_refused(name: str, top: Path) -> Listing | None:
    """What is listed of it, after all of it was decoded; None if it is refused."""
    try:
        found = build({**LOADERS[name], "path": f"{top}/data"})
        assert isinstance(found, Listing)
        decoded = read_dataset(LOADERS[name], f"{top}/data", Reading(size=8), top / "store")
    except PgebenchError as error:
        in_one_line(error)
        return None
    assert len(decoded.labels) + len(decoded.report.refused) - len(found.refused) == len(found.names)
    assert sorted(set(found.labels.tolist())) == list(range(len(found.class_names)))
    assert all("\n" not in line for line in decoded.report.lines())
    return found


@fuzzed
@given(name=st.sampled_from(sorted(LAYOUTS)), data=st.data())
def test_any_damaged_file_fuzzed(whole: dict[str, Path], name: str, data: st.DataObject) -> None:
    with copied(whole[name]) as top:
        files = sorted(path for path in (top / "data").rglob("*") if path.is_file())
        indexes = [file for file in files if file.suffix != PICTURE]
        for file in data.draw(st.lists(st.sampled_from(indexes or files), min_size=1, max_size=2, unique=True)):
            damage(file, *data.draw(damages))
        read_or_refused(name, top)


@fuzzed
@given(name=st.sampled_from(sorted({*LAYOUTS} - {"cifar10", "cifar100"})), data=st.data())
def test_no_damaged_picture_is_lost_fuzzed(whole: dict[str, Path], name: str, data: st.DataObject) -> None:
    with copied(whole[name]) as top:
        before = build({**LOADERS[name], "path": f"{top}/data"})
        pictures = sorted((top / "data").rglob(f"*{PICTURE}"))
        for file in data.draw(st.lists(st.sampled_from(pictures), min_size=1, max_size=3, unique=True)):
            damage(file, *data.draw(damages))
        found = read_or_refused(name, top)
        if found is None:
            return
        lost = {*before.names} - {*found.names, *found.ignored}
        # A class whose images are those of its folder does not know of one that is gone.
        there = [one for one in lost if os.path.lexists(top / "data" / one)]
        assert all(any(one in line for line in found.refused) for one in there)
        assert found.class_names == before.class_names
