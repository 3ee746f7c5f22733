"""A unit in a process of its own, so that its death is known to be its own doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from typing import Any

import torch

from pgebench.core.errors import StoreError
from pgebench.core.records import CRASHED, DONE, MISSING, RUNNING
from pgebench.core.terminal import patient_streams
from pgebench.core.text import one_line
from pgebench.run.attempt import Attempt
from pgebench.run.device import set_deterministic
from pgebench.run.order import WorkOrder, order_from
from pgebench.run.policy import Rules
from pgebench.store.store import Store
from pgebench.store.unit import Unit

INTERRUPTED = 130


def run_isolated(unit: Unit, store: Store, device: torch.device, rules: Rules) -> dict[str, Any]:
    """Run a unit whose last process died; returns its record.

    If the new process dies too, while this one lives on, the unit is ``crashed``. If both die the unit stays
    ``running`` in the store, and nothing is held against it: somebody ended the whole run.
    """
    # The child finds what this process found, the user's own metrics too.
    paths = [path for path in sys.path if path]
    rules = replace(rules, stop=None)
    order = WorkOrder([unit], store.root, store.locks, str(device), torch.get_num_threads(), False, rules, paths)
    child = subprocess.Popen(
        [sys.executable, "-m", "pgebench.run.isolated"],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        text=True,
    )
    try:
        child.communicate(order.as_json())
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
    """The child: runs the unit of the order on standard input."""
    from pgebench.run.runner import compute  # which imports this module

    order = order_from(sys.stdin.read())
    (unit,), store = order.units, Store(order.store, order.locks)
    set_deterministic(order.rules.deterministic)
    torch.set_num_threads(order.threads)
    try:
        with patient_streams(), store.lock(unit):
            record = store.record(unit)
            if record["status"] not in (DONE, CRASHED):
                died = record.get("attempts", 0) if record["status"] == RUNNING else 0
                compute(Attempt(unit, store, torch.device(order.device), order.rules, died + 1))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except StoreError as error:
        sys.exit(one_line(f"pgebench: error: {error}"))


if __name__ == "__main__":
    main()
