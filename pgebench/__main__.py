"""``python -m pgebench``."""

from pgebench.cli import main

main()
