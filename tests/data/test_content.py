"""The identity of a dataset is its content, and its decoded form is there whole or not at all."""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Run
from photos import Read, write
from planned import sweep

from pgebench.core.errors import ConfigError, CorruptArtifact, StoreError
from pgebench.core.identity import Label
from pgebench.data import read as read_module
from pgebench.data import revision as revision_module
from pgebench.data.cache import is_news
from pgebench.data.task import dataset_params, open_task
from pgebench.experiment.publish import dataset_sizes
from pgebench.networks.backbones import backbone_params
from pgebench.pge import GradientSettings
from pgebench.plan.cell import Cell, Named
from pgebench.stages import gradient

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "embedded" / "records.parquet"


def config(path: Path, store: Path, **fields: object) -> dict[str, object]:
    loader = {"_target_": "pgebench.data.folder.listing", "parts": False}
    return {"loader": loader, "path": str(path), "store": str(store), "reading": {"size": 16}} | fields


def test_a_copy_elsewhere_is_the_same_dataset_and_a_changed_file_is_not(photos: Path, read_as: Read) -> None:
    before = read_as("folder", photos).revision
    copied = shutil.copytree(photos, photos.parent / "copy")
    assert read_as("folder", copied).revision == before
    write(copied / "one" / "1.png", np.zeros((9, 9), np.uint8))
    assert read_as("folder", copied).revision != before


def test_how_it_is_read_is_part_of_the_content(photos: Path, read_as: Read) -> None:
    default = read_as("folder", photos).revision
    others = [
        read_as("folder", photos, **option).revision for option in ({"size": 8}, {"resize": "squash"}, {"seed": 1})
    ]
    assert len({default, *others}) == 4
    assert read_as("folder", photos, unreadable="fail").revision == default


def test_a_renamed_class_or_file_is_another_dataset(photos: Path, read_as: Read) -> None:
    revisions = {read_as("folder", photos).revision}
    (photos / "one" / "1.png").rename(photos / "one" / "11.png.png")
    revisions.add(read_as("folder", photos).revision)
    (photos / "one").rename(photos / "eins")
    revisions.add(read_as("folder", photos).revision)
    assert len(revisions) == 3


def test_untouched_files_are_not_hashed_again_but_a_forged_time_does_not_deceive(
    photos: Path, read_as: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revision_module, "SETTLED", 0.05)
    time.sleep(0.1)
    before = read_as("folder", photos).revision
    hashed: list[object] = []
    original = revision_module._hash
    monkeypatch.setattr(revision_module, "_hash", lambda content: hashed.append(content) or original(content))
    assert read_as("folder", photos).revision == before
    assert not hashed
    victim = photos / "one" / "1.png"
    state, content = victim.stat(), bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)  # same size, same inode
    os.utime(victim, ns=(state.st_atime_ns, state.st_mtime_ns))
    time.sleep(0.1)
    assert read_as("folder", photos).revision != before
    assert hashed


def test_files_that_changed_just_now_are_not_trusted_to_their_times(photos: Path, read_as: Read, store: Path) -> None:
    read_as("folder", photos)
    assert not (store / "datasets" / "index").exists()


def test_an_interrupted_reading_leaves_nothing_behind(
    photos: Path, read_as: Read, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(read_module, "read_report", stop)  # after every image was written
        with pytest.raises(KeyboardInterrupt):
            read_as("folder", photos)
    assert [path.suffix for path in (store / "datasets").iterdir()] == [".lock"]
    revision = read_as("folder", photos).revision
    left = store / "datasets" / f".{revision}.dead"
    left.mkdir()  # as a killed process leaves it
    shutil.rmtree(store / "datasets" / revision)
    read_as("folder", photos)
    assert not left.exists()


def test_two_that_read_at_once_decode_once(photos: Path, read_as: Read, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: read_as("folder", photos).revision, range(2)))
    assert found[0] == found[1]
    assert capsys.readouterr().out.count("decoded in") == 1


def test_of_many_that_have_the_same_to_tell_one_does(
    photos: Path, read_as: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All have looked before any has written, as on a machine with more to do than it can."""
    found = read_as("folder", photos)
    monkeypatch.setattr(Path, "is_file", lambda _: False)
    assert [is_news(tmp_path / "cache", found.revision, found.report) for _ in range(3)] == [True, False, False]
    assert len(list((tmp_path / "cache" / found.revision / "index").iterdir())) == 1


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_news_is_told_where_there_are_no_links_or_nothing_can_be_written(
    photos: Path, read_as: Read, tmp_path: Path, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read_as("folder", photos)

    def refused(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    if not kept:
        (tmp_path / "cache").touch()
    assert [is_news(tmp_path / "cache", found.revision, found.report) for _ in range(2)] == [True, not kept]


def test_a_damaged_decoded_form_is_recognised_and_made_anew(photos: Path, read_as: Read, store: Path) -> None:
    found = read_as("folder", photos)
    expected = np.array(found.images)
    images = store / "datasets" / found.revision / "images.u8"
    content = bytearray(images.read_bytes())
    content[5] ^= 1
    images.write_bytes(content)
    with pytest.raises(CorruptArtifact, match=r"images\.u8 is not what was written.*run the same command again"):
        read_as("folder", photos)
    assert (read_as("folder", photos).images == expected).all()


def test_a_store_that_cannot_be_written_is_named(photos: Path, read_as: Read, store: Path) -> None:
    store.write_text("a file")
    with pytest.raises(StoreError, match=r"cannot write the decoded dataset .* store=DIR"):
        read_as("folder", photos)


def test_no_path_is_in_the_parameters_and_the_run_needs_the_store_alone(photos: Path, store: Path) -> None:
    params = dataset_params(config(photos, store))
    assert str(photos) not in str(params)
    shutil.rmtree(photos)
    assert open_task("photos", params, store).counts() == {"classes": 2, "train": 16, "val": 4, "test": 4}
    with pytest.raises(CorruptArtifact, match="run the same command again to decode it"):
        open_task("photos", params, store.parent / "elsewhere")


def test_the_same_folder_is_no_source_for_itself_and_another_one_is(photos: Path, store: Path) -> None:
    other = shutil.copytree(photos, photos.parent / "copy")
    view = {"classes": None}
    named = [Named(path.name, config(path, store, **view)) for path in (photos, other)]
    assert Cell(named[0], named[0], named[0], {}).overlap() == "they are the same classes of the same images"
    assert Cell(named[0], named[0], named[1], {}).overlap() is None


def test_keys_of_embedded_datasets_are_those_of_the_reference_run() -> None:
    """Datasets with a path came later; nothing that was computed before may be computed again."""
    table = pd.read_parquet(REFERENCE)
    known = table[(table.stage == "gradient") & (table.metric == "pge") & table.seed.isna()].set_index("source").key
    name = "test_efficientnet_gn"
    backbone = backbone_params({"name": name, "model": name, "image_size": 32, "pretrained": False})
    settings = GradientSettings(restarts=4, episodes=25, shot=4)
    for name, collection, classes in (("mnist_0_4", "mnist", [0, 1, 2, 3, 4]), ("emoji", "emoji", None)):
        loader = {"_target_": "pgebench.embedded.load", "name": collection}
        unit = gradient.unit(backbone, dataset_params({"loader": loader, "classes": classes}), settings, Label())
        assert unit.key == known[name]


def test_an_experiment_from_folder_to_folder(
    pgebench: Run, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also with signs in a path that Hydra reads otherwise."""
    odd = photos.rename(photos.parent / "what's (new), really=1")
    other = shutil.copytree(odd, tmp_path / "other")
    write(other / "one" / "more.png", np.zeros((9, 9), np.uint8))
    few = ("metric=[source_size]", "truth=linear_probe", "source.reading.size=32", "target.reading.size=32")
    assert pgebench("source=folder", f"source.path={odd}", "target=folder", f"target.path={other}", *few) == 0
    table = pd.read_parquet(tmp_path / "results" / "records.parquet")
    assert (set(table.source.dropna()), set(table.target.dropna())) == ({odd.name}, {"other"})
    assert capsys.readouterr().out.count(" images in 2 classes") == 2


def test_several_folders_are_swept_and_named_by_their_last_part(photos: Path, tmp_path: Path) -> None:
    left, right, same = (shutil.copytree(photos, tmp_path / place) for place in ("left", "right", "far/left"))
    base = ("dataset@source=folder", "dataset@target=mnist_5_9", "experiment=smoke", f"store={tmp_path}/store")
    said = ("source.reading.duplicates=drop", "source.reading.depth=range", "source.loader.parts=false")
    found = sweep(*base, f"source.path={left},{right}", *said)
    config = found.cells[0].source.config
    assert (config["reading"]["duplicates"], config["reading"]["depth"]) == ("drop", "range")
    assert config["loader"]["parts"] is False
    assert [cell.source.name for cell in found.cells] == ["left", "right"]
    assert dataset_sizes(found.cells)["right"]["train"] == 16
    with pytest.raises(ConfigError, match="are both called left: rename one"):
        sweep(*base, f"source.path={left},{same}")
    with pytest.raises(ConfigError, match=r"source\.path is empty: say where the data are"):
        sweep(*base)
