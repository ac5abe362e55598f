"""Records become variants: the runs of one config over its seeds."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from harness.analysis.statistics import Difference, Mean, Verdict
from harness.records.record import Record
from harness.records.settings import flatten

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
"""Parts of a config that never set two variants apart."""

COMPUTING = {"pytorch": ("torch", "pytorch-lightning"), "tensorflow": ("tensorflow", "keras")}
"""The packages by which a backend computes; beside them only Python and numpy have a hand in the results."""


@dataclass(frozen=True)
class BaselineDifference:
    """A variant's difference to its baseline in one metric; ``p`` is corrected for all variants asked about at once.

    ``difference`` is None where the two share no seed; ``theirs`` is the baseline's mean.
    """

    baseline: str
    theirs: float
    difference: Difference | None
    p: float | None


@dataclass(eq=False)
class Variant:
    """The runs of one config: the finished ones, one a seed, and those that failed."""

    runs: list[Record]
    failed: list[Record]
    name: str = ""
    parts: dict[str, str] = field(default_factory=dict)
    """What sets this variant apart from the others of its comparison, config keys and choices to values."""
    means: dict[str, Mean] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    baseline_differences: dict[str, BaselineDifference] = field(default_factory=dict)

    @property
    def setting(self) -> str:
        """All that sets this variant apart, under its keys' full names."""
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
        """Why this variant's speed is not to be compared, None where nothing speaks against it."""
        shares = [run.environment.other_processes_cpu_share or 0.0 for run in self.runs]
        if max(shares, default=0.0) > BUSY:
            busy = sum(share > BUSY for share in shares)
            return f"other processes used up to {max(shares):.0%} of the processor in {busy} of {len(shares)} runs"
        return None


@dataclass
class Gathered:
    """Variants, and what of the records is not in them: repeated runs and the variants of earlier code."""

    variants: list[Variant]
    repeated: int
    outdated: list[Variant]


def gather(records: Iterable[Record]) -> Gathered:
    """Group records by variant; of several with the same variant and seed the newest counts.

    A variant is of one processor and of the same devices, even where its hash does not say so.
    An encoder chosen under two names makes two variants, although their fingerprints are the same. Variants that differ in
    nothing but the code they ran with are versions of one another: the newest that has finished runs counts, the others
    are outdated; newer runs that failed are shown with it.
    """
    groups: dict[tuple[str, ...], list[Record]] = {}
    total = 0
    for record in sorted(records, key=lambda record: record.started):
        key = (record.variant, record.choices["encoder"], device_of(record), processor_of(record))
        groups.setdefault(key, []).append(record)
        total += 1
    variants = [_variant(group) for group in groups.values()]
    kept = sum(len(variant.runs) + len(variant.failed) for variant in variants)

    newest: dict[str, Variant] = {}
    outdated = []
    for variant in sorted(variants, key=lambda variant: (bool(variant.runs), variant.record.started)):
        identity = json.dumps([variant.record.choices["encoder"], *_identity(variant.record)], sort_keys=True)
        if earlier := newest.get(identity):
            outdated.append(earlier)
            newer = [record for record in earlier.failed if record.started > variant.record.started]
            variant.failed += newer
            earlier.failed = [record for record in earlier.failed if record not in newer]
        newest[identity] = variant
    return Gathered([variant for variant in variants if variant not in outdated], total - kept, outdated)


def _variant(group: list[Record]) -> Variant:
    """A variant of records that are sorted by age: per seed the newest finished one, and a failure unless mended since."""
    runs: dict[int, Record] = {}
    failed: dict[int, Record] = {}
    for record in group:
        seed = record.seed
        if record.status == "finished":
            runs[seed] = record
            failed.pop(seed, None)
        else:
            failed[seed] = record
    return Variant([runs[seed] for seed in sorted(runs)], [failed[seed] for seed in sorted(failed)])


def _identity(record: Record) -> list[Any]:
    # a key that a later version added is null where it is not used
    settings = {
        key: value
        for key, value in flat_settings(record).items()
        if not key.startswith("hardware.") and value is not None
    }
    return [settings, record.data.hash, asdict(record.environment.hardware), processor_of(record), versions(record)]


def versions(record: Record) -> dict[str, str]:
    """The versions of what computed a record's results, as far as they are known."""
    backend = record.choices["backend"]
    computing = ("python", "numpy", *COMPUTING.get(backend, ()))
    found = record.environment.versions
    return {package: found[package] for package in computing if package in found}


def device_of(record: Record) -> str:
    """The accelerator that a run used, and the names of its devices."""
    hardware = record.environment.hardware
    return ", ".join([hardware.accelerator, *hardware.device_names])


def threads_of(record: Record) -> int:
    """How many threads a run had, whatever its config left to the machine."""
    return record.environment.hardware.threads


def processor_of(record: Record) -> str:
    """The processor that a run was on."""
    return record.environment.processor


def flat_settings(record: Record) -> dict[str, Any]:
    """Dotted keys to values, of the parts of a config that can set variants apart."""
    kept = {key: value for key, value in record.config.items() if key not in UNNAMED}
    return dict(flatten(kept))
