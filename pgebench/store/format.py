"""The format of a store: which layout and which locks all who share it use."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from pgebench.core.errors import ConfigError, StoreError
from pgebench.core.files import write_atomically
from pgebench.core.locks import FORMAT_FILE, KINDS, kind_of
from pgebench.store.store import Store

FORMAT = 1
"""Version of the layout of a store. Raised when a store of before cannot be read any more."""


def open_store(root: Path, lock: str = "auto", create: bool = False) -> Store:
    """The store in a folder, if this version can work with it.

    Args:
        root: the folder.
        lock: ``auto`` takes the locks that the store is used with already, or those that fit its file system.
        create: write down format and locks if the store has none yet; without, nothing is written.

    Returns:
        The store.

    Raises:
        StoreError: the store has another format, or cannot be written.
        ConfigError: the store is used with other locks than ``lock``.
    """
    file = Path(root) / FORMAT_FILE
    written = _read_format(file)
    if written is None:
        # A store without the file is new, or of a version that wrote none: the layout is that of format 1.
        written = {"format": FORMAT, "lock": kind_of(lock, Path(root))}
        if create:
            _write_once(file, json.dumps(written).encode())
            written = _read_format(file) or written
    if written["format"] != FORMAT:
        raise StoreError(
            f"store={root} has format {written['format']}, this version of pgebench reads format {FORMAT}. "
            "Give another folder with store=DIR, or use the version that wrote it."
        )
    if lock not in ("auto", written["lock"]):
        kind_of(lock, Path(root))
        raise ConfigError(
            f"lock={lock}: store={root} is used with lock={written['lock']}, and all who share a store must use the "
            f"same. When nobody uses it, delete {file} and run the same command again."
        )
    return Store(Path(root), written["lock"])


def _read_format(file: Path) -> dict[str, Any] | None:
    try:
        written = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"cannot read {file} ({error}); delete it if nobody uses the store") from error
    known = isinstance(written, dict) and (written.get("lock") in KINDS or written.get("format", FORMAT) != FORMAT)
    if not known:
        raise StoreError(f"{file} is not what pgebench writes; delete it if nobody uses the store")
    return written


def _write_once(file: Path, content: bytes) -> None:
    """Write a file whole, unless another process was first."""
    own = file.with_name(f"{file.name}.{uuid.uuid4().hex}")
    write_atomically(own, content)
    try:
        file.hardlink_to(own)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        if not file.exists():
            own.replace(file)
    finally:
        own.unlink(missing_ok=True)
