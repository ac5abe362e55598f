"""Numbers, verdicts and comparisons in words that a reader without statistics understands correctly."""

import math

from harness.analysis.comparability import ComparisonGroup, pools
from harness.analysis.intervals import ALPHA, SURE_WITHOUT_SPREAD, Mean
from harness.analysis.variants import BaselineDifference, Variant
from harness.records.metrics import LATENCY, THROUGHPUT, known, short_name
from harness.records.record import Record

MARKS = {"best": "*", "equivalent": "=", "open": "?", "few seeds": "?", "worse": ""}
LEGEND = (
    "* best   = as good as the best   ? undecided   "
    "! measured on a busy machine, not ranked"
)
BETTER = {
    "speed": ("faster", "slower"),
    "latency": ("shorter", "longer"),
    "memory": ("less", "more"),
    "cost": ("less", "more"),
}
"""The words for better and worse in metrics whose differences are in per cent of the baseline."""
SUPERLATIVES = ("Fastest training", "Lowest latency", "Lowest memory")
CERTAIN = "unlikely to be noise"
MOST_NAMED = 6
"""A sentence names at most so many variants."""


def rounded(value: float, half: float | None) -> str:
    """A value to the second figure of its uncertainty ``half``, or to four figures if that is not known."""
    if not half:
        return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"
    places = 1 - math.floor(math.log10(half))
    return f"{round(value, places):,.{max(0, places)}f}"


def with_interval(mean: Mean | None) -> str:
    """``0.961 ±0.012``: a mean and half its 95 % interval, without unit; a dash if there is no mean."""
    if mean is None:
        return "-"
    return rounded(mean.mean, mean.half) + (f" ±{rounded(mean.half, mean.half)}" if mean.half else "")


def bounds(metric: str, mean: Mean) -> tuple[float, float] | None:
    """The 95 % interval, cut to the possible values of the metric: a share is between 0 and 1."""
    return mean.bounds(*known(metric).bounds)


def from_to(metric: str, mean: Mean) -> str:
    """``0.961 (0.949 to 0.973)``: a mean and its 95 % interval, with the unit."""
    interval = bounds(metric, mean)
    text = f"{rounded(mean.mean, mean.half)} {known(metric).unit}".strip()
    if interval is None or not mean.half:
        return text
    return f"{text} ({' to '.join(rounded(end, mean.half) for end in interval)})"


def mark(variant: Variant, metric: str) -> str:
    """The sign that follows a number in a table; LEGEND explains it."""
    if variant.disturbed and known(metric).timed and metric in variant.means:
        return "!"
    return MARKS.get(variant.verdict(metric), "")


def baseline_difference(metric: str, against: BaselineDifference, named: bool = True) -> str:
    """A difference to the baseline as a sentence without its full stop; ``named``: with the baseline's name."""
    difference = against.difference
    than = f" than {against.baseline}" if named else ""
    if difference is None:
        return "cannot say: no seed in common" + (f" with {against.baseline}" if named else "")
    if difference.p == 1 and difference.low == difference.high:
        return "the same" + (f" as {against.baseline}" if named else "")
    amount = _amount(metric, difference.mean, against.theirs)
    if difference.p is None or difference.low is None or difference.high is None:
        few = "the one seed they share" if difference.n == 1 else "the two seeds they share, the same in both"
        return f"{amount}{than} in {few}: no interval, cannot say"
    if difference.low == difference.high:
        return f"{amount}{than}, in every run"
    # no value leaves the bounds of the metric, so that no difference to this baseline is larger than they allow
    least, most = (bound - against.theirs for bound in known(metric).bounds)
    low, high = max(difference.low, least), min(difference.high, most)
    ends = sorted((low, high), key=abs)
    mixed = difference.low < 0 < difference.high
    interval = " to ".join(_amount(metric, end, against.theirs, with_word=mixed) for end in ends)
    if sure(against):
        return f"{amount}{than} ({interval}), {CERTAIN}"
    if mixed:
        return f"no difference beyond noise: {amount}{than} ({interval})"
    return f"{amount}{than} ({interval}), but among so many comparisons this may be noise"


def sure(against: BaselineDifference | None) -> bool:
    """Whether a difference to the baseline is larger than noise explains."""
    return against is not None and against.p is not None and against.p < ALPHA


def _amount(metric: str, difference: float, theirs: float, with_word: bool = True) -> str:
    """How much better or worse: quality in its own unit, everything else in per cent of the baseline."""
    definition = known(metric)
    better, worse = BETTER.get(definition.kind, ("better", "worse"))
    if definition.kind not in BETTER or not theirs:
        text = format(abs(difference), definition.difference_format)
    else:
        percent = 100 * abs(difference / theirs)
        text = f"{percent:.0f} %" if percent >= 9.5 else f"{percent:.1f} %"
    return f"{text} {better if (difference > 0) == bool(definition.higher_is_better) else worse}" if with_word else text


def answer(group: ComparisonGroup) -> list[str]:
    """The result of a comparison group in a few sentences: the best variant first, then speed and memory."""
    metric = group.quality
    ranked = [variant for variant in group.variants if metric in variant.means]
    ranked.sort(key=lambda variant: variant.means[metric].mean, reverse=bool(known(metric).higher_is_better))
    if not ranked:
        return ["No run finished, so there is nothing to rank."]
    quality = short_name(metric)
    if len(ranked) == 1:
        mean = from_to(metric, ranked[0].means[metric])
        return [f"One variant only: {ranked[0].name}, {quality} {mean}, {_seeds(ranked[0], metric)}."]
    best = next((variant for variant in ranked if variant.verdict(metric) == "best"), ranked[0])
    clauses = [f"Best {quality}: {best.name} with {from_to(metric, best.means[metric])}, {_seeds(best, metric)}"]
    tied = [variant for variant in ranked if variant.verdict(metric) == "equivalent"]
    doubtful = ("open", "few seeds")
    unknown = [variant for variant in ranked if variant is not best and variant.verdict(metric) in doubtful]
    if tied:
        clauses.append(f"as good: {_with_means(tied, metric)}")
    elif not unknown:
        clauses.append("the difference to every other variant is unlikely to be noise")
    if unknown:
        clauses.append(f"too few seeds to distinguish it from {_with_means(unknown, metric)}")
    near = [variant for variant in unknown if _near(best.means[metric], variant.means[metric])]
    return ["; ".join(clauses) + ".", *_cheapest(group, [best, *tied, *near])]


def _near(best: Mean, other: Mean) -> bool:
    """Whether the means differ by no more than half the wider interval; without an interval every mean is near."""
    halves = [mean.half or 0.0 for mean in (best, other)]
    has_interval = best.half is not None and (best.half > 0 or best.n >= SURE_WITHOUT_SPREAD)
    return not has_interval or abs(best.mean - other.mean) <= max(halves)


def _cheapest(group: ComparisonGroup, good: list[Variant]) -> list[str]:
    """The leaders in speed and memory, per hardware group: among the ``good`` variants and among all variants."""
    sentences = []
    for metric, superlative in zip((THROUGHPUT, LATENCY, group.memory), SUPERLATIVES, strict=True):
        for pool in pools(group, metric):
            good_here = [variant for variant in pool if variant in good]
            if len(pool) < 2 or not good_here:
                continue
            sign = 1 if known(metric).higher_is_better else -1
            first, leader = (max(some, key=lambda v: sign * v.means[metric].mean) for some in (good_here, pool))
            text = f"{superlative}{_on_hardware(group, first)}"
            if len(good) > 1:
                text += f": among the best, {_cost_at(metric, first, group.quality)}{_caveat(metric, good_here)}"
                if leader is not first:
                    text += f"; among all, {_cost_at(metric, leader, group.quality)}{_caveat(metric, pool)}"
            else:
                text += f": {_cost_at(metric, leader, group.quality)}{_caveat(metric, pool)}"
                text += "" if leader is first else f", compared with {_cost_at(metric, first)}"
            sentences.append(f"{text}.")
    return sentences


def _on_hardware(group: ComparisonGroup, variant: Variant) -> str:
    """The hardware that a variant ran on, if its comparison group has several."""
    if len(group.hardware_groups) == 1:
        return ""
    return f" on {next(own.title for own in group.hardware_groups if variant in own.variants)}"


def _caveat(metric: str, variants: list[Variant]) -> str:
    """Why the first of these variants, in this metric, is not certainly the first."""
    verdicts = [variant.verdict(metric) for variant in variants]
    doubts = {
        "equivalent": "others are as good", "open": "others are undecided", "few seeds": "the seeds are too few"
    }  # fmt: skip
    reasons = [reason for verdict, reason in doubts.items() if verdict in verdicts]
    return f", though {' and for some '.join(reasons)}" if reasons else ""


def _cost_at(metric: str, variant: Variant, quality: str | None = None) -> str:
    """``lstm (310 tokens/s at accuracy 0.91)``: a variant with its speed or memory, and its quality if asked for."""
    unit = "tokens/s" if metric == THROUGHPUT else known(metric).unit
    value = f"{rounded(variant.means[metric].mean, variant.means[metric].half)} {unit}"
    score = variant.means.get(quality) if quality else None
    if quality and score:
        value += f" at {short_name(quality)} {rounded(score.mean, score.half)}"
    return f"{variant.name} ({value})"


def _seeds(variant: Variant, metric: str) -> str:
    """How many seeds a variant's mean is over, and of how many if some runs failed."""
    n = variant.means[metric].n
    tried = f" of {len(variant.runs) + len(variant.failed)} seeds" if variant.failed else ""
    return f"one{tried or ' seed'}, so without an interval" if n == 1 else f"{n}{tried or ' seeds'}"


def _with_means(variants: list[Variant], metric: str) -> str:
    """The first of these variants, each with its mean."""
    means = [(variant.name, variant.means[metric]) for variant in variants[:MOST_NAMED]]
    names = ", ".join(f"{name} ({rounded(mean.mean, mean.half)})" for name, mean in means)
    return names + (f" and {len(variants) - MOST_NAMED} more" if len(variants) > MOST_NAMED else "")


def failure(record: Record) -> str:
    """What failed and why, in one line."""
    return f"{record.status} {record.label}: {record.reason or 'no reason was recorded'}"


def seeds(variant: Variant) -> str:
    """How many seeds finished, and of how many if some failed."""
    finished, all_seeds = len(variant.runs), len(variant.runs) + len(variant.failed)
    return f"{finished} of {all_seeds}" if variant.failed else str(finished)
