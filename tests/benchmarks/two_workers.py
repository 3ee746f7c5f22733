"""Two local workers against one, on the embedded experiment: run on a quiet machine with two cores.

``python tests/benchmarks/two_workers.py [experiment]`` prints one line for ``results/reference/scaling.md``. Each run
starts from an empty store and computes with one thread a worker; the report is left out of neither.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path


def seconds(experiment: str, workers: int) -> float:
    """Wall seconds of the whole command."""
    with tempfile.TemporaryDirectory() as folder:
        where = (f"results={Path(folder) / 'results'}", f"store={Path(folder) / 'store'}")
        command = [sys.executable, "-m", "pgebench", f"experiment={experiment}", f"workers={workers}", "threads=1"]
        began = time.perf_counter()
        subprocess.run([*command, "launch=local", "tracking=none", "progress=none", *where], check=True)
        return time.perf_counter() - began


if __name__ == "__main__":
    name = sys.argv[1] if len(sys.argv) > 1 else "embedded"
    one, two = seconds(name, 1), seconds(name, 2)
    print(f"experiment={name}: one worker {one:.0f} s, two workers {two:.0f} s, {one / two:.2f} times faster")
