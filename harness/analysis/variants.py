"""Records become cells: the runs of one config over its seeds."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from harness.analysis.statistics import Difference, Mean, Verdict
from harness.records.record import Record

BUSY = 0.05
"""A share of the processors used by other processes above which a run's speed is not to be compared."""

UNNAMED = (
    "name",
    "seed",
    "output_dir",
    "cache_dir",
    "rerun",
    "run_timeout",
    "tracking",
    "choices",
    "sweep",
    "fail_fast",
)
"""Parts of a config that never set two cells apart."""

COMPUTING = {"pytorch": ("torch", "pytorch-lightning"), "tensorflow": ("tensorflow", "keras")}
"""The packages by which a backend computes; beside them only Python and numpy have a hand in the results."""


@dataclass(frozen=True)
class Versus:
    """A cell's difference to its baseline in one metric; ``p`` is corrected for all cells asked about at once.

    ``difference`` is None where the two share no seed; ``theirs`` is the baseline's mean.
    """

    baseline: str
    theirs: float
    difference: Difference | None
    p: float | None


@dataclass(eq=False)
class Cell:
    """The runs of one config: the finished ones, one a seed, and those that failed."""

    runs: list[Record]
    failed: list[Record]
    name: str = ""
    parts: dict[str, str] = field(default_factory=dict)
    """What sets this cell apart from the others of its comparison, config keys and choices to values."""
    means: dict[str, Mean] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    versus: dict[str, Versus] = field(default_factory=dict)

    @property
    def setting(self) -> str:
        """All that sets this cell apart, under its keys' full names."""
        return ", ".join(f"{key}={value}" for key, value in self.parts.items())

    @cached_property
    def record(self) -> Record:
        """The newest record: any would do for what all runs share."""
        return max(self.runs or self.failed, key=lambda record: record.started)

    def values(self, metric: str) -> dict[int, float]:
        """A metric by seed, of the runs that have it."""
        return {run.seed: run.metrics[metric] for run in self.runs if metric in run.metrics}

    @cached_property
    def resumed(self) -> bool:
        """Whether a run was interrupted and went on later, so that its time is not the whole."""
        return any((run.resumed_epochs or 0) > 0 for run in self.runs)

    @cached_property
    def disturbed(self) -> str | None:
        """Why this cell's speed is not to be compared, None where nothing speaks against it."""
        shares = [run.environment.other_processes_cpu_share or 0.0 for run in self.runs]
        if max(shares, default=0.0) > BUSY:
            busy = sum(share > BUSY for share in shares)
            return f"other processes used up to {max(shares):.0%} of the processor in {busy} of {len(shares)} runs"
        return None


@dataclass
class Gathered:
    """Cells, and what of the records is not in them: repeated runs and the cells of earlier code."""

    cells: list[Cell]
    repeated: int
    outdated: list[Cell]


def gather(records: Iterable[Record]) -> Gathered:
    """Group records by cell; of several with the same cell and seed the newest counts.

    A cell is of one processor and of the same devices, even where its hash does not say so.
    An encoder chosen under two names makes two cells, although their fingerprints are the same. Cells that differ in
    nothing but the code they ran with are versions of one another: the newest that has finished runs counts, the others
    are outdated; newer runs that failed are shown with it.
    """
    groups: dict[tuple[str, ...], list[Record]] = {}
    total = 0
    for record in sorted(records, key=lambda record: record.started):
        key = (record.variant, record.choices["encoder"], device_of(record), processor_of(record))
        groups.setdefault(key, []).append(record)
        total += 1
    cells = [_cell(group) for group in groups.values()]
    kept = sum(len(cell.runs) + len(cell.failed) for cell in cells)

    newest: dict[str, Cell] = {}
    outdated = []
    for cell in sorted(cells, key=lambda cell: (bool(cell.runs), cell.record.started)):
        identity = json.dumps([cell.record.choices["encoder"], *_identity(cell.record)], sort_keys=True)
        if earlier := newest.get(identity):
            outdated.append(earlier)
            newer = [record for record in earlier.failed if record.started > cell.record.started]
            cell.failed += newer
            earlier.failed = [record for record in earlier.failed if record not in newer]
        newest[identity] = cell
    return Gathered([cell for cell in cells if cell not in outdated], total - kept, outdated)


def _cell(group: list[Record]) -> Cell:
    """A cell of records that are sorted by age: per seed the newest finished one, and a failure unless mended since."""
    runs: dict[int, Record] = {}
    failed: dict[int, Record] = {}
    for record in group:
        seed = record.seed
        if record.status == "finished":
            runs[seed] = record
            failed.pop(seed, None)
        else:
            failed[seed] = record
    return Cell([runs[seed] for seed in sorted(runs)], [failed[seed] for seed in sorted(failed)])


def _identity(record: Record) -> list[Any]:
    environment = record.environment
    # what a later version added is null, or one node, where it is not used
    settings = {
        key: value for key, value in flat_settings(record).items()
        if not key.startswith("hardware.") and value is not None
    }  # fmt: skip
    hardware = {"nodes": 1, **(environment.get("hardware") or {})}
    return [settings, record.data.hash, hardware, processor_of(record), versions(record)]


def versions(record: Record) -> dict[str, str]:
    """The versions of what computed a record's results, as far as they are known."""
    backend = record.choices.get("backend") or record.config.get("backend", {}).get("name")
    computing = ("python", "numpy", *COMPUTING.get(backend, ()))
    found = record.environment.versions or {}
    return {package: found[package] for package in computing if package in found}


def device_of(record: Record) -> str:
    """The accelerator that a run used, and the names of its devices."""
    hardware = record.environment.hardware or {}
    return ", ".join([str(hardware.get("accelerator")), *(hardware.get("device_names") or [])])


def threads_of(record: Record) -> int | None:
    """How many threads a run had, whatever its config left to the machine."""
    return (record.environment.hardware or {}).get("threads")


def processor_of(record: Record) -> str:
    """The processor that a run was on."""
    return str(record.environment.processor)


def flat_settings(record: Record) -> dict[str, Any]:
    """Dotted keys to values, of the parts of a config that can set cells apart."""
    kept = {key: value for key, value in record.config.items() if key not in UNNAMED}
    return dict(_flat(kept, ""))


def _flat(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield prefix, value
        return
    for key, inner in value.items():
        yield from _flat(inner, f"{prefix}.{key}" if prefix else str(key))
