"""The content-addressed store: records and artifacts, written whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors.torch import load, save

from pgebench.errors import CorruptArtifact, StoreError
from pgebench.unit import Unit

DONE, FAILED, CRASHED, RUNNING, MISSING = "done", "failed", "crashed", "running", "missing"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, whatever happens in between.

    Raises:
        StoreError: the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}. "
            "Give a folder that can be written with results=DIR (and store=DIR)."
        ) from error


class Store:
    """Records (JSON) and artifacts (safetensors) under ``root/<stage>/<2 hex digits>/<key>``.

    Args:
        root: the folder; made on the first write.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def path(self, unit: Unit, suffix: str) -> Path:
        """The file of a unit with this suffix."""
        return self.root / unit.stage / unit.key[:2] / f"{unit.key}{suffix}"

    def record(self, unit: Unit) -> dict[str, Any]:
        """The record of a unit; ``{"status": "missing"}`` if there is none that can be read."""
        path = self.path(unit, ".json")
        try:
            record = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {"status": MISSING}
        except (json.JSONDecodeError, UnicodeDecodeError):
            # A record is small and written atomically: this is a damaged disk or a stranger's hand. The work is
            # cheap compared with a wrong number, so it counts as never done; the file stays for inspection.
            path.replace(path.with_suffix(".json.corrupt"))
            return {"status": MISSING}
        return record if isinstance(record, dict) and "status" in record else {"status": MISSING}

    def is_done(self, unit: Unit) -> bool:
        """Whether the unit's result is there."""
        return self.record(unit)["status"] == DONE

    def write_record(self, unit: Unit, record: Mapping[str, Any]) -> None:
        """Put a record into place."""
        write_atomically(self.path(unit, ".json"), json.dumps(record, indent=1, sort_keys=True).encode())

    def forget(self, unit: Unit) -> None:
        """Drop the record of a unit, as if it had never been started."""
        self.path(unit, ".json").unlink(missing_ok=True)

    def write_artifact(self, unit: Unit, tensors: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        """Put tensors into place; returns what the record must remember of them."""
        content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
        write_atomically(self.path(unit, ".safetensors"), content)
        return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}

    def load(self, unit: Unit) -> dict[str, torch.Tensor]:
        """The tensors of a unit that is done.

        Raises:
            CorruptArtifact: the file is missing or is not the one that was written. It is moved aside and its
                record dropped, so that the same command computes it again.
        """
        path = self.path(unit, ".safetensors")
        expected = self.record(unit).get("artifact", {}).get("sha256")
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            content = b""
        if expected is None or hashlib.sha256(content).hexdigest() != expected:
            if path.exists():
                path.replace(path.with_suffix(".safetensors.corrupt"))
            self.forget(unit)
            raise CorruptArtifact(
                f"the artifact of {unit} ({path}) is missing or damaged (sha256 differs from its record). "
                "It was set aside; run the same command again to compute it anew."
            )
        return load(content)

    def write_progress(self, unit: Unit, tensors: Mapping[str, torch.Tensor]) -> None:
        """Keep how far a unit has come, for an attempt after this one."""
        content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
        write_atomically(self.path(unit, ".progress"), hashlib.sha256(content).digest() + content)

    def load_progress(self, unit: Unit) -> dict[str, torch.Tensor]:
        """How far an earlier attempt has come; empty if there was none, or if what it left is damaged."""
        with contextlib.suppress(OSError):
            written = self.path(unit, ".progress").read_bytes()
            checksum, content = written[:32], written[32:]
            if hashlib.sha256(content).digest() == checksum:
                return load(content)
        return {}

    def drop_progress(self, unit: Unit) -> None:
        """Forget how far a unit has come; its result is there."""
        self.path(unit, ".progress").unlink(missing_ok=True)

    @contextlib.contextmanager
    def lock(self, unit: Unit, timeout: float = -1) -> Iterator[bool]:
        """Hold the unit's lock; yields False if another process kept it for ``timeout`` seconds."""
        path = self.root / "locks" / f"{unit.key}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            try:
                lock.acquire(timeout=timeout)
            except Timeout:
                yield False
                return
        except OSError as error:
            raise StoreError(
                f"cannot lock {path}: {error.strerror or error}. Give a folder that can be written with store=DIR."
            ) from error
        try:
            yield True
        finally:
            lock.release()
