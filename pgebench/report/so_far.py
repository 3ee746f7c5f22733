"""Process that makes the report of a sweep that is still running, and writes all of it or nothing.

``python -m pgebench.report.so_far FOLDER RESULTS`` reads ``records.parquet`` and ``meta.json`` in FOLDER, and puts them
and their report into RESULTS. It lives no longer than the stream on standard input.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from pathlib import Path

from pgebench.core.files import write_atomically
from pgebench.report.build import read_results, report_of, write_report

INPUTS = ("records.parquet", "meta.json")


def main() -> None:
    """Make the report of the folder that is named first in the one that is named second."""
    folder, results = map(Path, sys.argv[1:])
    writing = threading.Lock()
    threading.Thread(target=_end_with, args=(folder, writing), daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # the sweep comes first; lower than that, on cores that it fills, no report would ever be made
    files = report_of(*read_results(folder))
    with writing:
        for name in INPUTS:
            write_atomically(results / name, (folder / name).read_bytes())
        write_report(results, files)


def _end_with(folder: Path, writing: threading.Lock) -> None:
    """End this process when its sweep is gone, or has a report of its own to make; but not between two files."""
    # Not by sys.stdin, whose lock would be held when the process ends by itself.
    while os.read(0, 1024):
        pass
    with writing:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)


if __name__ == "__main__":
    main()
