"""The field's eleven, by the YAMLs that are shipped, on small files of the same layout."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fault_page import Injected
from layouts import LAYOUTS
from omegaconf import OmegaConf
from torchvision import datasets

from pgebench.config import DatasetConfig, conf_dir, register
from pgebench.core.errors import ConfigError, DataError
from pgebench.core.instantiate import build
from pgebench.data.task import dataset_params, open_task
from pgebench.plan.sweep import plain

EXPECTED = {
    # name: classes, images of a class in train, val and test, rule
    "aircraft": (("707-320", "Falcon 900"), [3, 2, 4], "train, val, test as given"),
    "caltech101": (("Faces", "anchor"), None, "30 images of each class for train and val, the others for test"),
    "cars": (("Audi A", "BMW 1"), [3, 1, 3], "train, test as given; val: 20% of each class"),
    "cifar10": (("airplane", "automobile"), [20, 5, 5], "train, test as given; val: 20% of each class"),
    "cifar100": (("apple", "aquarium_fish"), [4, 1, 5], "train, test as given; val: 20% of each class"),
    "dtd": (("banded", "dotted"), [3, 3, 3], "train, val, test as given"),
    "flowers": (("pink primrose", "hard-leaved pocket orchid"), [3, 2, 4], "train, val, test as given"),
    "food": (("apple_pie", "waffles"), [4, 1, 2], "train, test as given; val: 20% of each class"),
    "pets": (("Abyssinian", "Beagle"), [4, 1, 3], "train, test as given; val: 20% of each class"),
    "sun397": (("abbey", "church/indoor"), [40, 10, 50], "50 images of each class for train and val, at most 50"),
    "voc2007": (("cat", "dog"), None, "train, val, test as given"),
}


def config(name: str, tmp_path: Path, **loader: object) -> dict:
    """The shipped YAML with another path and store, and some fields of its loader replaced."""
    register()
    places = {"path": f"{tmp_path}/data", "store": f"{tmp_path}/store", "lock": "auto"}
    shipped = OmegaConf.load(conf_dir() / "dataset" / f"{name}.yaml")
    found = plain(OmegaConf.merge(OmegaConf.structured(DatasetConfig), shipped, places))
    return found | {"loader": found["loader"] | loader}


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_standard_dataset_is_read_by_its_yaml(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    LAYOUTS[name](tmp_path / "data", monkeypatch)
    with pytest.raises(DataError, match="it was not unpacked to the end"):
        dataset_params(config(name, tmp_path))
    whole = config(name, tmp_path, images=None)
    task = open_task(name, dataset_params(whole), whole["store"])
    classes, counts, rule = EXPECTED[name]
    assert task.class_names == classes
    assert rule in capsys.readouterr().out
    if counts is not None:
        for label in range(2):
            assert [int((task.part(part)[1] == label).sum()) for part in ("train", "val", "test")] == counts
    side = 32 if name.startswith("cifar") else 96
    assert task.images.shape[1:] == (side, side, 3)


def test_caltech101_leaves_the_background_out_and_tests_on_what_training_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LAYOUTS["caltech101"](tmp_path / "data", monkeypatch)
    whole = config("caltech101", tmp_path, images=None)
    task = open_task("caltech101", dataset_params(whole), whole["store"])
    assert task.counts() == {"classes": 2, "train": 48, "val": 12, "test": 5}


def test_voc_images_of_several_classes_are_left_out_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    LAYOUTS["voc2007"](tmp_path / "data", monkeypatch)
    whole = config("voc2007", tmp_path, images=None)
    task = open_task("voc2007", dataset_params(whole), whole["store"])
    assert task.counts() == {"classes": 2, "train": 8, "val": 6, "test": 6}
    assert "3 images show several classes and are left out (1 of train, 1 of val, 1 of test)" in capsys.readouterr().out


def test_an_object_of_voc_without_a_name_is_no_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    LAYOUTS["voc2007"](tmp_path / "data", monkeypatch)
    annotation = tmp_path / "data" / "VOCdevkit" / "VOC2007" / "Annotations" / "train0.xml"
    annotation.write_text("<annotation><object><name/></object></annotation>")
    whole = config("voc2007", tmp_path, images=None)
    with pytest.raises(DataError, match=r"Annotations/train0\.xml: an object has no name"):
        dataset_params(whole)
    whole["reading"]["unreadable"] = "skip"
    task = open_task("voc2007", dataset_params(whole), whole["store"])
    assert task.class_names == ("cat", "dog")
    assert task.counts() == {"classes": 2, "train": 7, "val": 6, "test": 6}


def test_a_split_of_voc_without_an_image_of_one_class_is_refused_and_not_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LAYOUTS["voc2007"](tmp_path / "data", monkeypatch)
    for annotation in (tmp_path / "data" / "VOCdevkit" / "VOC2007" / "Annotations").glob("test*.xml"):
        annotation.write_text("<a><object><name>cat</name></object><object><name>dog</name></object></a>")
    with pytest.raises(DataError, match="no image of a class is in the given split test; add images, or leave it out"):
        dataset_params(config("voc2007", tmp_path, images=None))


def test_pixels_of_cifar_are_those_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LAYOUTS["cifar10"](tmp_path / "data", monkeypatch)
    whole = config("cifar10", tmp_path, images=None)
    task = open_task("cifar10", dataset_params(whole), whole["store"])
    original = datasets.CIFAR10(tmp_path / "data", train=False).data
    np.testing.assert_array_equal(task.part("test")[0], original)


def test_a_changed_cifar_file_is_never_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, injected: Injected
) -> None:
    LAYOUTS["cifar10"](tmp_path / "data", monkeypatch)
    touched = tmp_path / "touched"
    hostile = pickle.dumps(Touch(str(touched)))
    (tmp_path / "data" / "cifar-10-batches-py" / "data_batch_1").write_bytes(hostile)
    with pytest.raises(DataError, match=r"CIFAR10 is not in .* corrupted"):
        dataset_params(config("cifar10", tmp_path, images=None, download=False))
    assert not touched.exists()
    injected("CIFAR file replaced by a pickle that would run code", 1, "refused by its checksum, never opened")


class Touch:
    """A pickle that makes a file when it is opened."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.path, "w")


@pytest.mark.parametrize(
    ("loader", "error", "message"),
    [
        ({"dataset": "CIFAR11"}, ConfigError, "torchvision .* has no such class"),
        ({"parts": {"train": {"split": "trial"}}}, DataError, "Unknown value 'trial'"),
        ({"parts": {"train": {"colour": "red"}}}, ConfigError, "colour.*it takes root, split"),
        ({"parts": {"every": {"split": "train"}}}, ConfigError, "use train, val, test, or all alone"),
        ({"dataset": "SVHN"}, DataError, "put its files there"),
    ],
)
def test_wrong_torchvision_arguments_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loader: dict[str, object], error: type, message: str
) -> None:
    LAYOUTS["dtd"](tmp_path / "data", monkeypatch)
    with pytest.raises(error, match=message):
        dataset_params(config("dtd", tmp_path, download=False, **loader))


def test_labels_that_are_no_class_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LAYOUTS["voc2007"](tmp_path / "data", monkeypatch)
    parts = {"train": {"year": "2007", "image_set": "train"}, "test": {"year": "2007", "image_set": "test"}}
    with pytest.raises(ConfigError, match="only classes with one number an image"):
        dataset_params(config("aircraft", tmp_path, dataset="VOCDetection", parts=parts))


def test_a_hostile_size_is_refused_where_torchvision_would_decode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, injected: Injected
) -> None:
    """Also in a class that would decode it before one can look."""
    LAYOUTS["pets"](tmp_path / "data", monkeypatch)
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 12 * 16 // 2 - 1)
    with pytest.raises(DataError, match="exceeds limit"):
        dataset_params(config("pets", tmp_path, images=None))
    injected("image of too many pixels in a dataset that torchvision decodes itself", 1, "the dataset is refused")


@pytest.mark.parametrize("name", ["aircraft", "caltech101", "voc2007"])
def test_a_pipe_among_the_files_of_torchvision_is_named_and_not_waited_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LAYOUTS[name](tmp_path / "data", monkeypatch)
    file = next(path for path in sorted((tmp_path / "data").rglob("*")) if path.is_file())
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(DataError, match=f"{file.name} is no ordinary file .*: remove it"):
        dataset_params(config(name, tmp_path, images=None))


def test_where_a_numbered_picture_is_gone_the_last_of_its_class_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torchvision's Caltech101 counts the files of a folder, and takes the numbers from one to their count."""
    LAYOUTS["caltech101"](tmp_path / "data", monkeypatch)
    next((tmp_path / "data").rglob("Faces/image_0005.jpg")).unlink()
    whole = config("caltech101", tmp_path, images=None)
    with pytest.raises(DataError, match=r"image_0005.*|image_0034.*"):
        dataset_params(whole)
    whole["reading"]["unreadable"] = "skip"
    task = open_task("caltech101", dataset_params(whole), whole["store"])
    assert len(task.labels) == 34 + 31 - 2
    found = build({**whole["loader"], "path": whole["path"]})
    assert any("Faces/image_0034.jpg: torchvision numbers the files" in line for line in found.refused)
    assert any("image_0005.jpg" in line for line in found.refused)


def test_a_matlab_file_whose_damage_would_end_the_process_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SciPy's reader is ended by the system over some damaged files; which ones, the random bytes below find."""
    LAYOUTS["cars"](tmp_path / "data", monkeypatch)
    file = next((tmp_path / "data").rglob("cars_meta.mat"))
    whole = file.read_bytes()
    read = (
        "import sys, numpy; from scipy.io import loadmat\n"
        "whole = open(sys.argv[1], 'rb').read(); rng = numpy.random.default_rng(0)\n"
        "for _ in range(20000):\n"
        "    some = bytearray(whole); some[rng.integers(128, len(some))] = rng.integers(256)\n"
        "    open(sys.argv[1], 'wb').write(some)\n"
        "    try: loadmat(sys.argv[1], squeeze_me=True)\n"
        "    except Exception: pass\n"
    )
    if subprocess.run([sys.executable, "-c", read, file], capture_output=True, check=False).returncode >= 0:
        pytest.skip("this SciPy dies of none of them")
    assert file.read_bytes() != whole
    with pytest.raises(DataError, match=r"cars_meta\.mat is damaged: SciPy cannot read it and dies"):
        dataset_params(config("cars", tmp_path, images=None))
