"""Eight real image datasets inside the package: digits, mnist, fashion, animals, clipart, emoji, glyphs, faces.

Provenance, licences and counts are in ``pack/DATASHEET.md``.
"""

from pgebench.embedded.load import SPLITS, Pack, load, names

__all__ = ["SPLITS", "Pack", "load", "names"]
