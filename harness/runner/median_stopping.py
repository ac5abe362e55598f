"""Median stopping: a trial that is worse than most earlier trials of its variant at the same epoch is stopped.

After an epoch, a trial whose best score so far is worse than the median of the finished trials' best scores up to that
epoch is stopped (Golovin et al. 2017, "Google Vizier: A Service for Black-Box Optimization", section 3.2.1, whose
median is of running averages). Earlier trials are those of earlier batches, so that the same trials are stopped under
every launcher.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from statistics import median
from typing import Any

from harness.backends.history import costs
from harness.config import search_space
from harness.config.schema import Config
from harness.records.record import Record
from harness.records.settings import flatten, one_form
from harness.runner.fingerprint import NOT_DECIDING

FEWEST = 3
"""So many trials must have finished before one is stopped."""


def limits(config: Config, monitor: str, records: Iterable[Record]) -> list[float]:
    """The largest cost of a trial's best score so far, after each epoch; empty while too few trials have finished.

    ``records`` are runs of the same sweep. The cost is the score, negated if higher is better.
    """
    own = _variant(config.to_dict(), config)
    trials = [record for record in records if record.is_trial and record.status == "finished"]
    same = [one for one in trials if one.stopped_epoch is None and _variant(one.config, config) == own]
    return medians([costs(record.history, monitor) for record in same], config.trainer.epochs)


def medians(finished: Sequence[Sequence[float]], epochs: int) -> list[float]:
    """The median over finished trials of the lowest cost so far, after each epoch; empty for too few trials.

    A trial that ended early, because its patience was out, keeps its lowest cost.
    """
    if len(finished) < FEWEST:
        return []
    so_far = [list(accumulate(trial, min)) for trial in finished]
    return [median(trial[min(epoch, len(trial) - 1)] for trial in so_far) for epoch in range(epochs)]


def _variant(settings: dict[str, Any], config: Config) -> dict[str, Any]:
    """What the trials of one variant share: all that decides their results, without what they try.

    All trials of a search are of one variant, whatever they try: they share the seed.
    """
    if not config.tune.space:
        return {"seed": settings["seed"]}
    tried = {*search_space.read(config.tune.space), "tune.trial"}
    deciding = {key: value for key, value in settings.items() if key not in NOT_DECIDING or key in ("data", "tune")}
    return {key: value for key, value in flatten(one_form(deciding)) if key not in tried}
