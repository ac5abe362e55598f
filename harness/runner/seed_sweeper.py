"""The sweeper of ``-m``: every combination, seed by seed, the variants of each seed in an order of their own.

If the machine gets slower or faster during the sweep, this changes the runs of all variants alike.
"""

import random
from collections.abc import Sequence
from typing import Any

from harness.runner import job_outcomes
from harness.runner.batches_sweeper import BatchesSweeper, Job, is_seed
from harness.runner.tuning import tune


class SeedSweeper(BatchesSweeper):
    """Runs every combination of the overrides, seed by seed, each with the settings that its trials chose."""

    def sweep(self, arguments: list[str]) -> Any:
        jobs = self.jobs(arguments)
        tuned = tune(self, jobs, self.check(jobs))
        self.fail([one.failed for one in tuned if one.failed])
        to_run = [one for one in tuned if not one.failed]
        chosen = [one.job for one in to_run]
        self.check([one.job for one in to_run if one.tuning])  # the others were checked as they are
        job_outcomes.keep_planned(self.config, self.launched + len(chosen))
        return self.launch(chosen, seed_by_seed(chosen, self.config.sweep), [one.tuning for one in to_run])


def seed_by_seed(jobs: Sequence[Job], sweep: str) -> list[int]:
    """The places of the jobs in the order in which they run: seeds as they come, the jobs of each seed shuffled.

    The same jobs of the same sweep always run in the same order.
    """
    places_by_seed: dict[str, list[int]] = {}
    for place, job in enumerate(jobs):
        places_by_seed.setdefault(next(filter(is_seed, job), ""), []).append(place)
    for seed, places in places_by_seed.items():
        random.Random(f"{sweep}/{seed.lstrip('+')}").shuffle(places)
    return [place for places in places_by_seed.values() for place in places]
