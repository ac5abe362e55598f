"""The tuning trials of ``choose``: the settings that each candidate tries, and what they chose."""

from collections.abc import Mapping
from dataclasses import replace

from harness.records.record import Record
from harness.records.tuning import Tuning
from harness.runner.batches_sweeper import Job
from harness.runner.choose.plan import Run
from harness.runner.job_outcomes import JobOutcome
from harness.runner.tuning import Search, tuning_of


class Trials:
    """The trials of all candidates, in an order of which every beginning is spread over the space.

    So a budget for fewer trials than asked for still tries small and large values. ``searches`` are by candidate; None:
    nothing is tuned.
    """

    def __init__(self, searches: Mapping[str, Search | None]) -> None:
        self.searches = {name: search for name, search in searches.items() if search}

    @property
    def number(self) -> int:
        """The number of trials of each candidate; one whose encoder lacks a key of the space may have fewer."""
        return max((len(search.to_try) for search in self.searches.values()), default=0)

    def exists(self, run: Run) -> bool:
        """Whether a candidate has a trial of this number."""
        return run.candidate in self.searches and run.number < len(self.searches[run.candidate].to_try)

    def fewer(self, trials: int) -> dict[str, int]:
        """The candidates that have fewer than so many trials, with their number."""
        return {name: len(one.to_try) for name, one in self.searches.items() if len(one.to_try) < trials}

    def job(self, run: Run) -> Job:
        """The overrides of a trial."""
        search = self.searches[run.candidate]
        return search.trial(spread(len(search.to_try))[run.number])

    def chosen(self, candidate: str, records: Mapping[Run, Record], trials: int) -> Tuning | None:
        """What the first ``trials`` trials of a candidate chose; None where none of them finished."""
        search = self.searches[candidate]
        tried = sorted((place, number) for number, place in enumerate(spread(len(search.to_try))[:trials]))
        finished = [records.get(Run(candidate, "tuning", number)) for _, number in tried]
        return tuning_of(
            replace(
                search, to_try=[search.to_try[place] for place, _ in tried],
                outcomes=[JobOutcome(record) for record in finished],
            )
        )  # fmt: skip


def spread(count: int) -> list[int]:
    """The places 0 to ``count`` - 1 from the middle outwards by halves, the upper first: 3, 5, 1, 6, 4, 2, 0, 7."""
    order: list[int] = []
    intervals = [(0, count)]
    while intervals:
        low, high = intervals.pop(0)
        if low < high:
            middle = (low + high - 1) // 2
            order.append(middle)
            intervals += [(middle + 1, high), (low, middle)]
    return order
