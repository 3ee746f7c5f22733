"""The command ``pgebench`` and those beside it: ``-report``, ``-status``, ``-compare``, ``-pge``, ``-rank`` ..."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from pgebench.cli.preflight import unknown_choice, wrong_value
from pgebench.config import conf_dir, register
from pgebench.core.machine import available_cores
from pgebench.ranking.request import options as rank_options

MODES = r"--?(run|r|multirun|m|cfg|c|info|i|help|h|hydra-help|version|shell-completion|sc|resolve)(=|$)"
"""Arguments that already say what Hydra is to do."""

PUBLISHED = re.compile(r"truth=published\.\w+")
"""The truth is a table of ``pgebench.published``."""

OPTIONS: dict[str, dict[str, Any]] = {
    "pgebench-pge": {
        "experiment": "embedded_full",
        "backbone": "test_resnet",
        "truths": "results/reference/embedded_full",
        "results": "results/pge",
        "store": "results/store",
        "workers": available_cores(),
    },
    "pgebench-rank": {
        "target": "",
        **rank_options(),
        "results": "",
        "store": "results/store",
        "workers": available_cores(),
    },
    "pgebench-dashboard": {"entity": "", "project": "pgebench"},
    "pgebench-compare": {"results": "", "out": ""},
}
"""Options of the commands that are no sweeps, with their defaults; a value has the type of its default."""


COLLECT_AFTER = 100_000
"""New objects after which the garbage collector looks for cycles. A plan makes hundreds of thousands that live to the
end; at Python's 700 a third of the time goes into looking at them again and again."""


def main() -> None:
    """Run an experiment; Hydra reads the command line."""
    gc.set_threshold(COLLECT_AFTER)
    arguments = _options_first(_with_experiment([_with_group(argument) for argument in sys.argv[1:]]))
    folders = [conf_dir(), *_config_dirs(arguments)]
    register()
    if message := unknown_choice(arguments, folders) or wrong_value(arguments, folders):
        raise SystemExit(f"pgebench: error: {message}")
    _import_from(folders[1:])
    if not any(re.match(MODES, argument) for argument in arguments):
        # Every run of pgebench is a sweep, if only of one cell; Hydra wants to be told before it reads the values.
        arguments.insert(0, "--multirun")
    sys.argv[1:] = arguments
    hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(_job)()


def report() -> None:
    """Build the report of a finished experiment again: ``pgebench-report results=DIR``."""
    from pgebench.report import build_report

    results = _only_results("pgebench-report")
    if not (results / "records.parquet").is_file():
        raise SystemExit(f"pgebench-report: error: results={results} has no records.parquet; run pgebench first")
    with _one_line_errors("pgebench-report"):
        print(f"Report: {build_report(results)}")


def status() -> None:
    """Say how far a sweep has come: ``pgebench-status results=DIR``."""
    from pgebench.experiment.status import status as state_of

    results = _only_results("pgebench-status")
    with _one_line_errors("pgebench-status"):
        print(state_of(results))


def study() -> None:
    """Study PGE itself: ``pgebench-pge``, with options as ``key=value``."""
    options = _options("pgebench-pge")
    from pgebench.store.format import open_store
    from pgebench.studies.pge.run import study

    with _one_line_errors("pgebench-pge"):
        report = study(
            options["experiment"],
            options["backbone"],
            Path(options["truths"]),
            Path(options["results"]),
            open_store(Path(options["store"]), create=True),
            options["workers"],
        )
        print(f"Report: {report}")


def rank() -> None:
    """Rank sources and pretrained backbones for a folder of images: ``pgebench-rank target=...``."""
    options = _options("pgebench-rank")
    if not options["target"]:
        raise SystemExit("usage: pgebench-rank target=FOLDER, a folder with one folder of images a class")
    from pgebench.ranking.command import run
    from pgebench.ranking.request import Wish
    from pgebench.store.format import open_store

    results = Path(options.pop("results") or f"results/rank/{Path(options['target']).name}")
    store = Path(options.pop("store"))
    lists = {name: tuple(filter(None, options[name].split(","))) for name in ("sources", "backbones")}
    with _one_line_errors("pgebench-rank"):
        run(Wish(**options | lists), results, open_store(store, create=True))


def dashboard() -> None:
    """Create the W&B workspace and report, or show what they would be: ``pgebench-dashboard check``."""
    check = sys.argv[1:] == ["check"]
    options = OPTIONS["pgebench-dashboard"] if check else _options("pgebench-dashboard")
    if not (check or options["entity"]):
        raise SystemExit("usage: pgebench-dashboard entity=NAME [project=pgebench], or pgebench-dashboard check")
    from pgebench.tracking.dashboard import create, load, outline, report, workspace

    with _one_line_errors("pgebench-dashboard"):
        spec = load()
        if check:
            for build in (workspace, report):
                build(spec, "entity", options["project"])
            print(outline(spec))
        else:
            print("Workspace: {}\nReport: {}".format(*create(spec, options["entity"], options["project"])))


def compare() -> None:
    """Say what changed between two runs: ``pgebench-compare results=A,B``, with ``out=FILE`` also as a file."""
    options = _options("pgebench-compare")
    folders = options["results"].split(",")
    if len(folders) != 2 or not all(folders):
        raise SystemExit("usage: pgebench-compare results=A,B with two results folders; out=FILE writes Markdown")
    for folder in folders:
        if not (Path(folder) / "records.parquet").is_file():
            raise SystemExit(f"pgebench-compare: error: results={folder} has no records.parquet; run pgebench first")
    from pgebench.analysis.two_runs import compare_runs
    from pgebench.core.files import write_atomically
    from pgebench.report.build import read_results
    from pgebench.report.two_runs import markdown

    with _one_line_errors("pgebench-compare"):
        first, second = (read_results(Path(folder)) for folder in folders)
        text = markdown(compare_runs(first, second), (folders[0], folders[1]))
        if options["out"]:
            write_atomically(Path(options["out"]), text.encode())
        print(text, end="")


def _only_results(command: str) -> Path:
    """The folder of a command whose one option is ``results=DIR``."""
    values = dict(argument.partition("=")[::2] for argument in sys.argv[1:])
    if set(values) != {"results"} or not values["results"]:
        raise SystemExit(f"usage: {command} results=DIR, for example results=results/embedded")
    return Path(values["results"])


def _options(command: str) -> dict[str, Any]:
    """The command line's ``key=value`` over the defaults of one of ``OPTIONS``."""
    defaults = OPTIONS[command]
    given = dict(argument.partition("=")[::2] for argument in sys.argv[1:])
    if unknown := sorted(set(given) - set(defaults)):
        usage = " ".join(f"{key}={value}" for key, value in defaults.items())
        raise SystemExit(f"{command}: error: no option {', '.join(unknown)}; with their defaults: {usage}")
    return defaults | {key: _typed(command, key, value) for key, value in given.items()}


def _typed(command: str, key: str, value: str) -> Any:
    kind = type(OPTIONS[command][key])
    try:
        return kind(value)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise SystemExit(
            f"{command}: error: {key}={value}: give {wanted}, as in {key}={OPTIONS[command][key]}"
        ) from None


@contextlib.contextmanager
def _one_line_errors(command: str) -> Iterator[None]:
    from pgebench.core.errors import PgebenchError

    try:
        yield
    except (OSError, ValueError, PgebenchError) as error:
        raise SystemExit(f"{command}: error: {error}") from error


def _with_group(argument: str) -> str:
    """An argument as Hydra spells it.

    ``source=NAME`` and ``target=NAME`` choose from the group of datasets, which is ``dataset@source``. A path that
    exists is one value, whatever signs are in it; a list of paths is left as it is.

    >>> _with_group("source=folder"), _with_group("source.path=no/such/folder,another")
    ('dataset@source=folder', 'source.path=no/such/folder,another')
    """
    key, _, value = argument.partition("=")
    if re.fullmatch(r"(source|target)\.path", key) and re.search(r"[^\w./-]", value) and _exists(value):
        quoted = re.sub(r"(\\*)'", r"\1\1\'", value)
        return f"{key}='{quoted}'"
    return re.sub(r"^(source|target)=", r"dataset@\1=", argument)


def _exists(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # longer than a file's name can be, or nobody's home
        return False


def _with_experiment(arguments: Sequence[str]) -> list[str]:
    """``truth=published.NAME`` is an experiment of its own, named after the table, unless another one is chosen."""
    name = next((argument.removeprefix("truth=") for argument in arguments if PUBLISHED.fullmatch(argument)), None)
    if name is None or any(argument.startswith("experiment=") for argument in arguments):
        return list(arguments)
    return ["experiment=published", f"experiment_name={name}", *arguments]


def _options_first(arguments: Sequence[str]) -> list[str]:
    """Hydra takes no overrides on both sides of an option such as ``--config-dir DIR``; users write them anyway."""
    is_override = [bool(re.match(r"[^-].*=|~", argument)) for argument in arguments]
    pairs = list(zip(arguments, is_override, strict=True))
    return [argument for argument, is_one in pairs if not is_one] + [argument for argument, is_one in pairs if is_one]


def _config_dirs(arguments: Sequence[str]) -> list[Path]:
    found = []
    for position, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name in ("--config-dir", "-cd"):
            value = value or (arguments[position + 1] if position + 1 < len(arguments) else "")
            found.append(Path(value).resolve())
    return found


def _import_from(folders: Iterable[Path]) -> None:
    """A user's metric is a function beside its YAML."""
    sys.path[:0] = [str(folder) for folder in folders if str(folder) not in sys.path]


def _job(config: DictConfig) -> None:
    # A launcher may run this on another machine and in another folder, where nothing of `main` has happened.
    os.chdir(HydraConfig.get().runtime.cwd)
    # torch takes seconds to import: --help, --cfg and shell completion do without it.
    from pgebench.experiment.job import run_job

    run_job(Path(config.units))


if __name__ == "__main__":
    main()
