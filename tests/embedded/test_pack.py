"""The embedded pack keeps what its datasheet promises."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pgebench.embedded import Pack, load, names
from pgebench.embedded.builder.dedup import near_pairs
from pgebench.embedded.load import PACK, content_sha256

NAMES = ("animals", "clipart", "digits", "emoji", "faces", "fashion", "glyphs", "mnist")


@pytest.fixture(params=NAMES)
def pack(request: pytest.FixtureRequest) -> Pack:
    return load(request.param)


def test_the_pack_holds_eight_datasets():
    assert names() == NAMES


def test_the_pack_is_smaller_than_15_megabytes():
    assert sum(path.stat().st_size for path in PACK.iterdir()) < 15_000_000


def test_every_file_has_the_digest_that_the_manifest_and_the_datasheet_state(pack):
    digest = hashlib.sha256((PACK / f"{pack.name}.npz").read_bytes()).hexdigest()
    manifest = json.loads((PACK / "manifest.json").read_text())["datasets"]
    assert digest == manifest[pack.name]["file_sha256"]
    datasheet = (PACK / "DATASHEET.md").read_text()
    assert digest in datasheet
    assert pack.revision in datasheet


def test_the_revision_is_the_digest_of_the_content(pack):
    assert pack.revision == content_sha256(pack.images, pack.labels, pack.split, pack.class_names)


def test_files_need_no_pickle(pack):
    with np.load(PACK / f"{pack.name}.npz", allow_pickle=False) as file:
        assert set(file.files) == {"images", "labels", "split", "group", "class_names"}


def test_images_are_square_bytes_grey_or_colour(pack):
    count, height, width, *channels = pack.images.shape
    assert pack.images.dtype == np.uint8
    assert height == width
    assert channels in ([], [3])
    assert pack.labels.shape == pack.split.shape == pack.group.shape == (count,)
    assert pack.labels.dtype == pack.group.dtype == np.int64


def test_no_image_is_blank(pack):
    flat = pack.images.reshape(len(pack.images), -1)
    assert (flat.min(axis=1) < flat.max(axis=1)).all()


def test_no_two_images_are_the_same(pack):
    assert len({image.tobytes() for image in pack.images}) == len(pack.images)


def test_near_duplicates_never_cross_splits(pack):
    pairs = near_pairs(pack.images)
    assert (pack.split[pairs[:, 0]] == pack.split[pairs[:, 1]]).all()


def test_groups_never_cross_splits(pack):
    """Groups are near duplicates, one emoji's gender variants, or a font design with its clones."""
    of_group = np.stack([np.bincount(pack.group, pack.split == part) > 0 for part in range(3)])
    assert (of_group.sum(axis=0) == 1).all()


def test_a_group_of_glyphs_holds_whole_fonts():
    """All but the few letters that were duplicates of another font's."""
    glyphs = load("glyphs")
    for group in np.unique(glyphs.group):
        assert len(np.unique(glyphs.labels[glyphs.group == group])) >= 22


def test_every_class_is_in_every_split(pack):
    counts = np.zeros((3, len(pack.class_names)), int)
    np.add.at(counts, (pack.split, pack.labels), 1)
    assert counts.min() >= 2


def test_splits_are_about_60_15_25_percent(pack):
    shares = np.bincount(pack.split) / len(pack.split)
    expected = (0.6, 0.2, 0.2) if pack.name == "faces" else (0.6, 0.15, 0.25)
    np.testing.assert_allclose(shares, expected, atol=0.025)


def test_arrays_are_read_only(pack):
    for array in (pack.images, pack.labels, pack.split, pack.group):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_dataset_is_read_once_a_process():
    assert load("digits") is load("digits")


def test_an_unknown_name_is_answered_with_the_choices():
    with pytest.raises(ValueError, match=r"'imagenet'; choose from animals, .*mnist"):
        load("imagenet")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for file in ("manifest.json", "faces.npz"):
        shutil.copy(PACK / file, tmp_path / file)
    return tmp_path


def test_a_copy_of_the_pack_reads_alike(copy):
    assert load("faces", _folder=copy).revision == load("faces").revision


def test_one_flipped_byte_is_noticed_and_the_remedy_named(copy):
    data = bytearray((copy / "faces.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "faces.npz").write_bytes(data)
    with pytest.raises(RuntimeError, match=r"faces\.npz is damaged.*reinstall"):
        load("faces", _folder=copy)


def test_a_missing_file_is_named_with_the_remedy(copy):
    (copy / "faces.npz").unlink()
    with pytest.raises(RuntimeError, match=r"faces\.npz is missing; reinstall"):
        load("faces", _folder=copy)


def test_reading_needs_neither_torch_nor_the_builder():
    code = (
        "import sys, pgebench.embedded as e; e.load('digits'); "
        "print([m for m in ('torch', 'PIL', 'scipy', 'pgebench.embedded.builder') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
