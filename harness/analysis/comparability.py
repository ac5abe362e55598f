"""Which variants may be compared: comparison groups, and the hardware groups in them.

- A *comparison group* holds variants with the same data hash and the same versions of the packages that compute:
  Python, numpy and the backend's packages. Only packages that both variants use count, so that two backends can share
  a group. Quality and cost are ranked over the whole comparison group. A pretrained encoder brings its own tokenizer,
  so that its data hash differs: it shares the group of the variants on the same rows, cut at the same number of tokens.
- A *hardware group* holds the variants of one comparison group that ran on the same hardware and processor and were
  measured in the same way. Speed and memory are ranked within a hardware group only; speed only by runs that no
  other process disturbed, of variants that have three or more of them.

Precision belongs to the hardware: the accuracy of bfloat16 is ranked against that of float32, its speed is not.
"""

import json
from collections.abc import Hashable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.analysis.differences import DIGITS
from harness.analysis.intervals import mean_interval
from harness.analysis.partition import partition
from harness.analysis.requirements import Sifted
from harness.analysis.statistics import Standing
from harness.analysis.variant_names import name_variants
from harness.analysis.variants import Variant, versions
from harness.config.pretrained import is_pretrained
from harness.config.schema import AFTERWARDS
from harness.records.metrics import (
    ACCURACY,
    DEVICE_MEMORY,
    HOST_MEMORY,
    LATENCY,
    METRICS,
    QUALITY,
    THROUGHPUT,
    known,
)
from harness.records.record import Record
from harness.tasks.task import task_of_summary

CUTS = ("max_length", "truncate")
"""The settings of data that say how much of a text is read, besides the tokenizer."""

LIMITS = ("limit", "train_limit")
"""The settings of data by which a run uses a part of it."""

Facts = dict[str, Any]
"""Names of properties to their values, of one variant or group."""


@dataclass(eq=False)
class HardwareGroup:
    """Variants whose speed and memory were measured on the same hardware in the same way; ``title`` names it."""

    title: str
    variants: list[Variant]


@dataclass(eq=False)
class ComparisonGroup:
    """Variants with the same data and versions. ``metrics`` are those that any variant has, in the order of METRICS.

    ``margin`` is that of quality; ``covers_items``: its verdicts count the finite test set. Where
    there are requirements, ``sifted`` says who meets them, and ``standings_over_all`` are the standings in quality of
    all variants.
    """

    title: str
    hardware_groups: list[HardwareGroup]
    metrics: list[str]
    margin: float = 0.01
    cost: str | None = None
    told: list[str] = field(default_factory=list)
    covers_items: bool = False
    sifted: Sifted | None = None
    standings_over_all: dict[Variant, Standing] = field(default_factory=dict)

    def over_all(self, variant: Variant) -> Standing | None:
        """The standing of a variant in quality among all variants, whether or not they meet the requirements."""
        return self.standings_over_all.get(variant, variant.standings.get(self.quality))

    def among(self, metric: str) -> list[Variant]:
        """The variants that are not worse in a metric, the best first: with 95 % confidence the best is one of them."""
        possible = ("best", "equivalent", "open")
        found = [variant for variant in self.variants if variant.verdict(metric) in possible]
        return sorted(found, key=lambda variant: (variant.verdict(metric) != "best", variant.standings[metric].behind))

    @property
    def variants(self) -> list[Variant]:
        return [variant for hardware_group in self.hardware_groups for variant in hardware_group.variants]

    @property
    def finished(self) -> list[Variant]:
        """The variants with a finished run."""
        return [variant for variant in self.variants if variant.runs]

    @cached_property
    def quality(self) -> str:
        """The metric that decides which variant is best: the first of QUALITY that all finished variants have.

        Without a finished one, it is the task's own.
        """
        finished, variants = self.finished, self.variants
        if not finished and variants:
            return f"test/{task_of_summary(variants[0].record.data).scores[0]}"
        shared = (metric for metric in QUALITY if all(metric in variant.means for variant in finished))
        return next(shared, ACCURACY)

    @cached_property
    def chance(self) -> dict[str, float]:
        """The level of chance by metric, from the first record that has it."""
        levels: dict[str, float] = {}
        for variant in reversed(self.variants):
            levels |= variant.record.data.chance
        return levels

    @property
    def memory(self) -> str:
        """The memory metric that decides: the accelerator's if it was measured, else the host's."""
        return DEVICE_MEMORY if DEVICE_MEMORY in self.metrics else HOST_MEMORY

    @property
    def questions(self) -> list[str]:
        """The metrics that a reader asks for first: quality, training speed, latency, memory; only measured ones."""
        return [metric for metric in (self.quality, THROUGHPUT, LATENCY, self.memory) if metric in self.metrics]


def best_first(group: ComparisonGroup, variants: list[Variant]) -> list[Variant]:
    """Variants sorted by quality; variants without a finished run come last."""
    sign = -1 if known(group.quality).higher_is_better else 1

    def order(variant: Variant) -> tuple[bool, float, bool, str]:
        mean = variant.means.get(group.quality)
        follows = variant.verdict(group.quality) != "best"  # of equal means
        return mean is None, round(sign * mean.mean, DIGITS) if mean else 0.0, follows, variant.name

    return sorted(variants, key=order)


def make_groups(variants: list[Variant]) -> list[ComparisonGroup]:
    """Sort variants into comparison groups; give the variants names and means, and the groups titles."""
    # those that can join others come last, so that the others decide which groups there are
    ordered = sorted(variants, key=lambda variant: is_pretrained(variant.record.config.get("encoder")))
    groups = [_comparison_group(members) for members in partition(ordered, _same_data_and_versions, _data_and_versions)]
    facts = [group_facts(group) for group in groups]
    for group, own in zip(groups, facts, strict=True):
        differences = differing([other for other in facts if other["data"] == own["data"]])
        details = ", ".join(f"{key} {as_text(own[key])}" for key in differences if key in own)
        group.title = own["data"] + (f" ({details})" if details else "")
    return groups


def _comparison_group(variants: list[Variant]) -> ComparisonGroup:
    name_variants(variants)
    measured = {metric for variant in variants for run in variant.runs for metric in run.metrics}
    metrics = [metric for metric in METRICS if metric in measured] + sorted(measured - METRICS.keys())
    for variant in variants:
        for metric in metrics:
            values = list(variant.values(metric).values())
            in_all = all(metric in run.metrics for run in variant.runs)
            if values and (in_all or not known(metric).of_all_runs):
                variant.means[metric] = mean_interval(values, known(metric).exact)
    return ComparisonGroup("", _hardware_groups(variants), metrics)


def _hardware_groups(variants: list[Variant]) -> list[HardwareGroup]:
    """Sort the variants of one comparison group; titles name what differs, or the hardware if there is one group."""
    members = partition(
        variants, lambda one, other: conditions(one) == conditions(other), lambda record: as_text(conditions(record))
    )
    facts = [conditions(group[0].record) for group in members]
    keys = list(differing(facts, missing=True)) or ["accelerator", "devices", "precision", "threads", "processor"]
    titles = [", ".join(f"{key} {as_text(own[key])}" for key in keys if key in own) for own in facts]
    return [HardwareGroup(title, group) for title, group in zip(titles, members, strict=True)]


def _data_and_versions(record: Record) -> Hashable:
    """All that ``_same_data_and_versions`` looks at."""
    cuts = [(record.config.get("data") or {}).get(key) for key in CUTS]
    pretrained = is_pretrained(record.config.get("encoder"))
    return record.data.hash, record.data.rows_hash, pretrained, repr(cuts), tuple(sorted(versions(record).items()))


def _same_data_and_versions(one: Record, other: Record) -> bool:
    ours, theirs = versions(one), versions(other)
    shared = ours.keys() & theirs.keys()
    return _same_data(one, other) and all(ours[key] == theirs[key] for key in shared)


def _same_data(one: Record, other: Record) -> bool:
    """The same token ids; or, where one of two encoders brings its own tokenizer, the same rows."""
    if one.data.hash == other.data.hash:
        return True
    if one.data.rows_hash is None or not any(is_pretrained(record.config.get("encoder")) for record in (one, other)):
        return False
    cuts = [{key: (record.config.get("data") or {}).get(key) for key in CUTS} for record in (one, other)]
    return one.data.rows_hash == other.data.rows_hash and cuts[0] == cuts[1]


def conditions(record: Record) -> Facts:
    """What speed and memory depend on besides the encoder: hardware, processor, and the settings of the measurement."""
    settings = record.config.get("measure") or {}
    measured = {f"measure.{key}": value for key, value in settings.items() if key not in AFTERWARDS}
    hardware = asdict(record.environment.hardware)
    device = ", ".join(hardware.pop("device_names") or ["none"])
    return {**hardware, "device": device, "processor": record.environment.processor, **measured}


def group_facts(group: ComparisonGroup) -> Facts:
    """What the variants of a comparison group share: the data and the versions of packages."""
    record = group.variants[0].record
    facts: Facts = {"data": data_name(record), "content": record.data.hash[:8]}
    settings = record.config.get("data") or {}
    facts |= {key: settings[key] for key in LIMITS if key in settings}
    for variant in group.variants:  # variants of one backend do not have the versions of the other's packages
        facts |= versions(variant.record)
    return facts


def data_name(record: Record) -> str:
    """The data's name for a reader: its config, and with ``data=files`` also the file's name."""
    chosen = record.choices["data"]
    return f"{chosen} {Path(record.data.source).name}" if chosen == "files" else chosen


def differing(facts: list[Facts], missing: bool = False) -> dict[str, list[str]]:
    """The keys with more than one value, and these values as text, in order of appearance.

    ``missing``: a key that some of the facts lack counts as null there; otherwise only the present values count.
    The data's content is left out where a limit explains it.
    """
    values_by_key = {
        key: list(dict.fromkeys(as_text(own.get(key)) for own in facts if missing or key in own))
        for key in dict.fromkeys(key for own in facts for key in own)
    }
    found = {key: values for key, values in values_by_key.items() if len(values) > 1}
    if any(len(found.get(key, ())) == len(found.get("content", ())) for key in LIMITS):
        found.pop("content", None)
    return found


def as_text(value: Any) -> str:
    """A value of a config or an environment as text: strings unchanged, whole numbers without ``.0``, else JSON."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{value:.0f}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
