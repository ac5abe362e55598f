"""Who may be compared with whom: groups of variants of the same data and versions, and in them hardware_groups of one hardware.

- A *group* holds the variants of one data hash and of the same versions of what computes: Python, numpy and the packages
  of the backend (of what both have: two backends share a group). Quality and cost are ranked over a group; only what
  changes speed may differ within it.
- A *hardware_group* of a group holds the variants of one hardware, processor and way of measuring. Speed and memory are ranked
  within a hardware_group, and speed only among variants that had the processor to themselves.

Precision counts as hardware: what bfloat16 costs in accuracy may be asked, what it gains in speed is shown apart.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.analysis.statistics import mean_interval
from harness.analysis.variant_names import name_variants
from harness.analysis.variants import Variant, versions
from harness.config.schema import AFTERWARDS
from harness.records.metrics import (
    ACCURACY,
    DEVICE_MEMORY,
    FORWARD_FLOPS,
    HOST_MEMORY,
    LATENCY,
    METRICS,
    QUALITY,
    THROUGHPUT,
    TOTAL_SECONDS,
    known,
)
from harness.records.record import Record

MOST_NAMED = 6
"""Variants that a sentence names; of more of them, it says the number."""


@dataclass(eq=False)
class HardwareGroup:
    """Variants whose speed and memory were measured alike; ``title`` says on what."""

    title: str
    variants: list[Variant]


@dataclass(eq=False)
class ComparisonGroup:
    """Variants of the same data and versions."""

    title: str
    hardware_groups: list[HardwareGroup]
    metrics: list[str]
    """What any of the variants has, in the order of METRICS."""

    @property
    def variants(self) -> list[Variant]:
        return [variant for hardware_group in self.hardware_groups for variant in hardware_group.variants]

    @cached_property
    def quality(self) -> str:
        """The metric that decides which variant is best."""
        shared = [name for name in QUALITY if all(name in variant.means for variant in self.variants if variant.runs)]
        return shared[0] if shared else ACCURACY

    @property
    def memory(self) -> str:
        """The memory that decides: the accelerator's where the variants ran on one."""
        return DEVICE_MEMORY if DEVICE_MEMORY in self.metrics else HOST_MEMORY

    @property
    def questions(self) -> list[str]:
        """What a reader asks first: quality, speed of training, of an answer, and memory; as far as it was measured."""
        return [metric for metric in (self.quality, THROUGHPUT, LATENCY, self.memory) if metric in self.metrics]


def make_groups(variants: list[Variant]) -> list[ComparisonGroup]:
    """Variants sorted into groups and hardware_groups, named and titled, with their means."""
    groups = [_group(group) for group in _split(variants, _same_group)]
    facts = [_group_facts(group) for group in groups]
    for group, fact in zip(groups, facts, strict=True):
        extra = _differing_groups([other for other in facts if other["data"] == fact["data"]])
        more = ", ".join(f"{key} {shown(fact[key])}" for key in extra if key in fact)
        group.title = fact["data"] + (f" ({more})" if more else "")
    return groups


def _split(variants: list[Variant], same: Callable[[Record, Record], bool]) -> list[list[Variant]]:
    """Sort variants into groups in which each is the same as all others."""
    groups: list[list[Variant]] = []
    for variant in variants:
        fitting = (group for group in groups if all(same(variant.record, other.record) for other in group))
        group = next(fitting, None)
        groups.append([variant]) if group is None else group.append(variant)
    return groups


def _same_group(one: Record, other: Record) -> bool:
    ours, theirs = versions(one), versions(other)
    shared = ours.keys() & theirs.keys()
    return one.data.hash == other.data.hash and all(ours[key] == theirs[key] for key in shared)


def _flops_length(record: Record) -> int | None:
    """The length that operations were counted at, where it is not the data's longest."""
    return (record.config.get("measure") or {}).get("latency_length")


def _conditions(record: Record) -> dict[str, Any]:
    """What speed and memory depend on beside the config: hardware, processor and how it was measured."""
    settings = record.config.get("measure") or {}
    measured = {f"measure.{key}": value for key, value in settings.items() if key not in AFTERWARDS}
    hardware = asdict(record.environment.hardware)
    device = ", ".join(hardware.pop("device_names") or ["none"])
    return {**hardware, "device": device, "processor": record.environment.processor, **measured}


def _group(variants: list[Variant]) -> ComparisonGroup:
    name_variants(variants)
    present = {metric for variant in variants for run in variant.runs for metric in run.metrics}
    metrics = [metric for metric in METRICS if metric in present] + sorted(present - METRICS.keys())
    for variant in variants:
        for metric in metrics:
            if values := list(variant.values(metric).values()):
                variant.means[metric] = mean_interval(values, known(metric).exact)
    hardware_groups = [HardwareGroup("", group) for group in _split(variants, lambda one, other: _conditions(one) == _conditions(other))]
    _title_hardware_groups(hardware_groups)
    return ComparisonGroup("", hardware_groups, metrics)


def _title_hardware_groups(hardware_groups: list[HardwareGroup]) -> None:
    """A hardware_group is called by what it does not share with the others, a single one by its hardware."""
    facts = [_conditions(hardware_group.variants[0].record) for hardware_group in hardware_groups]
    keys = differing(facts) or ("accelerator", "devices", "precision", "threads", "processor")
    for hardware_group, fact in zip(hardware_groups, facts, strict=True):
        hardware_group.title = ", ".join(f"{key} {shown(fact.get(key))}" for key in keys if key in fact)


def _group_facts(group: ComparisonGroup) -> dict[str, Any]:
    record = group.variants[0].record
    facts = {"data": data_name(record), "content": record.data.hash[:8]}
    for variant in group.variants:  # the variants of one backend do not name the other's packages
        facts |= versions(variant.record)
    return facts


def data_name(record: Record) -> str:
    """What a reader calls the data: its config, and of files of one's own the file."""
    chosen = record.choices["data"]
    return f"{chosen} {Path(record.data.source).name}" if chosen == "files" else chosen


def _differing_groups(facts: list[dict[str, Any]]) -> dict[str, list[str]]:
    """What differs between groups; a package that only some of them use keeps none apart."""
    found = {
        key: [shown(fact[key]) for fact in facts if key in fact] for key in dict.fromkeys(k for f in facts for k in f)
    }
    return {key: list(dict.fromkeys(values)) for key, values in found.items() if len(set(values)) > 1}


def apart(groups: list[ComparisonGroup]) -> list[str]:
    """A sentence for everything that keeps variants from being ranked together."""
    said = []
    if len(groups) > 1:
        keys = _differing_groups([_group_facts(group) for group in groups])
        if "data" in keys:
            keys.pop("content", None)
        titles = " | ".join(group.title for group in groups)
        said.append(f"Shown apart and not ranked together: {titles}. They differ in {_listed(keys)}.")
    for group in groups:
        if len(group.hardware_groups) > 1:
            keys = differing([_conditions(hardware_group.variants[0].record) for hardware_group in group.hardware_groups])
            said.append(
                f"{group.title}: speed and memory are shown apart and not ranked together, because the runs differ in "
                f"{_listed(keys)}; what the test split says is ranked over all of them."
            )
        if resumed := [variant for variant in group.variants if variant.resumed and TOTAL_SECONDS in variant.means]:
            names = ", ".join(variant.name for variant in resumed[:MOST_NAMED])
            names += f" and {len(resumed) - MOST_NAMED} more" if len(resumed) > MOST_NAMED else ""
            said.append(
                f"{group.title}: {TOTAL_SECONDS} of {names} is not the whole, because runs went on after an interruption, and "
                "the time before it is not counted."
            )
        disturbed = [variant for variant in group.variants if variant.disturbed]
        if disturbed:
            said.append(
                f"{group.title}: the speed of {_some_of(disturbed, group.variants)} is not comparable and not ranked, "
                f"because {_why_disturbed(disturbed)}."
            )
    return said


def _some_of(some: list[Variant], variants: list[Variant]) -> str:
    """These variants by name, or how many of all they are."""
    return ", ".join(variant.name for variant in some) if len(some) <= MOST_NAMED else f"{len(some)} of {len(variants)} variants"


def _why_disturbed(variants: list[Variant]) -> str:
    """Why the speed of these variants is not to be compared."""
    if len(variants) == 1:
        return str(variants[0].disturbed)
    return "other processes used the processor too; they are marked"


def _listed(differences: dict[str, list[str]]) -> str:
    return "; ".join(f"{key} ({' or '.join(values)})" for key, values in differences.items())


def differing(facts: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The keys whose values are not all the same, with the values in order of appearance."""
    found = {}
    for key in dict.fromkeys(key for fact in facts for key in fact):
        values = list(dict.fromkeys(shown(fact.get(key)) for fact in facts))
        if len(values) > 1:
            found[key] = values
    return found


def shown(value: Any) -> str:
    """A value of a config or an environment as text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def pools(group: ComparisonGroup, metric: str) -> Iterator[list[Variant]]:
    """The variants that may be ranked together in a metric; those of profiles are never ranked."""
    definition = known(metric)
    if definition.kind == "profile":
        return
    pooled = [group.variants]
    if definition.of_hardware:
        pooled = [hardware_group.variants for hardware_group in group.hardware_groups]
    elif metric == FORWARD_FLOPS:
        pooled = _split(group.variants, lambda one, other: _flops_length(one) == _flops_length(other))
    for pool in pooled:
        yield [one for one in pool if metric in one.means and not (definition.timed and one.disturbed)]
