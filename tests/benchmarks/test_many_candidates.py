"""A thousand candidates planned: from their names to what each metric would cost. Run by ``make benchmarks``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PLANNING = """
import json, sys, time
from pathlib import Path
import numpy as np
import timm
from pgebench.ranking import command  # noqa: F401
from pgebench.ranking.budget import evidence_options
from pgebench.ranking.candidates import of_backbones
from pgebench.ranking.reliability import RUNS, reference
from pgebench.ranking.within_reach import within_reach
from pgebench.store.format import open_store

def peak():
    # Not ru_maxrss, which a process inherits from the one that started it.
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024

store = open_store(Path(sys.argv[1]), create=True)
imports, cpu = peak(), time.process_time()
names = timm.list_pretrained()[:1000]
candidates = of_backbones("digits", names, RUNS["backbones"], store.root, most=1000)
candidates = within_reach(candidates, store, lambda text: None) if sys.argv[2:] else candidates
within_reach(candidates, store, lambda text: None)
options = evidence_options(candidates, reference("backbones"), np.full(10, 100), store, 1)
print(json.dumps({"candidates": len(candidates.cells), "options": len(options), "cpu_s": time.process_time() - cpu,
                  "imports_mb": imports, "peak_mb": peak()}))
"""


def test_a_thousand_candidates_are_planned(benchmark, tmp_path: Path) -> None:
    command, offline = [sys.executable, "-c", PLANNING, str(tmp_path)], {**os.environ, "HF_HUB_OFFLINE": "1"}
    ended = subprocess.run(command, env=offline, capture_output=True, text=True, check=True)
    found = json.loads(ended.stdout.splitlines()[-1])
    benchmark.extra_info |= found
    benchmark.pedantic(lambda: None)
    print(f"\nplanning: {found}")
    assert found["candidates"] == 1000
    assert found["cpu_s"] < 10
    assert found["peak_mb"] < 1000
