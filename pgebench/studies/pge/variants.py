"""The estimates that the study compares."""

from __future__ import annotations

from pgebench.pge import GradientSettings

ESTIMATES: dict[str, GradientSettings] = {
    # The two that are followed gradient by gradient.
    "paired": GradientSettings(restarts=8, episodes=100, snapshots=(3, 6, 12, 25, 50)),
    "fresh": GradientSettings(restart="fresh", episodes=800, snapshots=(25, 50, 100, 200, 400)),
    # One thing changed at a time; 200 gradients each.
    "paired_ce": GradientSettings(loss="ce"),
    "paired_supcon": GradientSettings(loss="supcon", way=None, shot=2, query=2),
    "fresh_ce": GradientSettings(restart="fresh", episodes=200, loss="ce"),
    "fresh_supcon": GradientSettings(restart="fresh", episodes=200, loss="supcon", way=None, shot=2, query=2),
    "paired_stem": GradientSettings(parameters="[!l]*"),
    "paired_last": GradientSettings(parameters="layer4*"),
}
"""Name -> settings. All are of the seed 0: nothing is chosen by its seed."""

CONTROLLED = (
    ("proto", "first_half"),
    ("proto", "second_half"),
    ("proto", "permuted"),
    ("proto", "shuffled"),
    ("ce", "permuted"),
)
"""(loss, control) of the gradients that show what PGE sees; settings are otherwise those of the metric ``pge``."""
