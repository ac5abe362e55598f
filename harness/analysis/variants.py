"""Variants: the runs of one config over its seeds, gathered from records."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from harness.analysis.disturbances import disturbances, is_disturbed
from harness.analysis.intervals import Difference, Mean
from harness.analysis.statistics import Standing
from harness.config.kernels import with_kernels
from harness.config.libraries import COMPUTING_PACKAGES, PRETRAINED_PACKAGES, not_read
from harness.config.pretrained import is_pretrained
from harness.config.schema import AFTERWARDS
from harness.records.metrics import known
from harness.records.record import Record
from harness.records.settings import flatten, one_form, without

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
    "worker",
    "trial",
    "fail_fast",
    "report",
    "tune",
    "trainer.report_test_each_epoch",
)
"""The parts of a config by which variants never differ; of ``tune``, only tuned variants differ by its settings."""
HOW_TUNED = ("space", "seed", "prune")
"""The keys of ``tune`` by which tuned variants differ, besides the number of trials."""
TUNED = "tuned"
"""The value of a setting that trials chose."""
FEWEST_QUIET = 2
"""Where so many runs of a variant are left that no other process disturbed, these alone count for its speed: they have
a mean and an interval. A verdict needs more of them."""


@dataclass(frozen=True)
class BaselineDifference:
    """A variant's difference to its baseline in one metric.

    ``theirs`` is the baseline's mean. ``difference`` is None if the two share no seed. ``p`` is corrected over all
    variants that are compared with a baseline.
    """

    baseline: str
    theirs: float
    difference: Difference | None
    p: float | None


@dataclass(eq=False)
class Variant:
    """One config over its seeds: the finished runs, one per seed, and the failed ones.

    ``parts`` holds what distinguishes the variant from the others of its comparison group: config keys and choices to
    values. ``means``, ``standings`` and ``baseline_differences`` are by metric. ``excluded``: it does not meet what the
    user requires, so that it is not ranked.
    """

    runs: list[Record]
    failed: list[Record]
    name: str = ""
    parts: dict[str, str] = field(default_factory=dict)
    means: dict[str, Mean] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    excluded: bool = False
    baseline_differences: dict[str, BaselineDifference] = field(default_factory=dict)

    @property
    def setting(self) -> str:
        """Everything that distinguishes this variant, under full keys."""
        return ", ".join(f"{key.removesuffix('._target_')}={value}" for key, value in self.parts.items())

    @cached_property
    def record(self) -> Record:
        """The newest record, for everything that all runs of the variant share."""
        return max(self.runs or self.failed, key=lambda record: record.started)

    def values(self, metric: str) -> dict[int, float]:
        """A metric by seed, of the finished runs that have it; of times and rates, of the undisturbed ones."""
        runs = self.undisturbed if known(metric).timed else self.runs
        return {run.seed: run.metrics[metric] for run in runs if metric in run.metrics}

    def verdict(self, metric: str) -> str:
        """The verdict in a metric; empty where there is none."""
        return self.standings[metric].verdict if metric in self.standings else ""

    @cached_property
    def resumed(self) -> bool:
        """Whether a run was interrupted and resumed, so that its total time does not cover the whole run."""
        return any(run.resumed_epochs > 0 for run in self.runs)

    @cached_property
    def undisturbed(self) -> list[Record]:
        """The finished runs that count for what other processes disturb; all of them where too few were quiet."""
        quiet = [run for run in self.runs if not is_disturbed(run)]
        return quiet if len(quiet) >= FEWEST_QUIET else self.runs

    @property
    def left_out(self) -> int:
        """The number of finished runs that do not count for its speed."""
        return len(self.runs) - len(self.undisturbed)

    @cached_property
    def disturbed(self) -> str | None:
        """Why this variant's speed is not comparable; None if it is."""
        if self.left_out:
            return None
        found = [f"{what} in {count} of {len(self.runs)} runs" for what, count in disturbances(self.runs)]
        return f"other processes {' and '.join(found)}" if found else None


@dataclass
class Gathered:
    """Variants; the number of repeated runs that are not in them; and the variants of earlier code, not compared."""

    variants: list[Variant]
    repeated: int
    outdated: list[Variant]


def gather(records: Iterable[Record]) -> Gathered:
    """Group records into variants; of several records with the same variant and seed the newest counts.

    Records with one variant hash become several variants if processor, devices or the encoder's name differ. Variants
    that differ only in the code they ran with are versions of one another: the newest version with finished runs
    counts, with any later runs that failed; the others are outdated.
    """
    members: dict[tuple[str, ...], list[Record]] = {}
    total = 0
    for record in sorted(records, key=lambda record: record.started):
        key = (record.variant, record.choices["encoder"], device_of(record), processor_of(record))
        members.setdefault(key, []).append(record)
        total += 1
    variants = [_variant(same) for same in members.values()]
    kept = sum(len(variant.runs) + len(variant.failed) for variant in variants)
    outdated = _outdated(variants)
    return Gathered([variant for variant in variants if variant not in outdated], total - kept, outdated)


def _variant(records: list[Record]) -> Variant:
    """A variant of records sorted by age: per seed the newest finished run, or the failure if none finished later."""
    runs: dict[int, Record] = {}
    failed: dict[int, Record] = {}
    for record in records:
        if record.status == "finished":
            runs[record.seed] = record
            failed.pop(record.seed, None)
        else:
            failed[record.seed] = record
    return Variant([runs[seed] for seed in sorted(runs)], [failed[seed] for seed in sorted(failed)])


def _outdated(variants: list[Variant]) -> list[Variant]:
    """The variants that a newer version replaces; their failures that are newer than that version move to it."""
    newest: dict[str, Variant] = {}
    outdated = []
    for variant in sorted(variants, key=lambda variant: (bool(variant.runs), variant.record.started)):
        identity = _identity(variant.record)
        if earlier := newest.get(identity):
            outdated.append(earlier)
            newer = [record for record in earlier.failed if record.started > variant.record.started]
            variant.failed += newer
            earlier.failed = [record for record in earlier.failed if record not in newer]
        newest[identity] = variant
    return outdated


def _identity(record: Record) -> str:
    """Everything that versions of one variant share: encoder, config, data, hardware and versions of packages."""
    # a key that a later version of the harness added is null if it is not used
    settings = {
        key: value
        for key, value in [*flatten(one_form(_named(record))), *chosen_by_trials(record).items()]
        if not key.startswith("hardware.") and value is not None
    }
    hardware = [asdict(record.environment.hardware), processor_of(record)]
    identity = [record.choices["encoder"], settings, record.data.hash, *hardware, versions(record)]
    return json.dumps(identity, sort_keys=True)


def versions(record: Record) -> dict[str, str]:
    """The versions of the packages that computed a record's results, as far as they are known."""
    computing = ["python", "numpy", *COMPUTING_PACKAGES.get(record.choices["backend"], ())]
    if is_pretrained(record.config.get("encoder")):
        computing += PRETRAINED_PACKAGES
    installed = record.environment.versions
    return {package: installed[package] for package in computing if package in installed}


def device_of(record: Record) -> str:
    """The accelerator that a run used, and the names of its devices."""
    hardware = record.environment.hardware
    return ", ".join([hardware.accelerator, *hardware.device_names])


def threads_of(record: Record) -> int:
    """The number of threads that a run used, even if its config left it to the machine."""
    return record.environment.hardware.threads


def processor_of(record: Record) -> str:
    """The processor that a run used."""
    return record.environment.processor


def flat_settings(record: Record) -> dict[str, Any]:
    """Dotted keys to values, of the parts of a config by which variants can differ."""
    return dict(flatten(_named(record)))


def asked_settings(record: Record) -> dict[str, Any]:
    """The same without what trials chose: what the command asked for, which is alike on all data and hardware."""
    return flat_settings(record) | chosen_by_trials(record)


def chosen_by_trials(record: Record) -> dict[str, Any]:
    """The dotted keys of the settings that trials chose, each with the value ``TUNED``."""
    return dict.fromkeys(record.tuning.chosen, TUNED) if record.tuning else {}


def _named(record: Record) -> dict[str, Any]:
    """The parts of a config by which variants can differ, and how trials chose the settings if they did."""
    named = without(record.config, (*UNNAMED, *not_read(record.choices["backend"])))
    if "encoder" in named:
        named["encoder"] = with_kernels(named["encoder"])
    measured = {key: value for key, value in (named.pop("measure", None) or {}).items() if key not in AFTERWARDS}
    named |= {"measure": measured} if measured else {}
    if record.tuning is None:
        return {**named, "tuned": "no"}
    how = {key: value for key, value in (record.config.get("tune") or {}).items() if key in HOW_TUNED}
    return {**named, "tune": how, "tuned": f"{record.tuning.trials} trials"}
