"""The page of intermediate training as a command: ``python -m pgebench.studies.intermediate``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from pgebench.core.errors import ConfigError
from pgebench.core.say import say
from pgebench.core.terminal import command

TRUTH = "finetune"


@dataclass(frozen=True)
class IntermediateOptions:
    """Say whether training a pretrained network on a source first helps, and whether a metric finds the source.

    Computes nothing anew: it reads the records of `experiment=intermediate` and writes `helps.md` and `helps.csv`
    beside them.

    Attributes:
        results: Results folder of a run with `pretrained` among its sources.

    Examples:
        ``python -m pgebench.studies.intermediate results=results/intermediate``
    """

    results: Path = Path("results/reference/intermediate")


def main(arguments: list[str]) -> None:
    """Write the page.

    Args:
        arguments: ``key=value``, see `IntermediateOptions`.
    """
    command("python -m pgebench.studies.intermediate", IntermediateOptions, _write, arguments)


def _write(options: IntermediateOptions) -> None:
    from pgebench.analysis.build_table import build_table
    from pgebench.core.files import write_atomically
    from pgebench.report.build import read_results
    from pgebench.studies.intermediate.gains import by_choice
    from pgebench.studies.intermediate.page import page

    if not (options.results / "records.parquet").is_file():
        raise ConfigError(f"results={options.results}: no records.parquet there; run pgebench experiment=intermediate")
    records, meta = read_results(options.results)
    table = build_table(records, meta["metric_facts"], meta.get("collections", {}))
    found = by_choice(table, TRUTH)
    path = options.results / "helps.md"
    write_atomically(options.results / "helps.csv", found.to_csv(index=False, float_format="%.6g").encode())
    write_atomically(path, page(found, table, TRUTH).encode())
    say(f"Report: {path}")


if __name__ == "__main__":
    main(sys.argv[1:])
