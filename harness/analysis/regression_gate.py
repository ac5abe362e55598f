"""A gate for continuous integration: did quality, speed or memory get worse by more than the measured noise explains?

The baseline is a file with every seed's numbers. Variants are matched by what their command asked for, because hashes
change with the code; of several variants of one such family, the one with the newest run counts. A variant that is new,
gone, or has other settings than in the baseline is named and fails the gate; new ones may be allowed.

A metric got worse if a one-sided t test says so at 5 %, after Holm's correction over all checked
metrics: one gate in twenty fails by noise alone, however many metrics it checks. The test compares each metric on the
scale on which verdicts do (speed and memory as ratios), and its variances are moderated by those of all variants in
that metric, as for verdicts. It knows only the spread between the seeds of one session, so write the baseline on the
machine where the gate runs, and on a quiet one.

Quality is judged on the same data; speed and memory on the same data and hardware, and only by runs that no other
process disturbed. Everything that cannot be judged is reported, and the gate then does not pass: fewer than two seeds
on one side, failed runs, other data, other hardware, a busy machine.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from math import sqrt

from scipy.special import stdtr

from harness.analysis.comparison import Comparison
from harness.analysis.gate_baseline import Baseline, Side, by_key, side_of
from harness.analysis.intervals import ALPHA, holm
from harness.analysis.listed import listed
from harness.analysis.variances import Sample, Scale, estimate
from harness.analysis.variants import Variant
from harness.analysis.verdicts import scale_of
from harness.records.metrics import GATED, known, number

PASSED, FAILED, UNJUDGED = 0, 1, 2
KINDS = {"quality": ("quality",), "speed": ("speed", "latency"), "memory": ("memory",)}
"""What a gate can be told to judge, and the kinds of metrics that it then judges."""
MOST_NAMED = 4
"""The most settings that a sentence about a changed variant names."""


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
    """The result of a gate: the checks, and a sentence for everything that could not be judged.

    ``changed`` has a sentence for each variant that is not as in the baseline, ``allowed`` for those that may be so.
    """

    checks: list[Check] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    @property
    def worse(self) -> list[Check]:
        return [check for check in self.checks if check.p < ALPHA]

    @property
    def code(self) -> int:
        """The exit code: 1 if something got worse or changed, else 2 if something could not be judged, else 0."""
        if self.worse or self.changed:
            return FAILED
        return UNJUDGED if self.unjudged or not self.checks else PASSED

    def lines(self) -> list[str]:
        """A line for each variant that changed and each metric that got worse or was not judged, and a closing line."""
        lines = [*self.allowed, *self.changed]
        lines += [f"cannot judge: {sentence}" for sentence in self.unjudged]
        lines += [f"worse: {check}" for check in self.worse]
        count = f"{len(self.checks)} metrics checked"
        variants = f"{len(self.changed)} variant{'s' * (len(self.changed) != 1)}"
        differ = f", {variants} new, gone or changed" if self.changed else ""
        closing = {
            PASSED: f"gate passed: {count}, none worse than noise explains",
            FAILED: f"gate failed: {count}, {len(self.worse) or 'none'} worse than noise explains{differ}",
            UNJUDGED: f"gate not passed: {count}, and not everything could be judged",
        }
        return [*lines, closing[self.code]]


def check(comparison: Comparison, baseline: Baseline, only: Collection[str] = (), allow_new: bool = False) -> Outcome:
    """Compare the newest variants with those of the baseline.

    ``only`` are the KINDS that are judged, by default all. ``allow_new``: a variant that the baseline lacks is said
    and does not fail the gate.
    """
    outcome = Outcome()
    variants = by_key(comparison.variants)
    new = [f"new: {one.name}: not in the baseline ({name})" for name, one in variants.items() if name not in baseline]
    (outcome.allowed if allow_new else outcome.changed).extend(new)
    pairs: list[_Pair] = []
    for name, before in baseline.items():
        pairs += _match(outcome, name, _only(before, only), variants.get(name))
    checks = [check for metric in GATED for check in _checks([pair for pair in pairs if pair.metric == metric])]
    corrected = holm([check.p for check in checks])
    outcome.checks = [replace(check, p=p) for check, p in zip(checks, corrected, strict=True) if p is not None]
    return outcome


def _match(outcome: Outcome, name: str, before: Side, variant: Variant | None) -> "list[_Pair]":
    """What can be judged of one variant of the baseline; the outcome gets a sentence on everything else."""
    if variant is None:
        outcome.changed.append(f"gone: {before.name}: in the baseline, and not run now ({name})")
        return []
    if not variant.runs:
        outcome.unjudged.append(f"{before.name}: in the baseline, but all its runs failed now ({name})")
        return []
    if variant.failed:
        count = len(variant.failed)
        outcome.unjudged.append(f"{variant.name}: {count} of {count + len(variant.runs)} runs failed")
    after = side_of(variant)
    if settings := _changed_settings(before, after):
        outcome.changed.append(f"changed: {variant.name}: {listed(settings, MOST_NAMED)}")
        return []
    pairs, unjudged = _pairs(variant, before, after)
    outcome.unjudged += unjudged
    return pairs


def _only(side: Side, kinds: Collection[str]) -> Side:
    """A side with the metrics of these KINDS alone; without any kind, with all."""
    judged = [kind for one in kinds or KINDS for kind in KINDS[one]]
    return replace(side, metrics={name: own for name, own in side.metrics.items() if known(name).kind in judged})


def _changed_settings(before: Side, after: Side) -> list[str]:
    """The settings that have another value than in the baseline; a version of the harness may add or drop settings."""
    return [
        f"{key} was {value} and is {after.settings[key]}" for key, value in before.settings.items()
        if key in after.settings and after.settings[key] != value
    ]  # fmt: skip


@dataclass(frozen=True)
class _Pair:
    """One metric of one variant before and after, and how it is compared."""

    variant: str
    metric: str
    before: list[float]
    after: list[float]
    scale: Scale


def _pairs(variant: Variant, before: Side, after: Side) -> tuple[list[_Pair], list[str]]:
    """What can be judged of one variant, and a sentence per reason not to judge metrics."""
    pairs: list[_Pair] = []
    metrics_by_reason: dict[str, list[str]] = {}
    for metric, values in before.metrics.items():
        reason = _reason_not_to_judge(metric, before, after)
        if reason is None:
            scale = replace(scale_of(metric, [variant]), blocks=False)  # the sessions' seeds were not run side by side
            pairs.append(_Pair(variant.name, metric, values, after.metrics[metric], scale))
        else:
            metrics_by_reason.setdefault(reason, []).append(metric)
    unjudged = [f"{variant.name}: {', '.join(names)}, because {reason}" for reason, names in metrics_by_reason.items()]
    return pairs, unjudged


def _checks(pairs: list[_Pair]) -> list[Check]:
    """The checks of one metric, with p values not yet corrected for their number."""
    if not pairs:
        return []
    sides = [Sample(dict(enumerate(values))) for pair in pairs for values in (pair.before, pair.after)]
    floor = max(pair.scale.floor for pair in pairs)  # of the smallest test split
    means_K, spread = estimate(sides, replace(pairs[0].scale, floor=floor))
    error_K = spread.v_K / [len(side.values) for side in sides]
    checks = []
    for pair, before, after in zip(pairs, range(0, len(sides), 2), range(1, len(sides), 2), strict=True):
        t = (means_K[before] - means_K[after]) / sqrt(error_K[before] + error_K[after])
        p = float(stdtr(min(spread.nu_K[before], spread.nu_K[after]), -t))
        checks.append(Check(pair.variant, pair.metric, pair.before, pair.after, p))
    return checks


def _reason_not_to_judge(metric: str, before: Side, after: Side) -> str | None:
    """Why a metric cannot be judged; None if it can."""
    quality = known(metric).kind == "quality"
    if metric not in after.metrics:
        return "it is no longer measured"
    if quality and before.data != after.data:
        return "the data differ"
    if not quality and (before.data != after.data or before.hardware != after.hardware):
        return "data or hardware differ"
    if not quality and (before.disturbed or after.disturbed):
        return f"now {after.disturbed}" if after.disturbed else f"in the baseline {before.disturbed}"
    sides = (before.metrics[metric], after.metrics[metric])
    seeds = min(map(len, sides))
    if seeds < 2:
        return f"each side needs two seeds, and one has {seeds}"
    if seeds == 2 and sides[0] != sides[1] and all(len(set(values)) == 1 for values in sides):
        return "two equal values on one side may be chance; add seeds"
    return None
