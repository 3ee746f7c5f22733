"""The answer as one offline page: what to take, what it costs, what the metric is worth, and what was looked at."""

from pgebench.ranking.page.assemble import ranking_page
from pgebench.ranking.page.target import TargetShown, target_shown

__all__ = ["TargetShown", "ranking_page", "target_shown"]
