"""The study of regimes as a command: ``python -m pgebench.studies.regime results=FOLDER,FOLDER``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from pgebench.core.errors import ConfigError
from pgebench.core.say import say
from pgebench.core.terminal import command


@dataclass(frozen=True)
class RegimeOptions:
    """Compare regimes: results folders of ``experiment=regime_search`` with other settings, as a table in Markdown.

    Attributes:
        results: Their folders; each is called by its own name.

    Raises:
        ConfigError: No folder.

    Examples:
        ``python -m pgebench.studies.regime results=results/five_images,results/ten_images``
    """

    results: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if not self.results:
            raise ConfigError("results: name the results folders of the regimes")


def main(arguments: list[str]) -> None:
    """Print the table.

    Args:
        arguments: ``key=value``, see `RegimeOptions`.
    """
    command("python -m pgebench.studies.regime", RegimeOptions, _compare, arguments)


def _compare(options: RegimeOptions) -> None:
    from pgebench.report.build import read_results
    from pgebench.studies.markdown_table import markdown_table
    from pgebench.studies.regime.summary import COLUMNS, by_target, row

    read = [(folder.name, *read_results(folder)) for folder in options.results]
    say(markdown_table(COLUMNS, [row(*one) for one in read]), "")
    say(*(f"- {name}: {by_target(records)}" for name, records, _ in read))


if __name__ == "__main__":
    main(sys.argv[1:])
