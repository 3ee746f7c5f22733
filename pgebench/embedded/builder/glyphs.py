"""The glyphs task: capital letters rendered from font files."""

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from pgebench.embedded.builder.dedup import components, standardised
from pgebench.embedded.builder.packages import FONTS, fetch, unpack
from pgebench.embedded.builder.pixels import GREY_SIZE
from pgebench.embedded.builder.raw import Raw

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Rendered large, then reduced: hinting plays no part and the edges are anti-aliased.
POINTS = 160
BOX = 24
# Symbol, keyboard-key and ornamented-initial fonts draw something else where the letters should be.
NOT_LETTERS = frozenset({"D050000L", "StandardSymbolsPS", "LinBiolinum_K", "LinLibertine_I"})
# Cut by URW for the same typewriter face; too unlike in weight for the comparison of pixels to find out.
SAME_DESIGN = {"Nimbus Mono PS": "TeX Gyre Cursor"}
# Two fonts whose thumbnails correlate above this in half of the letters are taken for copies of one design.
CLONE_CORRELATION = 0.99
CLONE_LETTERS = 13
_STYLE = re.compile(
    r"\b(Thin|Hairline|Light|Extra ?Light|Regular|Book|Medium|Semibold|Demi|Bold|Extra ?bold|Heavy|Black"
    r"|Condensed|Cond|Narrow|Cn|Italic|Oblique|Upright|Slanted|Display|Initials|Extra"
    r"|Classical|Variable Width|O|Z)\b",
    re.IGNORECASE,
)


def glyphs(work: Path) -> Raw:
    """Render A to Z in every font of the font packages, white on black."""
    files = [path for package in FONTS for path in _font_files(unpack(fetch(package, work)))]
    images, labels, families = [], [], []
    for path in sorted(files, key=lambda file: file.name):
        font = ImageFont.truetype(path, POINTS, layout_engine=ImageFont.Layout.BASIC)
        drawn = [render_letter(font, letter) for letter in LETTERS]
        name = family(str(font.getname()[0]))
        for label, image in enumerate(drawn):
            images.append(image)
            labels.append(label)
            families.append(name)
    stack = np.stack(images)
    groups = join_clones(stack, families)
    names = sorted(set(groups.values()))
    joined = ["/".join(sorted(f for f, g in groups.items() if g == name)) for name in names]
    notes = (
        f"{len(files)} fonts of {len(groups)} families; left out as no letters: {', '.join(sorted(NOT_LETTERS))}.",
        f"Each letter scaled to {BOX} pixels at its longest, centred on {GREY_SIZE}x{GREY_SIZE}, white on black.",
        f"Families joined where two fonts look alike (thumbnails correlate above {CLONE_CORRELATION} in at least "
        f"{CLONE_LETTERS} letters), {len(names)} groups: {', '.join(joined)}.",
    )
    numbers = np.array([names.index(groups[name]) for name in families], np.int64)
    return Raw(stack, np.array(labels, np.int64), tuple(LETTERS), numbers, notes)


def family(name: str) -> str:
    """Strip weight, width and slant from a font's family name.

    >>> family("Lato Semibold"), family("Liberation Sans Narrow"), family("DejaVu Sans Mono")
    ('Lato', 'Liberation Sans', 'DejaVu Sans Mono')
    """
    return " ".join(_STYLE.sub(" ", name).split())


def join_clones(images: npt.NDArray[np.uint8], families: list[str]) -> dict[str, str]:
    """Find families that are copies of one design, such as Nimbus Sans, TeX Gyre Heros and FreeSans.

    Args:
        images: uint8, (fonts * 26, 32, 32), A to Z of one font after another.
        families: the family of each image.

    Returns:
        For each family the name of its group, which is its first family.
    """
    fonts = len(images) // len(LETTERS)
    looks = standardised(images).reshape(fonts, len(LETTERS), -1)
    alike = np.einsum("flp,glp->fgl", looks, looks, optimize=True) > CLONE_CORRELATION
    names = sorted(set(families))
    of_font = np.array([names.index(name) for name in families[:: len(LETTERS)]])
    first, second = np.nonzero(alike.sum(axis=2) >= CLONE_LETTERS)
    known = [(names.index(a), names.index(b)) for a, b in SAME_DESIGN.items() if a in names and b in names]
    pairs = np.concatenate([np.stack([of_font[first], of_font[second]], axis=1), np.reshape(known, (-1, 2))])
    groups = components(len(names), pairs.astype(np.int64))
    return {name: names[int(np.argmax(groups == group))] for name, group in zip(names, groups, strict=True)}


def render_letter(font: ImageFont.FreeTypeFont, letter: str) -> npt.NDArray[np.uint8]:
    """Render one letter.

    Args:
        font: at `POINTS` pixels per em.
        letter: one character.

    Returns:
        uint8, (32, 32), white on black.
    """
    left, top, right, bottom = (round(edge) for edge in font.getbbox(letter))
    canvas = Image.new("L", (right - left + 8, bottom - top + 8))
    ImageDraw.Draw(canvas).text((4 - left, 4 - top), letter, fill=255, font=font)
    ink = canvas.crop(canvas.getbbox())
    scale = BOX / max(ink.size)
    size = (max(1, round(ink.width * scale)), max(1, round(ink.height * scale)))
    small = ink.resize(size, Image.Resampling.BICUBIC)
    image = Image.new("L", (GREY_SIZE, GREY_SIZE))
    image.paste(small, ((GREY_SIZE - size[0]) // 2, (GREY_SIZE - size[1]) // 2))
    return np.asarray(image)


def _font_files(folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.suffix in {".ttf", ".otf"} and not path.is_symlink()]
    return [path for path in files if path.stem not in NOT_LETTERS]
