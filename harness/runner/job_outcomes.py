"""The outcomes of a sweep's jobs: files in one folder, whichever launcher ran the jobs."""

import os
import platform
import re
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from harness.analysis.listed import listed
from harness.records import store
from harness.records.record import Record, from_json
from harness.records.tuning import Tuning
from harness.runner import run_names

if TYPE_CHECKING:
    from harness.config.schema import Config  # as in run_names

MOST_NAMED = 20
"""The most runs that a sentence names; of the rest it has the number."""
TUNING = "-tuning.json"
"""The end of the name of a file that says what chose the settings of a job."""
ORDER = "order.json"
"""The file, beside the outcomes, with the jobs' numbers in the order in which they are shown."""
BATCH = "batch.json"
"""The file, beside the outcomes, with the first job's number of the batch that is running."""
PLANNED = "planned.json"
"""The file, beside the outcomes, with the number of jobs that the command is to run."""
FINISHED = "finished"
"""The folder of a sweep with an empty file for each job whose run is finished, whichever command ran it."""
COMMAND = re.compile(r"[\d.]+-.*-(?P<machine>[0-9a-f]{8})-(?P<process>\d+)")
"""The name of a command, as ``name_command`` gives it."""
WITHOUT_RECORD = ("user_error", "error", "lost", "not_begun", "held")
"""What an outcome says that has no record."""


@dataclass(frozen=True)
class JobOutcome:
    """The result of one job of a command: a record, what the user must fix, or an error in the code.

    ``lost`` is a sentence about a job that something outside of it ended, such as a failing machine; ``not_begun`` is
    the label of a run that ``fail_fast`` did not begin; ``held`` is the file of the lock by which another command holds
    the run; ``damaged`` says which file of a sweep should hold an outcome and does not.
    """

    record: Record | None = None
    user_error: str | None = None
    error: str | None = None
    lost: str | None = None
    not_begun: str | None = None
    held: str | None = None
    damaged: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the job has no finished run. A trial whose training failed does not count."""
        return self.record is None or (self.record.status != "finished" and not self.record.is_trial)

    @property
    def ended_from_outside(self) -> bool:
        """Whether something outside of the run ended it, such as its scheduler, which may run it again."""
        return self.lost is not None or (self.record is not None and self.record.status == "killed")

    def to_json(self) -> dict[str, Any]:
        if self.record is None:
            return {name: getattr(self, name) for name in WITHOUT_RECORD}
        record = self.record
        own = {"skipped": record.skipped, "asked": record.asked, "follows": record.follows}
        return {"record": record.to_json(), "folder": str(record.folder), **own}


def read_outcome(file: Path) -> JobOutcome:
    """Read the outcome that a job of a sweep wrote; a damaged file is an outcome that says so."""
    try:
        content = store.load_json(file)
        if "record" not in content:
            return JobOutcome(**{name: content[name] for name in WITHOUT_RECORD})
        record = from_json(content["record"])
        record.folder, record.skipped = Path(content["folder"]), content["skipped"]
        record.asked, record.follows = content["asked"], content["follows"]
        return JobOutcome(record)
    except (OSError, ValueError, LookupError, TypeError) as error:
        why = " ".join(str(error).split())
        return JobOutcome(damaged=f"{file} is not the outcome of a run ({why}); give the same command again")


def outcomes_folder(config: "DictConfig | Config") -> Path:
    """The folder where the jobs of a sweep's command write their outcomes: several commands may share the sweep."""
    return run_names.sweep_folder(config) / "outcomes" / str(config.worker)


def name_command() -> str:
    """A name for the outcomes of a command that begins: when, on which machine, and its process."""
    return f"{time.time():.3f}-{platform.node()}-{_machine()}-{os.getpid()}"


def _machine() -> str:
    """What tells this machine, and this container, from others of the same name."""
    from harness.measure import process_identity  # here: --cfg does without it

    return process_identity.short_machine()


def began(config: "DictConfig | Config") -> float:
    """When the command began that a job belongs to, in UNIX seconds."""
    return float(str(config.worker).partition("-")[0])


def remove_ended(folder: Path) -> None:
    """Remove the outcomes of commands of this machine that have ended."""
    import psutil  # here: --cfg does without it

    here, names = _machine(), {path: COMMAND.fullmatch(path.name) for path in folder.glob("*")}
    for path, name in names.items():
        if name and name["machine"] == here and not psutil.pid_exists(int(name["process"])):
            shutil.rmtree(path, ignore_errors=True)


def keep_outcome(config: DictConfig, number: int, outcome: JobOutcome) -> None:
    """Write the outcome of a job for the command that started the sweep."""
    folder = outcomes_folder(config)
    folder.mkdir(parents=True, exist_ok=True)
    store.write_json(folder / f"{number}.json", outcome.to_json())
    if outcome.record and outcome.record.status == "finished":
        with suppress(OSError):  # only the progress of later commands reads it
            finished = _finished_folder(config)
            finished.mkdir(exist_ok=True)
            (finished / str(number)).touch()


def _finished_folder(config: DictConfig) -> Path:
    return run_names.sweep_folder(config) / FINISHED


def finished_from(config: DictConfig, first: int) -> int:
    """How many jobs with this number or a later one have a finished run, of any command of the sweep."""
    return sum(int(file.name) >= first for file in _finished_folder(config).glob("*"))


def drop_outcome(config: DictConfig, number: int) -> None:
    """Remove the outcome of a job that is no result of the sweep."""
    (outcomes_folder(config) / f"{number}.json").unlink(missing_ok=True)


def is_kept(config: DictConfig, number: int) -> bool:
    """Whether a job left an outcome."""
    return (outcomes_folder(config) / f"{number}.json").exists()


def of_job(config: "DictConfig | Config", number: int) -> JobOutcome:
    """The outcome of one job; damaged where the job left none."""
    return read_outcome(outcomes_folder(config) / f"{number}.json")


def outcomes_of(config: "DictConfig | Config") -> list[JobOutcome]:
    """The outcomes that there are, in the order in which they are shown; by default that of the jobs' numbers."""
    try:
        order = store.load_json(outcomes_folder(config) / ORDER)
    except (OSError, ValueError):
        order = []
    places = {number: place for place, number in enumerate(order)}
    numbers = sorted(_numbers(config), key=lambda number: (places.get(number, len(places)), number))
    return [of_job(config, number) for number in numbers]


def keep_order(config: DictConfig, numbers: Sequence[int]) -> None:
    """Write the order in which the jobs of these numbers are shown, where they run in another."""
    folder = outcomes_folder(config)
    folder.mkdir(parents=True, exist_ok=True)
    store.write_json(folder / ORDER, list(numbers))


def keep_batch(config: DictConfig, first: int) -> None:
    """Write that the batch begins whose first job has this number."""
    folder = outcomes_folder(config)
    folder.mkdir(parents=True, exist_ok=True)
    store.write_json(folder / BATCH, first)


def keep_planned(config: DictConfig, count: int) -> None:
    """Write how many jobs the command is to run, with those that it has run."""
    folder = outcomes_folder(config)
    folder.mkdir(parents=True, exist_ok=True)
    store.write_json(folder / PLANNED, count)


def planned(config: DictConfig) -> int | None:
    """How many jobs the command is to run; None where that was not known beforehand."""
    try:
        return int(store.load_json(outcomes_folder(config) / PLANNED))
    except (OSError, ValueError):
        return None


def of_earlier_batches(config: "Config") -> list[JobOutcome]:
    """The outcomes of the jobs that ran before the batch that is running: the same under every launcher."""
    try:
        first = store.load_json(outcomes_folder(config) / BATCH)
    except FileNotFoundError:
        return []
    return [of_job(config, number) for number in sorted(_numbers(config)) if number < first]


def keep_tuning(config: DictConfig, number: int, tuning: Tuning | None) -> None:
    """Write what chose the settings of a job, for its record."""
    if tuning is not None:
        store.write_json(outcomes_folder(config) / f"{number}{TUNING}", asdict(tuning))


def tuning_of(config: DictConfig, number: int) -> Tuning | None:
    """What chose the settings of a job; None where the command did."""
    try:
        return Tuning(**store.load_json(outcomes_folder(config) / f"{number}{TUNING}"))
    except FileNotFoundError:
        return None


def failed_before(config: DictConfig) -> bool:
    """Whether a job of this sweep has failed already; one that was ended from outside has not."""
    outcomes = (of_job(config, number) for number in _numbers(config))
    return any(outcome.failed and not outcome.held and not outcome.ended_from_outside for outcome in outcomes)


def _numbers(config: "DictConfig | Config") -> list[int]:
    return [int(file.stem) for file in outcomes_folder(config).glob("*.json") if file.stem.isdecimal()]


def not_begun(outcomes: Iterable[JobOutcome]) -> str | None:
    """A sentence that counts and names the runs that ``fail_fast`` did not begin; None where it began all."""
    labels = [outcome.not_begun for outcome in outcomes if outcome.not_begun]
    if not labels:
        return None
    runs = "1 run was" if len(labels) == 1 else f"{len(labels)} runs were"
    return f"fail_fast: {runs} not begun after a run had failed: {listed(labels, MOST_NAMED)}"
