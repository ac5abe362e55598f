"""One search: its trials so far, and what it has to say at any moment, also where it was interrupted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from harness.analysis.searched import SearchTrial, best_first
from harness.records import store
from harness.records.record import Record

if TYPE_CHECKING:
    from harness.tracking import Summary

RESULTS = "optimization_results.yaml"
"""The file with the best settings and their score, under the name that Hydra's plugin for Optuna gives it."""


@dataclass
class Search:
    """The trials of a search, and the runs of the best settings where these were trained anew (``results``).

    ``ended`` says why there are fewer trials than were asked for.
    """

    trials: list[SearchTrial] = field(default_factory=list)
    results: list[Record] = field(default_factory=list)
    ended: str | None = None

    @property
    def best(self) -> SearchTrial | None:
        """The best trial on validation; None before one has finished."""
        ranked = best_first(self.trials)
        return ranked[0] if ranked else None

    def summary(self, output_dir: Path, folder: Path) -> "Summary":
        """Print the trials, write them into the folder of the sweep, and return them for the parent run.

        Raises:
            OSError: the folder cannot be written to.
        """
        from harness.report import searched as report
        from harness.report import terminal
        from harness.tracking import Summary

        best = self.best
        said = report.sentences(self.trials, self.results or (best.records if best else []), self.ended)
        note = report.markdown(self.trials, said)
        files = [folder / "search.md", folder / "search.csv"]
        looks = [terminal.where_to_look(record) for trial in self.trials for record in trial.records][:1]
        table = f"table   {terminal.relative_path(files[1])}"
        report.print_search(self.trials, [*said, table, *filter(None, looks)])
        store.write_text(files[0], note)
        store.write_text(files[1], report.csv_text(self.trials, output_dir))
        if best:
            files.append(folder / RESULTS)
            content: dict[str, Any] = {"name": "optuna", "best_params": dict(best.settings), "best_value": best.score}
            store.write_text(files[2], OmegaConf.to_yaml(OmegaConf.create(content)))
        return Summary(files, note, {"search/best": best.score} if best and best.score is not None else {})


def outcomes_by_trial(outcomes: Sequence[Any], seeds: int) -> list[Sequence[Any]]:
    """The outcomes of the jobs of a batch, those of each trial together."""
    return [outcomes[first : first + seeds] for first in range(0, len(outcomes), seeds)]
