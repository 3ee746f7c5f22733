"""What an offline run of W&B holds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


class Logged:
    """An offline run, as `wandb leet inspect` reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records = [json.loads(line) for line in self._inspect().splitlines()]
        start = next(record["run"] for record in self.records if record["type"] == "run")
        self.group, self.kind, self.name = start["run_group"], start["job_type"], start["display_name"]
        whole = json.loads(self._inspect("--summary"))
        self.summary, self.exit_code = whole["summary"], whole["exit_code"]
        self.history = [record["history"]["item"] for record in self.records if record["type"] == "history"]
        self.metrics = {
            record["metric"].get("name", record["metric"].get("glob_name")): record["metric"]
            for record in self.records
            if record["type"] == "metric"
        }
        self.artifacts = [record["artifact"] for record in self.records if record["type"] == "artifact"]

    def _inspect(self, *options: str) -> str:
        command = Path(sys.executable).parent / "wandb"
        arguments = [str(command), "leet", "inspect", *options, "--json", str(self.folder)]
        if not command.exists():  # a venv beside another one
            arguments[:1] = [sys.executable, "-m", "wandb"]
        return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout

    def curve(self, step: str, loss: str) -> dict[str, list[float]]:
        points = [(item[step], item[loss]) for item in self.history if loss in item]
        return {"step": [point[0] for point in points], "loss": [point[1] for point in points]}

    def files(self, pattern: str) -> list[Path]:
        return sorted((self.folder / "files" / "media").glob(pattern))
