"""What a file that cannot be read as weights is instead, by its first bytes: for the message that refuses it."""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
from pathlib import Path

LEGACY = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
"""How a file of ``torch.save`` from before 1.6 begins, after two bytes: the pickle of a number that says so."""

_AGAIN = "download it anew"
_CONVERT = "convert it to safetensors"
_BEGINNINGS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file it stands for; fetch it with git lfs pull"),
    (b"\x1f\x8b", "compressed by gzip; unpack it"),
    (b"\xfd7zXZ", "compressed by xz; unpack it"),
    (b"BZh", "compressed by bzip2; unpack it"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd; unpack it"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it"),
    (b"Rar!", "a RAR archive; unpack it"),
    (b"\x89HDF", f"an HDF5 file, as Keras writes it; {_CONVERT}"),
    (b"\x93NUMPY", f"an array of numpy; {_CONVERT}"),
    (b"GGUF", f"a GGUF file, whose weights are quantised; {_CONVERT}"),
    (b"%PDF", f"a PDF document; {_AGAIN}"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)
_TENSORFLOW = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
"""How the index of a TensorFlow checkpoint ends."""

_SHOWN = 60


def looks_like(path: Path) -> str | None:
    """What a file is if not weights, and what to do; None if it may hold some.

    Args:
        path: of a file that can be read.

    Returns:
        The end of a sentence that begins with "it is".
    """
    size = path.stat().st_size
    if size == 0:
        return f"an empty file; {_AGAIN}"
    with path.open("rb") as file:
        head = file.read(1024)
        file.seek(max(0, size - len(_TENSORFLOW)))
        tail = file.read()
    for beginning, what in _BEGINNINGS:
        if head.startswith(beginning):
            return what
    if head.startswith(b"PK"):
        return _zip(path)
    if head[3:9] == b"\0\0\0\0\0{":  # a safetensors header, whatever its length spells
        return None
    if tail == _TENSORFLOW or re.search(r"\.(pb|data-\d+-of-\d+)$", path.name):
        return f"part of a TensorFlow checkpoint; {_CONVERT}"
    if path.suffix.lower() == ".onnx" or re.match(rb"\x08[\x01-\x14]\x12.[\w. -]+", head, re.DOTALL):
        return f"an ONNX graph; {_CONVERT}"
    if path.suffix.lower() == ".msgpack" or re.match(rb"[\x81-\x8f][\xa1-\xbf\xd9]", head):
        return f"a msgpack file, as Flax writes it; {_CONVERT}"
    if tarfile.is_tarfile(path):
        return "a tar archive; unpack it"
    if re.match(rb"\x80[\x00-\x05]", head) and LEGACY not in head[:20]:
        return "a plain pickle, which could run code and is not read; have torch.save write the state dict"
    return _text(head, path)


def _zip(path: Path) -> str | None:
    """What kind of zip archive a file is; None for one of ``torch.save``."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return f"a zip archive, as torch.save writes it, that is cut off or damaged; {_AGAIN}"
    inside = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inside:
        return "a TorchScript program, not a state dict; save the state dict of its module with torch.save"
    if "data.pkl" in inside:
        return None
    if any(name.endswith(".npy") for name in names):
        return f"an .npz file of numpy; {_CONVERT}"
    if "model.weights.h5" in names:
        return f"a Keras model; {_CONVERT}"
    return "a zip archive that torch.save did not write; unpack it"


def _text(head: bytes, path: Path) -> str | None:
    """What kind of text a file is; None if it is none."""
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # not a character that the end of what was read cuts in two
            return None
        text = head[: error.start].decode()
    text = text.lstrip()
    if not text or not all(sign.isprintable() or sign.isspace() for sign in text):
        return None
    if re.match(r"<(!doctype|html|\?xml|head|body|script)", text, re.IGNORECASE):
        return f"an HTML page under the name of a weight file: a server's answer, not the file; {_AGAIN}"
    line = " ".join(text.split())[:_SHOWN]
    if text.startswith(("{", "[")):
        try:
            json.loads(path.read_bytes())
        except ValueError:
            return f"text that begins with {line!r}; {_AGAIN}"
        return f"JSON that begins with {line!r}, such as a server's answer, not the file; {_AGAIN}"
    return f"text that begins with {line!r}; {_AGAIN}"
