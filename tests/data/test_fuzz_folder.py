"""Trees of odd names, links, empty and hidden files: every file is read, refused or ignored, and named."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from fuzzing import fuzzed, in_one_line
from hypothesis import given
from hypothesis import strategies as st
from photos import write

from pgebench.core.errors import PgebenchError
from pgebench.core.settings import Reading
from pgebench.data import unlabelled
from pgebench.data.folder import listing
from pgebench.data.read import read_dataset

odd = st.binary(min_size=1, max_size=6).map(lambda raw: raw.replace(b"/", b"_").replace(b"\0", b"_"))
names = st.one_of(
    st.sampled_from(["ant", "Ant", "ant ", "train", "Train", "val", "test", "holdout", "@eaDir", ".git", "__MACOSX",
                     "caf\u00e9", "cafe\u0301", "-x", "a: b", "two\nlines", "x.png"]),
    odd.map(os.fsdecode).filter(lambda name: name not in (".", "..")),
)  # fmt: skip
suffixes = st.sampled_from(["", ".png", ".PNG", ".jpg", ".heic", ".txt", ".tiff", ".mpo"])
kinds = st.sampled_from(["image", "image", "image", "empty", "junk", "dead link", "link", "fifo", "link to above"])
entries = st.lists(
    st.tuples(st.lists(names, min_size=1, max_size=3), names, suffixes, kinds, st.integers(0, 20)), max_size=12
)


def make(root: Path, folders: list[str], name: str, kind: str, number: int) -> None:
    """One entry of the tree; a name that is taken, too long or no name at all is left out."""
    path = root.joinpath(*folders) / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):
            return
        if kind == "image":
            out = path.parent / f"{number}.tmp.png"
            write(out, np.full((4, 4), 12 * number, np.uint8))
            out.rename(path)
        elif kind == "fifo":
            os.mkfifo(path)
        elif "link" in kind:
            path.symlink_to({"dead link": root / "nowhere", "link": root / folders[0], "link to above": root}[kind])
        else:
            path.write_bytes(b"" if kind == "empty" else b"junk")
    except OSError:
        return


def files_of(root: Path) -> set[str]:
    """Every entry that is no folder, and no file in a folder that is a link."""
    return {
        os.path.relpath(os.path.join(top, name), root)  # noqa: PTH118
        for top, folders, files in os.walk(root)
        for name in [*files, *(folder for folder in folders if os.path.islink(os.path.join(top, folder)))]  # noqa: PTH114, PTH118
    }


def heap_is_accounted_for(root: Path) -> None:
    """The images that lie in a folder without classes: each entry is read, refused or ignored, once."""
    try:
        found = unlabelled.listing(str(root))
    except PgebenchError as error:
        return in_one_line(error)
    refused = [line.rpartition(": ")[0] for line in found.refused]
    assert sorted([*found.names, *found.ignored, *refused]) == sorted(entry.name for entry in root.iterdir())
    assert all(file.is_file() for file in found.files)


@fuzzed
@given(entries, st.sampled_from([None, True, False]))
def test_every_file_of_a_tree_is_accounted_for(
    tree: list[tuple[list[str], str, str, str, int]], parts: bool | None
) -> None:
    root = Path(tempfile.mkdtemp())
    try:
        for name in ("ant", "bee"):
            make(root, ["train", name] if parts else [name], "first.png", "image", 3)
        for folders, name, suffix, kind, number in tree:
            make(root, folders, name + suffix, kind, number)
        heap_is_accounted_for(root)
        message = ""
        try:
            found = listing(str(root), parts)
            decoded = read_dataset(
                {"_target_": "pgebench.data.folder.listing", "parts": parts},
                str(root),
                Reading(size=8),
                root / ".store",
            )
        except PgebenchError as error:
            message = str(error)
        if message:
            assert "\n" not in message
            return
        said = [*found.names, *found.ignored, *found.refused]
        for file in files_of(root):
            if file.split("/")[0] == ".store":
                continue
            above = ["/".join(file.split("/")[:end]) for end in range(1, file.count("/") + 2)]
            assert any(
                line == place or line.startswith((f"{place}: ", f"{place}/ (", f"{place}/"))
                for place in above
                for line in said
                if place == file or not line.startswith(f"{place}/") or " (" in line
            ), f"{file!r} is lost"
        assert len(decoded.labels) + len(decoded.report.refused) - len(found.refused) == len(found.names)
        assert all("\n" not in line for line in decoded.report.lines())
        again = read_dataset(
            {"_target_": "pgebench.data.folder.listing", "parts": parts}, str(root), Reading(size=8), root / ".store"
        )
        assert again.revision == decoded.revision
        assert again.report.refused == decoded.report.refused
    finally:
        shutil.rmtree(root)
