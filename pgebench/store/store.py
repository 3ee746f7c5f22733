"""The content-addressed store: records and artifacts, written whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from filelock import Timeout
from safetensors import SafetensorError
from safetensors.torch import load, save

from pgebench.core.errors import CorruptArtifact, StoreError
from pgebench.core.files import write_atomically
from pgebench.core.locks import lock_file
from pgebench.core.records import CRASHED, DONE, FAILED, FIELDS, MISSING, RUNNING
from pgebench.store.unit import Unit


class Place(Protocol):
    """What says where a unit is in the store."""

    @property
    def stage(self) -> str:
        """Name of the stage."""

    @property
    def key(self) -> str:
        """The sha256 in hexadecimal."""


class Store:
    """Records (JSON) and artifacts (safetensors) under ``root/<stage>/<2 hex digits>/<key>``.

    Args:
        root: the folder; made on the first write.
        locks: kind of the locks, one of ``pgebench.core.locks.KINDS``. All who share a store must use the same:
            ``open_store`` sees to that.
    """

    def __init__(self, root: Path, locks: str = "flock") -> None:
        self.root = Path(root)
        self.locks = locks

    def path(self, unit: Place, suffix: str) -> Path:
        """The file of a unit with this suffix.

        Args:
            unit: Whose file.
            suffix: With its dot, such as ``.json``.

        Returns:
            Its path, whether or not it is there.
        """
        return Path(self._name(unit, suffix))

    def _name(self, unit: Place, suffix: str) -> str:
        # Tens of thousands of records are read in a row; a Path for each would take longer than the file.
        return f"{self.root}/{unit.stage}/{unit.key[:2]}/{unit.key}{suffix}"

    def record(self, unit: Place) -> dict[str, Any]:
        """The record of a unit; ``{"status": "missing"}`` if there is none that can be read.

        Args:
            unit: Whose record.

        Returns:
            What ``write_record`` was given.
        """
        name = self._name(unit, ".json")
        try:
            with open(name, "rb", buffering=0) as file:  # noqa: PTH123
                record = json.loads(file.read())
        except FileNotFoundError:
            return {"status": MISSING}
        except (ValueError, RecursionError):
            record = None
        if not _is_record(record, unit):
            # A record is small and written atomically: this is a damaged disk or a stranger's hand. The work is
            # cheap compared with a wrong number, so it counts as never done; the file stays for inspection.
            with contextlib.suppress(OSError):
                Path(name).replace(f"{name}.corrupt")
            return {"status": MISSING}
        return record

    def is_done(self, unit: Place) -> bool:
        """Whether the unit's result is there.

        Args:
            unit: Which one.

        Returns:
            True if its record says so.
        """
        return self.record(unit)["status"] == DONE

    def write_record(self, unit: Place, record: Mapping[str, Any]) -> None:
        """Put a record into place.

        Args:
            unit: Whose record.
            record: What JSON can hold.
        """
        write_atomically(self.path(unit, ".json"), json.dumps(record, indent=1, sort_keys=True).encode())

    def forget(self, unit: Unit) -> None:
        """Drop the record of a unit, as if it had never been started.

        Args:
            unit: Which one.
        """
        self.path(unit, ".json").unlink(missing_ok=True)

    def drop(self, unit: Unit) -> None:
        """Remove the result of a unit: the record first, so that nothing is promised that is not there.

        Args:
            unit: Which one.
        """
        with self.lock(unit):
            self.forget(unit)
            self.path(unit, ".safetensors").unlink(missing_ok=True)

    def drop_litter(self, unit: Unit) -> None:
        """Remove files that a process began to write and did not finish; the unit's lock must be held.

        Args:
            unit: Which one.
        """
        for left in self.path(unit, "").parent.glob(f".{unit.key}.*"):
            left.unlink(missing_ok=True)

    def write_artifact(self, unit: Unit, tensors: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        """Put tensors into place; returns what the record must remember of them.

        Args:
            unit: Whose artifact.
            tensors: By name.

        Returns:
            Size and sha256, for the record.
        """
        content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
        write_atomically(self.path(unit, ".safetensors"), content)
        return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}

    def load(self, unit: Unit, record: Mapping[str, Any] | None = None) -> dict[str, torch.Tensor]:
        """The tensors of a unit that is done.

        Args:
            unit: Which one; its record must say that it is done.
            record: That record, if it was read already.

        Returns:
            Tensors by name, on the CPU.

        Raises:
            CorruptArtifact: the file is missing or is not the one that was written. It is moved aside and its
                record dropped, so that the same command computes it again.
        """
        path = self.path(unit, ".safetensors")
        expected = (self.record(unit) if record is None else record).get("artifact", {}).get("sha256")
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            content = b""
        if expected is not None and hashlib.sha256(content).hexdigest() == expected:
            with contextlib.suppress(SafetensorError):
                return load(content)
        try:
            if path.exists():
                path.replace(path.with_suffix(".safetensors.corrupt"))
            self.forget(unit)
            remedy = "It was set aside; run the same command again to compute it anew."
        except OSError as error:
            remedy = f"It cannot be set aside ({error.strerror}): give a folder that can be written with store=DIR."
        raise CorruptArtifact(
            f"the artifact of {unit} ({path}) is missing or damaged (sha256 differs from its record). {remedy}"
        )

    def write_progress(self, unit: Unit, tensors: Mapping[str, torch.Tensor]) -> None:
        """Keep how far a unit has come, for an attempt after this one.

        Args:
            unit: Which one.
            tensors: By name.
        """
        content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
        write_atomically(self.path(unit, ".progress"), hashlib.sha256(content).digest() + content)

    def load_progress(self, unit: Unit) -> dict[str, torch.Tensor]:
        """How far an earlier attempt has come; empty if there was none, or if what it left is damaged.

        Args:
            unit: Which one.

        Returns:
            Tensors by name.
        """
        with contextlib.suppress(OSError, SafetensorError):
            written = self.path(unit, ".progress").read_bytes()
            checksum, content = written[:32], written[32:]
            if hashlib.sha256(content).digest() == checksum:
                return load(content)
        return {}

    def drop_progress(self, unit: Unit) -> None:
        """Forget how far a unit has come; its result is there.

        Args:
            unit: Which one.
        """
        self.path(unit, ".progress").unlink(missing_ok=True)

    @contextlib.contextmanager
    def lock(self, unit: Place, timeout: float = -1) -> Iterator[bool]:
        """Hold the unit's lock; yields False if another process kept it for ``timeout`` seconds.

        Args:
            unit: Which one.
            timeout: Seconds to wait; negative to wait for ever.

        Yields:
            Whether the lock is held.

        Raises:
            StoreError: There can be no lock in this folder.
        """
        path = self.root / "locks" / f"{unit.key}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = lock_file(path, self.locks)
            try:
                lock.acquire(timeout=timeout)
            except Timeout:
                yield False
                return
        except OSError as error:
            raise StoreError(
                f"cannot lock {path}: {error.strerror or error}. Give a folder that can be written with store=DIR; "
                "if its file system knows no flock, lock=soft."
            ) from error
        try:
            yield True
        finally:
            lock.release()


def _is_record(record: Any, unit: Place) -> bool:
    """Whether what was read can be the record of this unit."""
    if not isinstance(record, dict) or record.get("status") not in (DONE, FAILED, CRASHED, RUNNING):
        return False
    for name, value in record.items():
        if name in FIELDS:
            if not isinstance(value, FIELDS[name]):
                return False
            # JSON knows integers of any size, and Python reads NaN; the columns of the table do not.
            if isinstance(value, float | int) and not abs(value) < 2**63:
                return False
    return record.get("key") in (None, unit.key)
