"""What the pages of PGE's studies have in common: how they say what made them, and how they become files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from matplotlib.figure import Figure

from pgebench.core.figures import png, svg
from pgebench.core.files import write_atomically


def rendered(template: str, meta: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """A page.

    Args:
        template: Name of a file beside this one.
        meta: ``command``, ``versions`` and ``machine``; the page is given the versions in words too.
        context: What else the template asks for.

    Returns:
        The text.
    """
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, autoescape=False)
    words = ", ".join(f"{name} {version}" for name, version in sorted(meta["versions"].items()))
    return environment.get_template(template).render(meta=meta, versions=words, **context) + "\n"


def write_figure(folder: Path, name: str, figure: Figure) -> None:
    """Write a figure as a picture and as a drawing.

    Args:
        folder: Where.
        name: Of the files, without their ends.
        figure: The figure.

    Raises:
        StoreError: The folder cannot be written.
    """
    write_atomically(folder / f"{name}.png", png(figure))
    write_atomically(folder / f"{name}.svg", svg(figure))
