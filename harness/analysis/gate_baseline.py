"""The baseline of the regression gate: a file with every seed's numbers of each variant."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import FiniteFloat, TypeAdapter, ValidationError

from harness.analysis.comparability import as_text
from harness.analysis.comparison import Comparison
from harness.analysis.variants import Variant, asked_settings
from harness.config.schema import CLASS_WEIGHTS
from harness.errors import UserError
from harness.records.hardware_facts import facts as hardware_facts
from harness.records.metrics import GATED, known
from harness.records.record import Record, now, overrides_of
from harness.records.store import load_json, write_json

SCHEMA = 3
COMPARED_ELSEWHERE = ("hardware", "data", "profile")
"""The parts of a config that change no variant: hardware and the data's content have sentences of their own."""


@dataclass(frozen=True)
class Side:
    """One side of a check, the baseline or now: a variant's metrics as values over seeds, and where they come from.

    ``settings`` are those that decide its results, as text. ``disturbed`` says why its speed and memory do not count.
    """

    name: str
    settings: dict[str, str]
    data: str
    hardware: dict[str, Any]
    disturbed: str | None
    metrics: dict[str, list[FiniteFloat]]


Baseline = dict[str, Side]
"""Variants by their keys."""


def key(record: Record) -> str:
    """The family of configurations that a variant belongs to: what its command asked for, under one experiment's name.

    Versions of the code, machines, and values that the command left to ``conf/`` may differ in a family.
    """
    choices = ",".join(f"{name}={value}" for name, value in sorted(record.choices.items()))
    return f"{record.name}: {overrides_of(record)} ({choices})"


def by_key(variants: list[Variant]) -> dict[str, Variant]:
    """Variants by family; of several in one family the one with the newest run."""

    def newest(variant: Variant) -> str:
        return max(record.started for record in (*variant.runs, *variant.failed))

    return {key(variant.record): variant for variant in sorted(variants, key=newest)}


def baseline_of(comparison: Comparison) -> Baseline:
    """The numbers of every variant with a finished run.

    Raises:
        UserError: no run finished.
    """
    newest = by_key([variant for variant in comparison.variants if variant.runs])
    if not newest:
        raise UserError("no run finished, so there is no baseline to write")
    return {name: side_of(variant) for name, variant in newest.items()}


def side_of(variant: Variant) -> Side:
    """The numbers of a variant as one side of a gate."""
    record = variant.record
    return Side(
        name=variant.name,
        settings=_settings(record),
        data=record.data.hash,
        hardware={**hardware_facts(record.environment.hardware), "processor": record.environment.processor},
        disturbed=variant.disturbed,
        metrics={metric: values for metric in GATED if (values := _values(variant, metric))},
    )


def _settings(record: Record) -> dict[str, str]:
    settings, weights = asked_settings(record), f"data.{CLASS_WEIGHTS}"
    return {
        key: as_text(value) for key, value in settings.items()
        if key.partition(".")[0] not in COMPARED_ELSEWHERE or key == weights
    }  # fmt: skip


def _values(variant: Variant, metric: str) -> list[float]:
    """A metric by seed; only quality counts where other processes disturbed a run whose variant has others."""
    runs = variant.runs if known(metric).kind == "quality" else variant.undisturbed
    return [run.metrics[metric] for run in runs if metric in run.metrics]


def write_baseline(comparison: Comparison, file: Path) -> list[str]:
    """Write the baseline; returns the lines to print about it.

    Raises:
        UserError: no run finished.
    """
    baseline = baseline_of(comparison)
    file.parent.mkdir(parents=True, exist_ok=True)
    variants = {name: asdict(side) for name, side in baseline.items()}
    write_json(file, {"schema": SCHEMA, "written": now(), "variants": variants})
    few = [side.name for side in baseline.values() if any(len(values) < 2 for values in side.metrics.values())]
    warnings = [f"a gate cannot judge variants with fewer than two seeds: {', '.join(few)}; add seeds"] if few else []
    warnings += [
        f"a gate cannot judge speed and memory of {side.name}, because {side.disturbed}; write the baseline on a quiet "
        "machine"
        for side in baseline.values()
        if side.disturbed
    ]
    return [f"baseline of {len(baseline)} variants written to {file}", *warnings]


def read_baseline(file: Path) -> Baseline:
    """The baseline in a file.

    Raises:
        UserError: the file is missing or holds no baseline.
    """
    try:
        content = load_json(file)
    except FileNotFoundError:
        raise UserError(f"there is no baseline {file}; write one with --write-baseline {file}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"the baseline {file} cannot be read: {error}") from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA or "variants" not in content:
        raise UserError(f"{file} is not a baseline of this version; write it again with --write-baseline {file}")
    try:
        return TypeAdapter(Baseline).validate_python(content["variants"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"the baseline {file} cannot be read: {where}: {first['msg']}") from None
