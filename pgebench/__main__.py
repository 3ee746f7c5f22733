"""``python -m pgebench``."""

from pgebench.cli.main import main

main()
