"""A gate for continuous integration: did quality, speed or memory get worse by more than the measured noise explains?

The baseline is a file with every seed's numbers. Variants are matched by experiment, choices and label, because hashes
change with the code. A metric got worse if Welch's one-sided t test says so at 5 %, after Holm's correction over all
checked metrics: one gate in twenty fails by noise alone, however many metrics it checks. The test knows only the spread
between the seeds of one session, so write the baseline on the machine where the gate runs, and on a quiet one.

Quality is judged on the same data; speed and memory on the same data and hardware; speed only if no other process
disturbed the runs. Everything that cannot be judged is reported, and the gate then does not pass: fewer than two seeds
on one side, a missing variant, failed runs, other data, other hardware, a busy machine.
"""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness.analysis.comparison import Comparison
from harness.analysis.statistics import ALPHA, holm, welch_worse
from harness.analysis.variants import Variant
from harness.errors import UserError
from harness.records.metrics import GATED, known, number
from harness.records.record import Record, now, overrides_of
from harness.records.store import load_json, write_json

SCHEMA = 2
PASSED, WORSE, UNJUDGED = 0, 1, 2


@dataclass(frozen=True)
class Side:
    """One side of a check, the baseline or now: a variant's metrics as values over seeds, and where they come from."""

    name: str
    data: str
    hardware: dict[str, Any]
    disturbed: str | None
    metrics: dict[str, list[float]]


Baseline = dict[str, Side]
"""Variants by their keys."""


@dataclass(frozen=True)
class Check:
    """One metric of one variant before and after; ``p`` is the corrected p value of "not worse"."""

    variant: str
    metric: str
    before: list[float]
    after: list[float]
    p: float

    def __str__(self) -> str:
        before, after = (sum(values) / len(values) for values in (self.before, self.after))
        change = f" ({100 * (after - before) / before:+.1f} %)" if before else ""
        seeds = f"{len(self.before)} and {len(self.after)} seeds"
        numbers = f"{number(self.metric, before)} -> {number(self.metric, after)}{change}"
        return f"{self.variant}: {self.metric} {numbers}, {seeds}, p = {self.p:.2g}"


@dataclass
class Outcome:
    """The result of a gate: the checks, and a sentence for everything that could not be judged."""

    checks: list[Check] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)

    @property
    def worse(self) -> list[Check]:
        return [check for check in self.checks if check.p < ALPHA]

    @property
    def code(self) -> int:
        """The exit code: 1 if something got worse, else 2 if something could not be judged, else 0."""
        if self.worse:
            return WORSE
        return UNJUDGED if self.unjudged or not self.checks else PASSED

    def lines(self) -> list[str]:
        """A line for each metric that got worse or could not be judged, and a closing line."""
        lines = [f"cannot judge: {sentence}" for sentence in self.unjudged]
        lines += [f"worse: {check}" for check in self.worse]
        count = f"{len(self.checks)} metrics checked"
        closing = {
            PASSED: f"gate passed: {count}, none worse than noise explains",
            WORSE: f"gate failed: {count}, {len(self.worse)} worse than noise explains",
            UNJUDGED: f"gate not passed: {count}, and not everything could be judged",
        }
        return [*lines, closing[self.code]]


def key(record: Record) -> str:
    """The name by which a variant is matched across versions of the code: experiment, overrides and choices."""
    choices = ",".join(f"{name}={value}" for name, value in sorted(record.choices.items()))
    return f"{record.name}: {overrides_of(record)} ({choices})"


def _by_key(variants: list[Variant]) -> dict[str, Variant]:
    """Variants by key; of several with one key (other versions, threads or devices) the one with the newest run."""

    def newest(variant: Variant) -> str:
        return max(record.started for record in (*variant.runs, *variant.failed))

    return {key(variant.record): variant for variant in sorted(variants, key=newest)}


def baseline_of(comparison: Comparison) -> Baseline:
    """The numbers of every variant with a finished run.

    Raises:
        UserError: no run finished.
    """
    newest = _by_key([variant for variant in comparison.variants if variant.runs])
    if not newest:
        raise UserError("no run finished, so there is no baseline to write")
    return {name: _side(variant) for name, variant in newest.items()}


def _side(variant: Variant) -> Side:
    record = variant.record
    return Side(
        name=variant.name,
        data=record.data.hash,
        hardware={**asdict(record.environment.hardware), "processor": record.environment.processor},
        disturbed=variant.disturbed,
        metrics={metric: values for metric in GATED if (values := list(variant.values(metric).values()))},
    )


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
        f"a gate cannot judge the speed of {side.name}, because {side.disturbed}; write the baseline on a quiet machine"
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


def check(comparison: Comparison, baseline: Baseline) -> Outcome:
    """Compare the newest variants with those of the baseline."""
    outcome = Outcome()
    variants = _by_key(comparison.variants)
    checks: list[Check] = []
    for name, before in baseline.items():
        variant = variants.get(name)
        if variant is None or not variant.runs:
            state = "it was not run now" if variant is None else "all its runs failed now"
            outcome.unjudged.append(f"{name}: in the baseline, but {state}")
            continue
        if variant.failed:
            count = len(variant.failed)
            outcome.unjudged.append(f"{variant.name}: {count} of {count + len(variant.runs)} runs failed")
        judged, unjudged = _checks(variant.name, before, _side(variant))
        checks += judged
        outcome.unjudged += unjudged
    corrected = holm([check.p for check in checks])
    outcome.checks = [replace(check, p=p) for check, p in zip(checks, corrected, strict=True) if p is not None]
    return outcome


def _checks(variant: str, before: Side, after: Side) -> tuple[list[Check], list[str]]:
    """The checks of one variant with p values not yet corrected, and a sentence per reason not to judge metrics."""
    checks: list[Check] = []
    metrics_by_reason: dict[str, list[str]] = {}
    for metric, values in before.metrics.items():
        reason, p = _reason_not_to_judge(metric, before, after), None
        if reason is None:
            higher_is_better = known(metric).higher_is_better
            assert higher_is_better is not None, f"{metric} has no direction"
            p = welch_worse(values, after.metrics[metric], higher_is_better)
            reason = "two equal values on one side may be chance; add seeds"
        if p is None:
            metrics_by_reason.setdefault(reason, []).append(metric)
        else:
            checks.append(Check(variant, metric, values, after.metrics[metric], p))
    unjudged = [f"{variant}: {', '.join(metrics)}, because {reason}" for reason, metrics in metrics_by_reason.items()]
    return checks, unjudged


def _reason_not_to_judge(metric: str, before: Side, after: Side) -> str | None:
    """Why a metric cannot be judged; None if it can."""
    quality = known(metric).kind == "quality"
    if metric not in after.metrics:
        return "it is no longer measured"
    if quality and before.data != after.data:
        return "the data differ"
    if not quality and (before.data != after.data or before.hardware != after.hardware):
        return "data or hardware differ"
    if known(metric).timed and (before.disturbed or after.disturbed):
        return f"now {after.disturbed}" if after.disturbed else f"in the baseline {before.disturbed}"
    seeds = min(len(before.metrics[metric]), len(after.metrics[metric]))
    return f"each side needs two seeds, and one has {seeds}" if seeds < 2 else None
