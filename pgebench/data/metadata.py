"""Encoded pictures without what their pixels do not need, for decoders that give up over a broken text or tag."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

MOST_BYTES = 2**29
"""A larger file is not tried again: it would have to be in memory as a whole."""


def without_metadata(content: Path | bytes) -> Iterator[bytes]:
    """The encoded picture with ever less beside its pixels: first what may turn it is kept, then nothing.

    The bytes that make the pixels stay as they are, so that a picture which is damaged itself remains so.

    Args:
        content: a PNG, JPEG, GIF, TIFF or WebP, whole or damaged; of anything else there is nothing to leave out.

    Yields:
        Encoded pictures of the same format, each different from the one before.
    """
    if isinstance(content, Path):
        if not content.is_file() or content.stat().st_size > MOST_BYTES:
            return
        content = content.read_bytes()
    last = content
    for strip, keep in next((levels for start, levels in _LEVELS.items() if content.startswith(start)), ()):
        try:
            plain = strip(content, keep)
        except (struct.error, IndexError):  # no such structure in it
            continue
        if plain != last:
            yield plain
            last = plain


def _png(content: bytes, keep: frozenset[object]) -> bytes:
    """Critical chunks, whose names begin with a capital letter, and the ancillary ones that are kept."""
    kept, at = [content[:8]], 8
    while at < len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if not name[0] & 0x20 or name in keep:
            kept.append(content[at:end])
        at = end
        if name == b"IEND":
            break
    return b"".join(kept)


def _jpeg(content: bytes, keep: frozenset[object]) -> bytes:
    """All segments but those of applications and comments; Adobe's tells the colours and is always kept."""
    kept, at = [content[:2]], 2
    while at < len(content):
        if content[at] != 0xFF:
            raise IndexError
        marker = content[at + 1]
        if marker == 0xFF:  # fill
            at += 1
            continue
        if marker == 0xDA:  # pixels from here on
            kept.append(content[at:])
            break
        (length,) = struct.unpack_from(">H", content, at + 2)
        beside = marker == 0xFE or (0xE0 <= marker <= 0xEF and marker != 0xEE)
        if not beside or marker in keep:
            kept.append(content[at : at + 2 + length])
        at += 2 + length
    return b"".join(kept)


def _gif(content: bytes, keep: frozenset[object]) -> bytes:
    """Header, colours and the first picture with the extension that makes a colour transparent."""
    at = 13 + (3 * 2 ** ((content[10] & 7) + 1) if content[10] & 0x80 else 0)
    kept = [content[:at]]
    while content[at] == 0x21:
        end = at + 2
        while content[end]:
            end += content[end] + 1
        if content[at + 1] in keep:
            kept.append(content[at : end + 1])
        at = end + 1
    return b"".join([*kept, content[at:]])


def _webp(content: bytes, keep: frozenset[object]) -> bytes:
    """The chunks of pixels; flags of the header that announce others are cleared."""
    kept, at = [], 12
    while at + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, at)
        end = at + 8 + length + length % 2
        if end > len(content) and name in keep:  # truncated, which a new length in the header would hide
            raise IndexError
        chunk = content[at:end]
        if name == b"VP8X":
            told = 0x12 | (0x08 if b"EXIF" in keep else 0)  # animation, alpha, EXIF
            chunk = chunk[:8] + bytes([chunk[8] & told]) + chunk[9:]
        if name in keep:
            kept.append(chunk)
        at = end
    body = b"".join(kept)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _tiff(content: bytes, keep: frozenset[object]) -> bytes:
    """The first directory with the tags of the pixels alone, in its place, so that nothing that tags point to moves."""
    order = "<" if content[:2] == b"II" else ">"
    (version,) = struct.unpack_from(order + "H", content, 2)
    place, offset, count, size = (8, "Q", "Q", 20) if version == 43 else (4, "I", "H", 12)
    (at,) = struct.unpack_from(order + offset, content, place)
    (number,) = struct.unpack_from(order + count, content, at)
    begin = at + struct.calcsize(count)
    entries = [content[start : start + size] for start in range(begin, begin + number * size, size)]
    entries = [entry for entry in entries if struct.unpack_from(order + "H", entry)[0] in keep]
    directory = struct.pack(order + count, len(entries)) + b"".join(entries) + struct.pack(order + offset, 0)
    return content[:at] + directory + content[at + len(directory) :]


_TIFF_PIXELS = frozenset(
    {
        *(254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284),  # size, compression, strips
        *(292, 293, 317, 320, 322, 323, 324, 325, 338, 339),  # fax, predictor, colours, tiles, samples
        *(347, *range(512, 522), 529, 530, 531, 532),  # JPEG and YCbCr
    }
)
_ORIENTATION = 274
_WEBP_PIXELS = frozenset({b"VP8X", b"ANIM", b"ALPH", b"VP8 ", b"VP8L", b"ANMF"})

_Strip = Callable[[bytes, frozenset[object]], bytes]
_TIFF_LEVELS = ((_tiff, _TIFF_PIXELS | {_ORIENTATION}), (_tiff, _TIFF_PIXELS))
_LEVELS: dict[bytes, tuple[tuple[_Strip, frozenset[object]], ...]] = {
    b"\x89PNG\r\n\x1a\n": (
        (_png, frozenset({b"eXIf", b"tRNS"})),
        (_png, frozenset({b"tRNS"})),
        (_png, frozenset()),
    ),
    # JFIF tells the colours too, of pictures that number their channels oddly.
    b"\xff\xd8": ((_jpeg, frozenset({0xE0, 0xE1})), (_jpeg, frozenset({0xE0})), (_jpeg, frozenset())),
    b"GIF8": ((_gif, frozenset({0xF9})), (_gif, frozenset())),
    b"RIFF": ((_webp, _WEBP_PIXELS | {b"EXIF"}), (_webp, _WEBP_PIXELS)),
    b"II": _TIFF_LEVELS,
    b"MM": _TIFF_LEVELS,
}
