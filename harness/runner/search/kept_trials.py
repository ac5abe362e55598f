"""The trials that a search has proposed: a file in the sweep's folder, which its commands share.

It has the settings alone: what a trial gave is read from the records of its runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock

from harness.errors import UserError
from harness.records import store
from harness.runner.search.proposals import Proposal


class KeptTrials:
    """The trials of the search in this folder."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "trials.json"

    def after(self, done: int, by_batch: bool, make: Callable[[Sequence[Proposal]], list[Proposal]]) -> list[Proposal]:
        """The trials after the first ``done``: those that are kept, or else those that ``make`` gives, which are kept.

        ``make`` gets the trials so far. With ``by_batch``, only the next batch of what is kept is returned. Of several
        commands that ask at once, one makes the trials, and the others get the same.

        Raises:
            UserError: the file cannot be read.
        """
        with FileLock(self.file.with_suffix(".lock")):
            trials = self._read()
            if len(trials) <= done and (made := make(trials)):
                trials += made
                store.write_json(self.file, {"trials": [asdict(trial) for trial in trials]})
        left = trials[done:]
        return [trial for trial in left if not by_batch or trial.batch == left[0].batch]

    def _read(self) -> list[Proposal]:
        try:
            return [Proposal(**trial) for trial in store.load_json(self.file)["trials"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise UserError(f"{self.file} has no trials of a search ({error}); move it away to begin anew") from None
