"""Two local workers against one: run on a quiet machine with two cores.

``python tests/benchmarks/two_workers.py experiment=embedded [more overrides]`` prints one line for
``results/reference/scaling.md``. Each run starts from an empty store and computes with one thread a worker; start-up
and report are part of both.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def seconds(overrides: list[str], workers: int) -> float:
    """Wall seconds of the whole command."""
    with tempfile.TemporaryDirectory() as folder:
        where = (f"results={Path(folder) / 'results'}", f"store={Path(folder) / 'store'}")
        command = [sys.executable, "-m", "pgebench", *overrides, f"workers={workers}", "threads=1"]
        began = time.perf_counter()
        subprocess.run([*command, "launch=local", "tracking=none", "progress=none", *where], check=True)
        return time.perf_counter() - began


if __name__ == "__main__":
    chosen = sys.argv[1:] or ["experiment=embedded"]
    one, two = seconds(chosen, 1), seconds(chosen, 2)
    print(f"{shlex.join(chosen)}: one worker {one:.0f} s, two workers {two:.0f} s, {one / two:.2f} times faster")
