"""``python docs/api.py FOLDER``: HTML pages from the docstrings, with the README as the start page (``make api``)."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pdoc
from pdoc import render, render_helpers

ROOT = Path(__file__).parents[1]

MODULES: dict[str, tuple[str, ...]] = {
    "baselines": (),
    "pgebench.pge": ("controls", "gradients"),
    "pgebench.analysis": (
        "table",
        "league",
        "correlation",
        "selection",
        "quality",
        "bootstrap",
        "chance",
        "pairs",
        "ceiling",
        "decompose",
        "static_ranker",
        "composites",
        "gain",
        "stability",
        "question",
        "answers",
        "cost",
        "cost_curve",
        "embedding",
    ),
    "pgebench.report": (),
    "pgebench.published": ("records", "compare", "bounds"),
    "pgebench.ranking": ("command", "request", "sketch", "standing"),
    "pgebench.embedded": (),
    "pgebench.data": (
        "folder",
        "npz",
        "parquet",
        "torchvision",
        "voc",
        "hugging_face",
        "listing",
        "reading",
        "read",
    ),
    "pgebench.stages": ("base", "checkpoint", "gradient", "evidence", "fisher", "score", "truth"),
    "pgebench.config": (),
    "pgebench.core.identity": (),
    "pgebench.store": ("store", "unit"),
    "pgebench.core.errors": (),
}
"""What a researcher or a contributor calls; a package's modules are shown where they are named here."""

TEXTS = {"index": "README.md", "contributing": "CONTRIBUTING.md"}
"""Pages that are no module, with the file in the root of the repository that is their text."""


def modules() -> list[str]:
    """Names of the modules that have a page, in the order of the menu."""
    return [name for package, parts in MODULES.items() for name in (package, *(f"{package}.{part}" for part in parts))]


def build(folder: Path) -> None:
    """Write all pages.

    Args:
        folder: Where ``index.html`` shall be; links of the README lead from there to the files of this repository.
    """
    render.configure(
        docformat="google",
        include_undocumented=False,
        template_directory=Path(__file__).parent / "templates",
        footer_text="pgebench",
    )
    render.env.globals |= {
        "menu": [(package, [f"{package}.{part}" for part in parts]) for package, parts in MODULES.items()],
        "summaries": {name: _summary(name) for name in modules()},
        "text": _html("index", folder),
    }
    pdoc.pdoc(*_specifications(), output_directory=folder)
    documented = {name: pdoc.doc.Module(importlib.import_module(name)) for name in modules()}
    for page in TEXTS.keys() - {"index"}:
        render.env.globals["text"] = _html(page, folder)
        (folder / f"{page}.html").write_text(render.html_index(documented), encoding="utf-8")


def _specifications() -> Iterator[str]:
    """The modules, in pdoc's words: it takes a package with all that is in it, unless that is excluded again."""
    for package, parts in MODULES.items():
        yield from (package, rf"!{re.escape(package)}\.", *(f"{package}.{part}" for part in parts))


def _summary(name: str) -> str:
    """The first sentence of a module's docstring."""
    lines = (importlib.import_module(name).__doc__ or "").split("\n\n")[0]
    return " ".join(lines.split()).partition(": ")[0].rstrip(".").replace("``", "").replace("`", "")


def _html(page: str, folder: Path) -> str:
    """A text as HTML, with the anchors and the links that it has on a forge."""
    html = render_helpers.to_html((ROOT / TEXTS[page]).read_text(encoding="utf-8"))
    html = re.sub(r'<h(\d) id="[^"]*">(.*?)</h\1>', _with_anchor, html)
    return re.sub(r'(href|src)="([^"]+)"', lambda match: f'{match[1]}="{_from(folder, match[2])}"', html)


def _with_anchor(heading: re.Match[str]) -> str:
    words = re.sub(r"<[^>]+>|&\w+;", "", heading[2]).lower()
    anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
    return f'<h{heading[1]} id="{anchor}">{heading[2]}</h{heading[1]}>'


def _from(folder: Path, link: str) -> str:
    """A link of a text in the root of the repository, as it is from ``folder``."""
    if re.match(r"\w+:|#", link):
        return link
    for page, text in TEXTS.items():
        if link == text:
            return f"{page}.html"
    twin = Path(link).with_suffix(".html")
    if link.endswith(".md") and (ROOT / twin).is_file():
        link = str(twin)
    return os.path.relpath(ROOT / link, folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python docs/api.py FOLDER, for example python docs/api.py build/api")
    build(Path(sys.argv[1]).resolve())
    print(f"Pages: {Path(sys.argv[1]) / 'index.html'}")
