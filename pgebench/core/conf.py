"""The folder of pgebench's own YAML files."""

from __future__ import annotations

from pathlib import Path


def conf_dir() -> Path:
    """The folder of YAML files: beside the package in a checkout, inside it in a wheel.

    Returns:
        The folder that holds ``config.yaml``.

    Raises:
        FileNotFoundError: It is in neither place.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise FileNotFoundError("pgebench's conf/ folder is missing: install the package again")


def names_in(group: str) -> list[str]:
    """What pgebench itself offers in a group of its config.

    Args:
        group: Folder under ``conf/``.

    Returns:
        Names of the YAML files, sorted.

    >>> "finetune" in names_in("truth")
    True
    """
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))
