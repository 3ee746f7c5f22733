"""Every command that README and pages show is run as its reader would run it, on an experiment cut down to seconds.

The folder they are run in is as the pages have it: reference results under ``results``, images under ``my``, a metric
and a backbone of the reader's own under ``mine``. Where a command stands for itself on a page, the folders of
results and the store are the default ones, so a command that goes on from another one finds what that one left.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from photos import write
from safetensors.torch import save_file

from pgebench import embedded

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text() for page in PAGES)
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]

BLOCKS = "\n".join(re.findall(r"```bash\n(.*?)```", TEXT, flags=re.DOTALL)).replace("\\\n", " ")
INLINE = re.findall(r"`((?:python -m )?pgebench[-.\w]* [^`]*|python -m pgebench[^`]*)`", TEXT)
SHOWN = [line.strip() for line in (*BLOCKS.splitlines(), *INLINE)]

WHY_NOT = {
    r"make ": "sets up an environment of its own; what CI runs is `make test`",
    r"pip ": "installs an extra; the commands after it are skipped where it is not installed",
    r"pgebench-pge": "has no option for the number of its gradients, which are too many for a test",
    r"wandb ": "a command of wandb's, which wants its cloud or a terminal",
    r"python -m pgebench\.embedded\.build": "downloads 300 MB; tests/embedded/test_builder.py runs its parts",
    r"python -m pgebench\.experiment\.make_box": "wants the store of a whole run; test_on_box.py makes a small box",
}
"""Commands that no test can run, with the reason."""

ELSEWHERE = (
    r"is not installed",
    r"are not installed",
    r"cannot be downloaded",
    r"sbatch",
    r"Could not find any running Ray instance|ConnectionError|Failed to connect to GCS|cannot connect to",
    r"api[_ ]key|API key|wandb login|not logged in|No API key",
)
"""What the error of a command says that needs a network, a cluster, a key or an extra that is not there."""

FEW = {
    "recipe.checkpoint.steps": "4",
    "recipe.checkpoint.learning_rates": "[0.003]",
    "recipe.finetune.steps": "3",
    "recipe.finetune.learning_rates": "[0.003]",
    "recipe.linear_probe.steps": "3",
    "recipe.scratch.learning_rates": "[0.003]",
    "budget.truth_seeds": "1",
    "budget.restarts": "2",
    "budget.episodes": "2",
    "budget.official_episodes": "2",
    "metric": "[pge,logme,leep,source_accuracy]",
    "source": "mnist_0_4,fashion_tops",
    "target": "mnist_5_9,fashion_rest",
    "progress": "none",
    "tracking": "none",
    "launch": "serial",
    "threads": "1",
}
"""What is added to a sweep, unless the command says it itself."""

FEWER = {
    "experiment=hub": {"backbone": "squeezenet1_1,open_nsfw_resnet50", "source": "pretrained", "target": "emoji,faces"},
    "experiment=standard": {"source": "pretrained", "target": "dtd", "backbone": "resnet18"},
    "source=pretrained": {"truth": "[linear_probe]"},
    "lock=": {"store": "a_store_of_its_own"},
    "launch=": {"threads": None},
}
"""What is added to commands that hold the key, in the place of ``FEW``'s; None for nothing."""

OTHERS = {
    "pgebench-rank": {
        "budget": "0.1",
        "episodes": "2",
        "sources": "digits,faces",
        "question": "sources",
        "workers": "1",
    },
    "pgebench.studies.statistics": {"benchmarks": "2", "resamples": "2", "results": "results/simulation"},
    "pgebench.published": {"results": "results/published"},
}
"""The same for the commands that are no sweeps."""


def command(line: str) -> str:
    """A line without its remark."""
    return shlex.join(shlex.split(line, comments=True)) if "#" in line else line


COMMANDS = sorted(
    {
        command(line)
        for line in SHOWN
        if re.search(r"^(\w+=\S+ )?(pgebench|python -m|pytest|wandb|pip|make)", line) and "..." not in line
    },
    key=lambda line: (not re.match(r"pgebench( |$)", line), line),
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reader's folder."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "results").mkdir()
    (folder / "results" / "reference").symlink_to(ROOT / "results" / "reference")
    shutil.copytree(ROOT / "tests" / "example_plugin", folder / "mine")
    pack = embedded.load("digits")
    for name, labels in (("photos", (0, 1)), ("plants", (2, 3)), ("birds", (4, 5))):
        for label in labels:
            for number, image in enumerate(pack.images[pack.labels == label][:14]):
                write(folder / "my" / name / str(label) / f"{number}.png", np.asarray(image))
    for number, image in enumerate(pack.images[:14]):  # images without classes
        write(folder / "my" / "heap" / f"{number}.png", np.asarray(image))
    return folder


@pytest.fixture(scope="module")
def weights(desk: Path) -> dict[str, str]:
    """The reader's files of weights, by the names that the pages give them."""
    torch.manual_seed(0)
    state = timm.create_model("resnet50", num_classes=10).state_dict()
    save_file(state, desk / "file.safetensors")
    torch.save(state, desk / "file.pth")
    own = desk / "mine" / "backbone" / "my_net.yaml"
    own.parent.mkdir(exist_ok=True)
    own.write_text(f"name: my_net\nmodel: resnet50\nimage_size: 32\nweights: {desk}/file.pth\n")
    return {f"/path/file.{kind}": str(desk / f"file.{kind}") for kind in ("safetensors", "pth")}


@pytest.fixture(scope="module")
def swept(desk: Path) -> Path:
    """The folder after the command without arguments: others ask about what it left."""
    done = run("pgebench", desk, {})
    assert done.returncode == 0, done.stderr
    return desk


def arguments_of(line: str, words: Sequence[str]) -> list[str]:
    """What makes a command small, after the words that it has."""
    name = words[0] if words[0] != "python" else words[2]
    if name == "pgebench":
        extra = dict(FEW)
        for part, others in FEWER.items():
            if part in line:
                extra |= others
        if "truth=published" in line or "box=" in line:
            extra = {"tracking": "none", "progress": "none"}
        if "--cfg" in line or "--help" in line:
            extra = {}  # it shows one cell, and runs nothing
        if line == "pgebench":
            for key in ("tracking", "launch", "threads"):  # as it is meant, with Weights & Biases and worker processes
                del extra[key]
    else:
        extra = dict(OTHERS.get(name, {}))
    given = {word.partition("=")[0] for word in words}
    return [f"{key}={value}" for key, value in extra.items() if value is not None and key not in given]


def run(line: str, desk: Path, places: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a line in the reader's folder, as a process of its own."""
    for shown, place in places.items():
        line = line.replace(shown, place)
    words = shlex.split(line)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
    paths = [str(ROOT), str(ROOT / "pgebench" / "plugins"), os.environ.get("PYTHONPATH", "")]
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "MPLBACKEND": "Agg", "HF_HUB_OFFLINE": "1"}
    while re.match(r"[A-Z_]+=", words[0]):
        key, _, value = words.pop(0).partition("=")
        environment[key] = value
    full = [*words, *arguments_of(line, words)]
    if full[0] in SCRIPTS:
        module, _, function = SCRIPTS[full[0]].partition(":")
        program = f"from {module} import {function}\nif __name__ == '__main__':\n    {function}()"
        start = ["-m", "pgebench"] if full[0] == "pgebench" else ["-c", program]
        full = [sys.executable, *start, *full[1:]]
    elif full[0] == "pytest":
        full = [sys.executable, "-m", *full, "-q", "-p", "no:cacheprovider"]
    else:
        full = [sys.executable, *full[1:]]
    return subprocess.run(full, cwd=desk, env=environment, capture_output=True, text=True, check=False, timeout=1200)


@pytest.mark.slow
@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_shown_runs(line: str, swept: Path, weights: dict[str, str]) -> None:
    if reason := next((why for start, why in WHY_NOT.items() if re.match(start, line)), None):
        pytest.skip(reason)
    places = weights | {"path/to/folder": "my/photos", "path/to/heap": "my/heap"}
    if line.startswith("pytest"):
        places |= {"tests/": f"{ROOT}/tests/"}
    done = run(line, swept, places)
    said = done.stderr + done.stdout
    if done.returncode and any(re.search(part, said) for part in ELSEWHERE):
        lines = [one for one in said.splitlines() if any(re.search(part, one) for part in ELSEWHERE)]
        pytest.skip(lines[-1].strip())
    assert done.returncode == 0, said[-3000:]


def test_no_command_is_left_out() -> None:
    shown = {command(line) for line in SHOWN if line and not line.startswith("#")}
    assert {line for line in shown - set(COMMANDS) if "..." not in line} == set()
