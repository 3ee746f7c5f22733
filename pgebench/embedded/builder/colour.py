"""The colour tasks: clipart and emoji."""

import json
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from pgebench.embedded.builder.packages import PACKAGES, fetch, unpack
from pgebench.embedded.builder.pixels import LEVELS, on_white
from pgebench.embedded.builder.raw import SEED, Raw, no_families

CLIPART_CLASSES = 10
CLIPART_CAP = 300
# `unsorted` is a pile, not a subject; `shapes` is 1,582 computer-drawn rings and rays that differ in a line width, so
# that five in six of a draw are near duplicates of each other.
CLIPART_SKIP = frozenset({"unsorted", "shapes"})
# Longest side in pixels; one poster is 29,700 wide and would take gigabytes.
LONGEST_SIDE = 4000
EMOJI_MINIMUM = 50


def clipart(work: Path) -> Raw:
    """Read Open Clip Art: the ten categories with the most files, at most 300 distinct images each."""
    root = unpack(fetch(PACKAGES["clipart"][0], work)) / "usr/share/openclipart/png"
    # Symlinks cross categories: the same picture would carry two labels.
    files = {
        folder.name: sorted(path for path in folder.rglob("*.png") if path.is_file() and not path.is_symlink())
        for folder in sorted(root.iterdir())
        if folder.is_dir() and not folder.is_symlink() and folder.name not in CLIPART_SKIP
    }
    largest = sorted(files, key=lambda name: (-len(files[name]), name))[:CLIPART_CLASSES]
    names = tuple(sorted(largest))
    images: list[npt.NDArray[np.uint8]] = []
    labels: list[int] = []
    skipped = 0
    for label, name in enumerate(names):
        rng = np.random.default_rng([SEED, label])
        seen: set[bytes] = set()
        for index in rng.permutation(len(files[name])):
            if len(seen) == CLIPART_CAP:
                break
            image = _picture(files[name][index], trim=True)
            if image is None:
                skipped += 1
            elif image.tobytes() not in seen:
                seen.add(image.tobytes())
                images.append(image)
                labels.append(label)
    skip = " and ".join(sorted(CLIPART_SKIP))
    notes = (
        f"The {CLIPART_CLASSES} categories with the most files that are not symlinks ({skip} left out), "
        f"at most {CLIPART_CAP} distinct images each, drawn with seed {SEED}.",
        f"{skipped} files met on the way were skipped: not decodable, blank, or over {LONGEST_SIDE} px.",
        "Transparency composited on white, white margins cut off, padded to a square with white, "
        f"resized to 48x48 (bicubic), each channel rounded to {LEVELS} levels so that the file stays small.",
    )
    return Raw(np.stack(images), np.array(labels, np.int64), names, no_families(len(labels)), notes)


def emoji(work: Path) -> Raw:
    """Read the base emoji of the Noto set; a class is a Unicode category."""
    prefixes = ("package/emoji.json", "package/img/google/64/")
    root = unpack(fetch(PACKAGES["emoji"][0], work), prefixes) / "package"
    entries = [entry for entry in json.loads((root / "emoji.json").read_text("utf-8")) if entry["has_img_google"]]
    entries.sort(key=lambda entry: entry["sort_order"])
    counts = {entry["category"]: 0 for entry in entries}
    for entry in entries:
        counts[entry["category"]] += 1
    names = tuple(sorted(name for name, count in counts.items() if count >= EMOJI_MINIMUM))
    dropped = ", ".join(f"{name} ({counts[name]})" for name in sorted(set(counts) - set(names)))
    images, labels, motifs = [], [], []
    for entry in entries:
        if entry["category"] not in names:
            continue
        image = _picture(root / "img/google/64" / entry["image"])
        if image is not None:
            images.append(image)
            labels.append(names.index(entry["category"]))
            motifs.append(motif(entry["unified"]))
    order = {name: number for number, name in enumerate(sorted(set(motifs)))}
    families = np.array([order[name] for name in motifs], np.int64)
    notes = (
        f"Base emoji only, no skin-tone variants; categories under {EMOJI_MINIMUM} dropped: {dropped or 'none'}.",
        f"The gender variants of one motif share a split: {len(order)} motifs.",
        "Transparency composited on white, resized from 64x64 to 48x48 (bicubic), "
        f"each channel rounded to {LEVELS} levels so that the file stays small.",
    )
    return Raw(np.stack(images), np.array(labels, np.int64), names, families, notes)


def motif(unified: str) -> str:
    """Strip gender and presentation from an emoji's code points, so that variants of one picture share a name.

    Args:
        unified: code points in hexadecimal, joined by hyphens.

    >>> motif("1F468-200D-1F680") == motif("1F469-200D-1F680") == motif("1F9D1-200D-1F680")
    True
    >>> motif("1F3C4-200D-2640-FE0F") == motif("1F3C4")
    True
    """
    person = {
        "1F468": "1F9D1",
        "1F469": "1F9D1",
        "1F467": "1F9D2",
        "1F466": "1F9D2",
        "1F474": "1F9D3",
        "1F475": "1F9D3",
    }
    points = [person.get(point, point) for point in unified.split("-")]
    return "-".join(point for point in points if point not in {"200D", "FE0F", "2640", "2642"})


def _picture(path: Path, trim: bool = False) -> npt.NDArray[np.uint8] | None:
    """Decode one picture, or return None when it is broken, huge or blank."""
    with path.open("rb") as file:
        header = file.read(24)
    # The PNG header is read here because Pillow warns of a huge picture, or refuses it, as soon as it opens one.
    if len(header) < 24 or max(struct.unpack(">II", header[16:])) > LONGEST_SIDE:
        return None
    try:
        with Image.open(path) as image:
            pixels = on_white(image, trim)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return None
    return None if (pixels == pixels[0, 0]).all() else pixels
