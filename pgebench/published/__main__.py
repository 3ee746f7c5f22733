"""``python -m pgebench.published results=DIR``: write the page about all published tables."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from pgebench.core.files import write_atomically
from pgebench.core.say import say
from pgebench.core.terminal import command
from pgebench.core.text import storable


@dataclass(frozen=True)
class PublishedOptions:
    """Write a page about the published tables of accuracies that pgebench has, and what they say of themselves.

    Attributes:
        results: Folder for the page, ``README.md``.

    Examples:
        ``python -m pgebench.published results=results/published``
    """

    results: Path = field(metadata={"shown": "DIR"})


def main() -> None:
    """Read the command line and write ``DIR/README.md``."""
    command("python -m pgebench.published", PublishedOptions, _write_page, sys.argv[1:])


def _write_page(options: PublishedOptions) -> None:
    """Write the page and say where it is.

    Args:
        options: Where.

    Raises:
        StoreError: The folder cannot be written.
    """
    from pgebench.published.page import published_page

    page = options.results / "README.md"
    write_atomically(page, storable(published_page(str(options.results))).encode())
    say(f"Page: {page}")


if __name__ == "__main__":
    main()
