"""Benchmark of transferability metrics in computer vision.

The front door in Python; what stands behind a name is imported when the name is used.

>>> import numpy as np
>>> import pgebench
>>> features = np.array([[0.0, 1.0], [0.1, 1.0], [5.0, 1.0], [5.1, 1.0]])
>>> pgebench.score("knn", features=features, labels=np.array([0, 0, 1, 1]))
1.0
"""

from typing import TYPE_CHECKING

from pgebench.core.version import __version__

__all__ = ["__version__", "analyse", "build_report", "judge", "rank", "score"]

if TYPE_CHECKING:
    from pgebench.experiment.analyse import analyse
    from pgebench.experiment.judge import judge
    from pgebench.ranking.rank import rank
    from pgebench.ranking.score import score
    from pgebench.report import build_report
else:
    # torch, Hydra and matplotlib take seconds to import, and `import pgebench` needs none of them.
    _PLACES = {
        "analyse": "pgebench.experiment.analyse",
        "build_report": "pgebench.report",
        "judge": "pgebench.experiment.judge",
        "rank": "pgebench.ranking.rank",
        "score": "pgebench.ranking.score",
    }

    def __getattr__(name):
        """A function of the front door, from where it lives."""
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(_PLACES[name]), name)

    def __dir__():
        return sorted({*globals(), *__all__})
