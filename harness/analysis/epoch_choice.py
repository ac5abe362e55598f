"""How the epoch of each run was chosen, where validation did not choose it: reports say so beside the results."""

from collections import Counter

from harness.analysis.listed import listed
from harness.analysis.variants import Variant
from harness.config.schema import LAST_EPOCH
from harness.records.record import Record

CHOICES = {
    "train/loss": "epoch chosen on training loss",
    "train/mse": "epoch chosen on training error",
    LAST_EPOCH: "last epoch used, none chosen",
}
"""The values of ``trainer.monitor`` that leave validation out, in words."""


def epoch_choice(record: Record) -> str:
    """How the epoch of a run was chosen, in words; empty where validation chose it."""
    how = CHOICES.get(str((record.config.get("trainer") or {}).get("monitor")), "")
    return f"{how}, trained without validation" if how and record.data.sizes.get("validation") == 0 else how


def of_runs(records: list[Record]) -> list[str]:
    """A sentence for each way in which the epochs of these runs were chosen without validation."""
    counts = Counter(map(epoch_choice, records))
    runs = "" if len(counts) == 1 else " ({} of " + f"{len(records)} runs)"
    return [how + runs.format(count) for how, count in counts.items() if how]


def of_variants(variants: list[Variant]) -> list[str]:
    """The same for the variants of a comparison group: each variant is named, unless all were chosen alike."""
    named: dict[str, list[str]] = {}
    for variant in variants:
        named.setdefault(epoch_choice(variant.record), []).append(variant.name)
    if len(named) == 1:
        return [how for how in named if how]
    return [f"{how}, unlike for other variants: {listed(names)}" for how, names in named.items() if how]
