"""A unit in a process of its own, so that its death is known to be its own doing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from pgebench.core.errors import StoreError
from pgebench.core.identity import Label
from pgebench.core.records import CRASHED, DONE, MISSING, RUNNING
from pgebench.run.device import make_deterministic
from pgebench.run.policy import Rules
from pgebench.store.store import Store
from pgebench.store.unit import Unit

INTERRUPTED = 130


def run_apart(unit: Unit, store: Store, device: torch.device, rules: Rules) -> dict[str, Any]:
    """Run a unit whose last process died; returns its record.

    If the new process dies too, while this one lives on, the unit is ``crashed``. If both die the unit stays
    ``running`` in the store, and nothing is held against it: somebody ended the whole run.
    """
    order = {
        "unit": _as_json(unit),
        "store": str(store.root),
        "locks": store.locks,
        "device": str(device),
        "threads": torch.get_num_threads(),
        "rules": {**asdict(rules), "stop": None},
    }
    # The child finds what this process found, the user's own metrics too.
    paths = os.pathsep.join(path for path in sys.path if path)
    child = subprocess.Popen(
        [sys.executable, "-m", "pgebench.run.isolated"],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
        text=True,
    )
    try:
        child.communicate(json.dumps(order))
    except BaseException:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        raise
    if child.returncode == INTERRUPTED:
        raise KeyboardInterrupt
    with store.lock(unit):
        record = store.record(unit)
        if record["status"] == MISSING:
            raise StoreError(f"{unit} could not be run: its process ended with code {child.returncode}")
        if record["status"] == RUNNING:
            error = (
                f"its process died (code {child.returncode}), and one before it: killed, out of memory, or hanging "
                "beyond its time limit. Find out why, "
                f"delete {store.path(unit, '.json')} and run the same command again."
            )
            record |= {"status": CRASHED, "error": error}
            store.write_record(unit, record)
    return record


def main() -> None:
    """The child: runs the unit that standard input describes."""
    from pgebench.run.runner import compute

    order = json.loads(sys.stdin.read())
    unit, store, rules = _from_json(order["unit"]), Store(Path(order["store"]), order["locks"]), Rules(**order["rules"])
    if rules.deterministic:
        make_deterministic()
    torch.set_num_threads(order["threads"])
    try:
        with store.lock(unit):
            if store.record(unit)["status"] not in (DONE, CRASHED):
                compute(unit, store, torch.device(order["device"]), rules)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except StoreError as error:
        sys.exit(f"pgebench: error: {error}")


def _as_json(unit: Unit) -> dict[str, Any]:
    return {
        "stage": unit.stage,
        "version": unit.version,
        "params": unit.params,
        "inputs": {role: _as_json(needed) for role, needed in unit.inputs.items()},
        "label": asdict(unit.label),
        "files": dict(unit.files),
    }


def _from_json(fields: Mapping[str, Any]) -> Unit:
    inputs = {role: _from_json(needed) for role, needed in fields["inputs"].items()}
    label, files = Label(**fields["label"]), fields["files"]
    return Unit(fields["stage"], fields["version"], fields["params"], inputs, label, files)


if __name__ == "__main__":
    main()
