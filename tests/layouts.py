"""The field's eleven datasets in small: files as torchvision lays them out, with random pictures."""

from __future__ import annotations

import hashlib
import itertools
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from photos import write
from scipy.io import savemat
from torchvision import datasets

RANDOM = np.random.default_rng(0)


def picture(path: Path) -> None:
    write(path, RANDOM.integers(0, 255, (12, 16, 3), dtype=np.uint8))


def lines(path: Path, text: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(text) + "\n")


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def aircraft(root: Path, _: pytest.MonkeyPatch) -> None:
    data = root / "fgvc-aircraft-2013b" / "data"
    lines(data / "variants.txt", ["707-320", "Falcon 900"])
    for part, number in (("train", 3), ("val", 2), ("test", 4)):
        rows = [f"{part}{row:03d} {name}" for row in range(number) for name in ("707-320", "Falcon 900")]
        rows = [row.replace(" ", f"{index} ", 1) for index, row in enumerate(rows)]
        lines(data / f"images_variant_{part}.txt", rows)
        for row in rows:
            picture(data / "images" / f"{row.split(' ', 1)[0]}.jpg")


def caltech101(root: Path, _: pytest.MonkeyPatch) -> None:
    folder = root / "caltech101" / "101_ObjectCategories"
    for name, number in (("Faces", 34), ("anchor", 31), ("BACKGROUND_Google", 2)):
        for row in range(number):
            picture(folder / name / f"image_{row + 1:04d}.jpg")


def cars(root: Path, _: pytest.MonkeyPatch) -> None:
    folder = root / "stanford_cars"
    (folder / "devkit").mkdir(parents=True)
    savemat(folder / "devkit" / "cars_meta.mat", {"class_names": np.array(["Audi A", "BMW 1"], dtype=object)})
    for part, number, file in (
        ("train", 8, "devkit/cars_train_annos.mat"),
        ("test", 6, "cars_test_annos_withlabels.mat"),
    ):
        kind = [("class", "u1"), ("fname", "O")]
        rows = np.array([(row % 2 + 1, f"{row:05d}.jpg") for row in range(number)], dtype=kind)
        savemat(folder / file, {"annotations": rows})
        for row in rows:
            picture(folder / f"cars_{part}" / row["fname"])


def cifar(root: Path, monkeypatch: pytest.MonkeyPatch, opener: type, label: str, names: list[str]) -> None:
    folder = root / opener.base_folder
    folder.mkdir(parents=True)

    def dump(name: str, content: object) -> list[str]:
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, md5(folder / name)]

    def batch(name: str) -> list[str]:
        pixels = RANDOM.integers(0, 255, (10, 3072), dtype=np.uint8)
        return dump(name, {"data": pixels, label: [0, 1] * 5})

    monkeypatch.setattr(opener, "train_list", [batch(name) for name, _ in opener.train_list])
    monkeypatch.setattr(opener, "test_list", [batch(name) for name, _ in opener.test_list])
    meta = dict(opener.meta)
    meta["md5"] = dump(meta["filename"], {meta["key"]: names})[1]
    monkeypatch.setattr(opener, "meta", meta)


def cifar10(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cifar(root, monkeypatch, datasets.CIFAR10, "labels", ["airplane", "automobile"])


def cifar100(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cifar(root, monkeypatch, datasets.CIFAR100, "fine_labels", ["apple", "aquarium_fish"])


def dtd(root: Path, _: pytest.MonkeyPatch) -> None:
    folder = root / "dtd" / "dtd"
    for part in ("train", "val", "test"):
        rows = [f"{name}/{name}_{part}{row}.jpg" for name in ("banded", "dotted") for row in range(3)]
        lines(folder / "labels" / f"{part}1.txt", rows)
        for row in rows:
            picture(folder / "images" / row)


def flowers(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = root / "flowers-102"
    for row in range(1, 19):
        picture(folder / "jpg" / f"image_{row:05d}.jpg")
    savemat(folder / "imagelabels.mat", {"labels": np.arange(18) % 2 + 1})
    ids = np.arange(1, 19)
    savemat(folder / "setid.mat", {"trnid": ids[:6], "valid": ids[6:10], "tstid": ids[10:]})
    known = datasets.Flowers102._file_dict
    small = {key: (known[key][0], md5(folder / known[key][0])) for key in ("label", "setid")}
    monkeypatch.setattr(datasets.Flowers102, "_file_dict", known | small)


def food(root: Path, _: pytest.MonkeyPatch) -> None:
    folder = root / "food-101"
    for part, number in (("train", 5), ("test", 2)):
        rows = {name: [f"{name}/{part}{row}" for row in range(number)] for name in ("apple_pie", "waffles")}
        lines(folder / "meta" / f"{part}.json", [json.dumps(rows)])
        for row in itertools.chain(*rows.values()):
            picture(folder / "images" / f"{row}.jpg")


def pets(root: Path, _: pytest.MonkeyPatch) -> None:
    folder = root / "oxford-iiit-pet"
    for part, number in (("trainval", 5), ("test", 3)):
        rows = [
            f"{name}_{part}{row} {label} 1 1"
            for label, name in ((1, "Abyssinian"), (2, "beagle"))
            for row in range(number)
        ]
        lines(folder / "annotations" / f"{part}.txt", rows)
        for row in rows:
            picture(folder / "images" / f"{row.split()[0]}.jpg")


def sun397(root: Path, _: pytest.MonkeyPatch) -> None:
    folder = root / "SUN397"
    lines(folder / "ClassName.txt", ["/a/abbey", "/c/church/indoor"])
    for name, number in (("a/abbey", 110), ("c/church/indoor", 104)):
        for row in range(number):
            picture(folder / name / f"sun_{row:03d}.jpg")


def voc2007(root: Path, _: pytest.MonkeyPatch) -> None:
    folder = root / "VOCdevkit" / "VOC2007"
    for part, number in (("train", 4), ("val", 3), ("test", 3)):
        shown = [["cat"] * (row + 1) for row in range(number)] + [["dog"]] * number + [["cat", "dog"]]
        lines(folder / "ImageSets" / "Main" / f"{part}.txt", [f"{part}{row}" for row in range(len(shown))])
        for row, names in enumerate(shown):
            objects = "".join(f"<object><name>{name}</name><part><name>head</name></part></object>" for name in names)
            lines(folder / "Annotations" / f"{part}{row}.xml", [f"<annotation>{objects}</annotation>"])
            picture(folder / "JPEGImages" / f"{part}{row}.jpg")


LAYOUTS: dict[str, Callable[[Path, pytest.MonkeyPatch], None]] = {
    one.__name__: one
    for one in (aircraft, caltech101, cars, cifar10, cifar100, dtd, flowers, food, pets, sun397, voc2007)
}
