"""The harness's sweepers, under the name that Hydra demands."""

from harness.runner import seed_sweeper
from harness.runner.choose import sweeper as choose_sweeper
from harness.runner.search import sweeper as search_sweeper


class SeedSweeper(seed_sweeper.SeedSweeper):
    """Runs every combination of the overrides, seed by seed."""


class ChooseSweeper(choose_sweeper.ChooseSweeper):
    """Runs what ``harness choose`` needs to know which candidate to take."""


class SearchSweeper(search_sweeper.SearchSweeper):
    """Searches with Optuna, by scores on validation."""


SWEEPERS = (SeedSweeper, ChooseSweeper, SearchSweeper)
