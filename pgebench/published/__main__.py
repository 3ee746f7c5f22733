"""``python -m pgebench.published results=DIR``: write the page about all published tables."""

from __future__ import annotations

import sys
from pathlib import Path

from pgebench.core.errors import PgebenchError
from pgebench.core.files import write_atomically
from pgebench.published.page import markdown


def main() -> None:
    """Read the command line and write ``DIR/README.md``."""
    values = dict(argument.partition("=")[::2] for argument in sys.argv[1:])
    if set(values) != {"results"} or not values["results"]:
        raise SystemExit("usage: python -m pgebench.published results=DIR, for example results=results/published")
    page = Path(values["results"]) / "README.md"
    try:
        write_atomically(page, markdown(values["results"]).encode())
    except PgebenchError as error:
        raise SystemExit(f"pgebench.published: error: {error}") from error
    print(f"Page: {page}")


if __name__ == "__main__":
    main()
