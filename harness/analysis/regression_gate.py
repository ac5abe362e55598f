"""A gate for continuous integration: did accuracy, speed or memory get worse than the measured noise explains?

The baseline is a file of every seed's numbers. Variants are matched by experiment, choices and label, because hashes
change with the code. A metric got worse where Welch's one-sided t test says so after Holm's correction over all that
is checked, at 5 % in all: so one gate in twenty fails on noise alone, however much it checks. The spread that it
knows is that between the seeds of one session; write the baseline on the machine, and as undisturbed, as the gate runs.

Judged are accuracy on the same data, speed and memory on the same hardware, speed only of runs that had the processor
to themselves. What cannot be judged (fewer than two seeds on a side, a variant that is missing or of which runs failed,
other data, other hardware, a busy machine) is said, and the gate does not pass for it.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness.analysis.comparability import known
from harness.analysis.comparison import Comparison
from harness.analysis.statistics import ALPHA, holm, welch_worse
from harness.analysis.variants import Variant
from harness.errors import UserError
from harness.records.metrics import GATED, number
from harness.records.record import Record, now, overrides_of
from harness.records.store import load_json, write_json

SCHEMA = 2
PASSED, WORSE, UNJUDGED = 0, 1, 2


@dataclass(frozen=True)
class Side:
    """What is compared of a variant: metrics to a list of values over seeds, and what they were measured on."""

    name: str
    data: str
    hardware: dict[str, Any]
    disturbed: str | None
    metrics: dict[str, list[float]]


Baseline = dict[str, Side]
"""A side by the key of its variant."""


@dataclass(frozen=True)
class Check:
    """One metric of one variant, before and after, and the corrected p value of its being no worse."""

    variant: str
    metric: str
    before: list[float]
    after: list[float]
    p: float


@dataclass
class Outcome:
    """What a gate found: the checks, and what could not be judged."""

    checks: list[Check] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)

    @property
    def worse(self) -> list[Check]:
        return [check for check in self.checks if check.p < ALPHA]

    @property
    def code(self) -> int:
        """The exit code: 1 where something got worse, else 2 where something could not be judged, else 0."""
        if self.worse:
            return WORSE
        return UNJUDGED if self.unjudged or not self.checks else PASSED

    def lines(self) -> list[str]:
        """A line for each metric that got worse or could not be judged, and a closing one."""
        said = [f"cannot judge: {text}" for text in self.unjudged]
        said += [f"worse: {_told(check)}" for check in self.worse]
        count = f"{len(self.checks)} metrics checked"
        closing = {
            PASSED: f"gate passed: {count}, none worse than noise explains",
            WORSE: f"gate failed: {count}, {len(self.worse)} worse than noise explains",
            UNJUDGED: f"gate not passed: {count}, and not all could be judged",
        }
        return [*said, closing[self.code]]


def _told(check: Check) -> str:
    before, after = (sum(values) / len(values) for values in (check.before, check.after))
    change = f" ({100 * (after - before) / before:+.1f} %)" if before else ""
    seeds = f"{len(check.before)} and {len(check.after)} seeds"
    numbers = f"{number(check.metric, before)} -> {number(check.metric, after)}{change}"
    return f"{check.variant}: {check.metric} {numbers}, {seeds}, p = {check.p:.2g}"


def key(record: Record) -> str:
    """What names a variant whatever the code: experiment, choices, and what its command set."""
    choices = ",".join(f"{name}={value}" for name, value in sorted(record.choices.items()))
    return f"{record.name}: {overrides_of(record)} ({choices})"


def _by_key(variants: list[Variant]) -> dict[str, Variant]:
    """Variants by key; of several with one key (other versions, threads or devices) the one with the newest run counts."""

    def newest(variant: Variant) -> str:
        return max(record.started for record in (*variant.runs, *variant.failed))

    return {key(variant.record): variant for variant in sorted(variants, key=newest)}


def baseline_of(comparison: Comparison) -> Baseline:
    """The numbers of every variant that has any, ready to be written.

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
    """Write the baseline; returns the lines to print about it."""
    baseline = baseline_of(comparison)
    file.parent.mkdir(parents=True, exist_ok=True)
    variants = {name: asdict(side) for name, side in baseline.items()}
    write_json(file, {"schema": SCHEMA, "written": now(), "variants": variants})
    few = [side.name for side in baseline.values() if any(len(values) < 2 for values in side.metrics.values())]
    more = [f"with fewer than two seeds a gate cannot judge: {', '.join(few)}; add seeds"] if few else []
    more += [
        f"a gate cannot judge the speed of {side.name}, because {side.disturbed}; write the baseline on a quiet machine"
        for side in baseline.values()
        if side.disturbed
    ]
    return [f"baseline of {len(baseline)} variants written to {file}", *more]


def read_baseline(file: Path) -> Baseline:
    """A baseline that was written.

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
        raise UserError(f"{file} is no baseline of this version; write it again with --write-baseline {file}")
    try:
        return {name: Side(**side) for name, side in content["variants"].items()}
    except (AttributeError, TypeError) as error:
        raise UserError(f"the baseline {file} cannot be read: {error}") from None


def check(comparison: Comparison, baseline: Baseline) -> Outcome:
    """Compare the newest variants with the stored ones."""
    outcome = Outcome()
    found = _by_key(comparison.variants)
    pairs: list[tuple[str, str, list[float], list[float], float]] = []
    for name, before in baseline.items():
        variant = found.get(name)
        if variant is None or not variant.runs:
            outcome.unjudged.append(f"{name}: in the baseline, and {'not run' if variant is None else 'failed'} now")
            continue
        if variant.failed:
            count = len(variant.failed)
            outcome.unjudged.append(f"{variant.name}: {count} of {count + len(variant.runs)} runs failed")
        after = _side(variant)
        causes: dict[str, list[str]] = {}
        for metric, values in before.metrics.items():
            why, p = _why(metric, before, after), None
            if not why:
                higher = known(metric).higher_is_better
                assert higher is not None, f"{metric} has no direction"
                p = welch_worse(values, after.metrics[metric], higher)
                why = "two equal values on a side may be chance; add seeds"
            if p is None:
                causes.setdefault(str(why), []).append(metric)
            else:
                pairs.append((variant.name, metric, values, after.metrics[metric], p))
        outcome.unjudged += [f"{variant.name}: {', '.join(metrics)}, because {why}" for why, metrics in causes.items()]
    corrected = holm([pair[-1] for pair in pairs])
    outcome.checks = [Check(*pair[:-1], p) for pair, p in zip(pairs, corrected, strict=True) if p is not None]
    return outcome


def _why(metric: str, before: Side, after: Side) -> str | None:
    """Why a metric cannot be judged, None where it can."""
    quality, timed = known(metric).kind == "quality", known(metric).timed
    if metric not in after.metrics:
        return "it is no longer measured"
    if quality and before.data != after.data:
        return "the data differ"
    if not quality and (before.data != after.data or before.hardware != after.hardware):
        return "data or hardware differ"
    if timed and (before.disturbed or after.disturbed):
        return f"now {after.disturbed}" if after.disturbed else f"in the baseline {before.disturbed}"
    seeds = min(len(before.metrics[metric]), len(after.metrics[metric]))
    return f"it takes two seeds on each side, and there is {seeds}" if seeds < 2 else None
