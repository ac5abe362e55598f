"""The best validation score that a number of tuning trials is expected to give (Dodge et al. 2019, "Show Your Work:
Improved Reporting of Experimental Results", arXiv 1909.03004).

The scores of N trials are taken as the distribution of a trial's score. The expected best of n trials is that of n
draws from it, with replacement.
"""

from collections.abc import Sequence

import numpy as np


def expected_best(scores: Sequence[float | None], higher_is_better: bool) -> list[float]:
    """The expected best score of 1, 2, ... N trials; empty if no trial finished.

    A trial that failed (None) counts as the worst of those that finished: it cost a trial and gave nothing better.
    """
    finished = [score for score in scores if score is not None]
    if not finished:
        return []
    sign = 1 if higher_is_better else -1
    worst = min(sign * score for score in finished)
    ordered = np.sort([worst if score is None else sign * score for score in scores])
    total = len(ordered)
    place = np.arange(total + 1) / total
    # P(best of n draws is the i-th lowest score) = (i/N)^n - ((i-1)/N)^n
    return [float(sign * (ordered @ np.diff(place**draws))) for draws in range(1, total + 1)]
