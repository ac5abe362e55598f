"""The harness's sweepers, under the name that Hydra demands."""

from harness.runner import seed_sweeper


class SeedSweeper(seed_sweeper.SeedSweeper):
    """Runs every combination of the overrides, seed by seed."""


SWEEPERS = (SeedSweeper,)
