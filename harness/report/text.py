"""Numbers and differences in words that a reader without statistics understands correctly."""

import math
from dataclasses import replace

from harness.analysis.intervals import ALPHA, Mean
from harness.analysis.variants import BaselineDifference, Variant
from harness.records.metrics import known
from harness.records.record import Record

BETTER = {
    "speed": ("faster", "slower"),
    "latency": ("shorter", "longer"),
    "memory": ("less", "more"),
    "cost": ("less", "more"),
}
"""The words for better and worse in metrics whose differences are in per cent of the baseline."""
SMALLEST_HALF = 1e-9
"""Below this share of a mean, half an interval is what rounding left of none."""
CERTAIN = "unlikely to be noise"
PAIRED = (
    "A difference to the baseline compares the runs of two variants seed by seed, and those alone. A verdict uses the "
    "spread of all variants, so it may be clear where such a difference is not. An interval ends where no score can be "
    "better or worse."
)


def rounded(value: float, half: float | None) -> str:
    """A value to the second figure of its uncertainty ``half``, or to four figures if that is not known."""
    if not half or half < SMALLEST_HALF * abs(value):
        return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"
    places = 1 - math.floor(math.log10(half))
    return f"{round(value, places):,.{max(0, places)}f}"


def with_interval(mean: Mean | None) -> str:
    """``0.961 ±0.012``: a mean and half its 95 % interval over seeds, without unit; a dash if there is no mean."""
    return with_intervals(replace(mean, items_half=None)) if mean else "-"


def with_intervals(mean: Mean) -> str:
    """``0.961 ±0.012 ±0.004``: the same with half the interval over test items, where it is known."""
    return " ".join([rounded(mean.mean, mean.half), *halves(mean)])


def halves(mean: Mean) -> list[str]:
    """Half the interval over seeds and half that over test items, as ``±0.012``; those that are known."""
    of_seeds = mean.half if mean.half is None or mean.half >= SMALLEST_HALF * abs(mean.mean) else 0.0
    seeds = f"±{rounded(of_seeds, of_seeds)}" if of_seeds else ""
    if mean.items_half is None:
        return [seeds] if seeds else []
    return [seeds or ("±–" if mean.half is None else "±0"), f"±{rounded(mean.items_half, mean.items_half)}"]


def bounds(metric: str, mean: Mean) -> tuple[float, float] | None:
    """The 95 % interval, cut to the possible values of the metric: a share is between 0 and 1."""
    return mean.bounds(*known(metric).bounds)


def from_to(metric: str, mean: Mean) -> str:
    """``0.961 (0.949 to 0.973)``: a mean and its 95 % interval over seeds, with the unit.

    Where the interval over test items is known, both are given: ``0.961 (0.949 to 0.973 over seeds, 0.957 to 0.965 over
    test items)``.
    """
    text = f"{rounded(mean.mean, mean.half)} {known(metric).unit}".strip()
    of_seeds = _ends(bounds(metric, mean), mean.half)
    of_items = _ends(items_bounds(metric, mean), mean.items_half)
    if not of_items:
        return f"{text} ({of_seeds})" if of_seeds else text
    return f"{text} ({f'{of_seeds} over seeds, ' if of_seeds else ''}{of_items} over test items)"


def items_bounds(metric: str, mean: Mean) -> tuple[float, float] | None:
    """The 95 % interval over test items, cut to the possible values; None where it is not known."""
    return bounds(metric, Mean(mean.mean, mean.items_half, mean.n))


def _ends(interval: tuple[float, float] | None, half: float | None) -> str:
    return " to ".join(rounded(end, half) for end in interval) if interval and half else ""


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


def failure(record: Record) -> str:
    """What failed and why, in one line."""
    return f"{record.status} {record.label}: {record.reason or 'no reason was recorded'}"


def seeds(variant: Variant) -> str:
    """How many seeds finished, and of how many if some failed."""
    finished, all_seeds = len(variant.runs), len(variant.runs) + len(variant.failed)
    return f"{finished} of {all_seeds}" if variant.failed else str(finished)
