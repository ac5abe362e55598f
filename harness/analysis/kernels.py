"""What computed recurrent encoders: said where encoders that are compared had different kernels.

They are ranked all the same: ``encoder.kernel=auto`` takes for each encoder what is fastest, and a comparison of
kernels is one of variants.
"""

from collections.abc import Iterable, Sequence

from harness.analysis.budgets import name_without
from harness.analysis.comparability import ComparisonGroup
from harness.analysis.listed import listed
from harness.config.kernels import HARNESS, TORCH
from harness.config.schema import AUTO
from harness.records.record import Record
from harness.records.settings import flatten

KEY = "encoder.kernel"
PHASES = ("training", "inference")


def sentences(groups: Iterable[ComparisonGroup]) -> list[str]:
    """A sentence for each hardware group whose recurrent encoders had different kernels."""
    found = []
    for group in groups:
        for hardware_group in group.hardware_groups:
            title = group.title + (f", {hardware_group.title}" if len(group.hardware_groups) > 1 else "")
            variants = [variant for variant in hardware_group.variants if variant.runs]
            named = [(name_without(variant, KEY), variant.record) for variant in variants]
            if clauses := differing(named):
                found.append(f"{title}: {clauses}.")
    return found


def differing(named: Sequence[tuple[str, Record]]) -> str:
    """What computed which of these records, if it was not the same for all; otherwise empty."""
    clauses = []
    for phase in PHASES:
        names: dict[str, list[str]] = {}
        for name, record in named:
            kernels = {own[phase] for own in record.environment.kernels.values() if phase in own}
            if kernels:
                names.setdefault(" and ".join(sorted(kernels)), []).append(name)
        if len(names) > 1:
            clauses.append(f"{phase} " + ", ".join(f"{one} ({listed(names[one])})" for one in sorted(names)))
    if not clauses:
        return ""
    return (
        f"speed and memory compare kernels as well as encoders: {'; '.join(clauses)}"
        f"{_advice([record for _, record in named])}"
    )


def _advice(records: Iterable[Record]) -> str:
    """How to give all encoders the same kernel, where ``auto`` gave them different ones."""
    own = [record for record in records if record.environment.kernels]
    used = {kernel for record in own for phases in record.environment.kernels.values() for kernel in phases.values()}
    asked = (value for record in own for key, value in flatten(record.config["encoder"]) if key.endswith("kernel"))
    if not used <= {TORCH, HARNESS} or AUTO not in asked:
        return ""
    keys = sorted({f"{part}.kernel" for record in own for part in record.environment.kernels})
    if keys == [KEY]:
        return f"; {KEY}={TORCH} or {KEY}={HARNESS} gives all of them the same kernel"
    return f"; the same value of {listed(keys)}, {TORCH} or {HARNESS}, gives all of them the same kernel"
