"""The folders of the walk."""

import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from pgebench import embedded

here = Path(sys.argv[1])
pack = embedded.load("fashion")
for label, name in enumerate(pack.class_names):
    rows = np.flatnonzero(pack.labels == label)[:200]
    folder = here / "clothes" / name.replace("/", "-")
    folder.mkdir(parents=True)
    for number, row in enumerate(rows):
        Image.fromarray(pack.images[row]).save(folder / f"{number:03d}.png")
heap = here / "heap"
heap.mkdir()
for file in sorted((here / "clothes").glob("*/0[0-4]*.png")):
    (heap / f"{file.parent.name}_{file.name}").write_bytes(file.read_bytes())
ANIMALS = {243, 129, 99, 251, 22, 317, 305}
with zipfile.ZipFile(next(Path(sys.argv[2]).glob("foolbox*.whl"))) as wheel:
    for name in wheel.namelist():
        if "imagenet_" in name:
            label = int(Path(name).stem.split("_")[-1])
            folder = here / "photographs" / ("animals" if label in ANIMALS else "things")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / Path(name).name).write_bytes(wheel.read(name))
sizes = [Image.open(file).size for file in (here / "photographs").rglob("*.jpg")]
print(len(sizes), min(sizes), max(sizes), pack.images.shape, pack.images.dtype)
