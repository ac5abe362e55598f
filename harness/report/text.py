"""Numbers and comparisons in words that a reader without statistics reads right."""

import math

from harness.analysis.comparability import LATENCY, THROUGHPUT, ComparisonGroup, known, pools
from harness.analysis.comparison import Comparison
from harness.analysis.statistics import ALPHA, SURE_WITHOUT_SPREAD, Mean, rank
from harness.analysis.variants import BaselineDifference, Variant
from harness.records.metrics import short_name
from harness.records.record import Record

MARKS = {"best": "*", "tied": "~", "unknown": "?", "worse": ""}
LEGEND = (
    "* best   ~ not told apart from the best by these seeds   ? too few seeds to say   "
    "! measured on a busy machine, not ranked"
)
BETTER = {"speed": ("faster", "slower"), "latency": ("shorter", "longer"), "memory": ("less", "more"), "cost": ("less", "more")}
SUPERLATIVES = ("Fastest to train", "Quickest to answer", "Lightest in memory")
ENOUGH_SEEDS = 5
"""Seeds from which on a tie is more likely the encoders' than the number of seeds'."""
CERTAIN = "unlikely to be noise"


def _rounded(value: float, half: float | None) -> str:
    """A value to the second figure of its uncertainty, to four figures where that is not known."""
    if not half:
        return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"
    places = 1 - math.floor(math.log10(half))
    return f"{round(value, places):,.{max(0, places)}f}"


def with_interval(mean: Mean | None) -> str:
    """``0.961 ±0.012``: a mean and half its 95 % interval, without unit; a dash where there is none."""
    if mean is None:
        return "-"
    return _rounded(mean.mean, mean.half) + (f" ±{_rounded(mean.half, mean.half)}" if mean.half else "")


def bounds(metric: str, mean: Mean) -> tuple[float, float] | None:
    """The 95 % interval, cut to what the metric can be: nothing is below 0, no share above 1."""
    return mean.bounds(*known(metric).bounds)


def from_to(metric: str, mean: Mean) -> str:
    """``0.961 (0.949 to 0.973)``: a mean and its 95 % interval with the unit."""
    unit, between = known(metric).unit, bounds(metric, mean)
    text = f"{_rounded(mean.mean, mean.half)} {unit}".strip()
    if between is None or not mean.half:
        return text
    return f"{text} ({' to '.join(_rounded(value, mean.half) for value in between)})"


def mark(variant: Variant, metric: str) -> str:
    """The sign that a table puts behind a number; LEGEND says what it means."""
    if variant.disturbed and known(metric).timed and metric in variant.means:
        return "!"
    return MARKS[variant.verdicts[metric]] if metric in variant.verdicts else ""


def baseline_difference(metric: str, found: BaselineDifference, named: bool = True) -> str:
    """A difference to the baseline as a sentence without its full stop; ``named``: with the baseline's name."""
    difference = found.difference
    than = f" than {found.baseline}" if named else ""
    if difference is None:
        return "cannot say: no seed in common" + (f" with {found.baseline}" if named else "")
    if difference.p == 1 and difference.low == difference.high:
        return "the same" + (f" as {found.baseline}" if named else "")
    said = _amount(metric, difference.mean, found.theirs)
    if difference.p is None or difference.low is None or difference.high is None:
        few = "the one seed they share" if difference.n == 1 else "the two seeds they share, the same in both"
        return f"{said}{than} in {few}: no interval, cannot say"
    if difference.low == difference.high:
        return f"{said}{than}, in every run"
    # nothing that is measured in per cent of the baseline can fall by more than all of it
    least = difference.low if known(metric).kind == "quality" else max(difference.low, -abs(found.theirs))
    ends = sorted((least, difference.high), key=abs)
    mixed = difference.low < 0 < difference.high
    between = " to ".join(_amount(metric, end, found.theirs, with_word=mixed) for end in ends)
    if sure(found):
        return f"{said}{than} ({between}), {CERTAIN}"
    if mixed:
        return f"no difference beyond noise: {said}{than} ({between})"
    return f"{said}{than} ({between}), but among so many comparisons this may be noise"


def sure(found: BaselineDifference | None) -> bool:
    """Whether a difference to the baseline is more than noise explains."""
    return found is not None and found.p is not None and found.p < ALPHA


def _amount(metric: str, difference: float, theirs: float, with_word: bool = True) -> str:
    """How much better or worse: shares and losses in their own unit, everything else in per cent of the baseline."""
    good, bad = BETTER.get(known(metric).kind, ("better", "worse"))
    word = good if (difference > 0) == bool(known(metric).higher_is_better) else bad
    if good == "better" or not theirs:
        text = f"{abs(difference):.2g}" if metric.endswith("/mse") else f"{abs(difference):.3f}"
    else:
        share = 100 * abs(difference / theirs)
        text = f"{share:.0f} %" if share >= 9.5 else f"{share:.1f} %"
    return f"{text} {word}" if with_word else text


def answer(group: ComparisonGroup) -> list[str]:
    """What a group says, in a few plain sentences: the best variant first, then what speed and memory cost."""
    metric = group.quality
    ranked = [variant for variant in group.variants if metric in variant.means]
    ranked.sort(key=lambda variant: variant.means[metric].mean, reverse=bool(known(metric).higher_is_better))
    if not ranked:
        return ["No run finished, so there is nothing to rank."]
    what = short_name(metric)
    if len(ranked) == 1:
        only = _seeds(ranked[0], metric)
        return [f"One variant only: {ranked[0].name}, {what} {from_to(metric, ranked[0].means[metric])}, {only}."]
    best = next(variant for variant in ranked if variant.verdicts.get(metric) == "best")
    said = [f"Best {what}: {best.name} with {from_to(metric, best.means[metric])}, {_seeds(best, metric)}"]
    tied = [variant for variant in ranked if variant.verdicts.get(metric) == "tied"]
    unknown = [variant for variant in ranked if variant.verdicts.get(metric) == "unknown"]
    if tied:
        said.append(f"within noise of it: {_some(tied, metric)}")
    elif not unknown:
        said.append("the difference to every other variant is unlikely to be noise")
    if unknown:
        said.append(f"too few seeds to tell it from {_some(unknown, metric)}")
    near = [variant for variant in unknown if _within(best.means[metric], variant.means[metric])]
    return ["; ".join(said) + ".", *_cheapest(group, [best, *tied, *near])]


def _within(best: Mean, other: Mean) -> bool:
    """Whether the means are no farther apart than the wider interval reaches; where there is none, nothing is far."""
    halves = [mean.half or 0.0 for mean in (best, other)]
    told = best.half is not None and (best.half > 0 or best.n >= SURE_WITHOUT_SPREAD)
    return not told or abs(best.mean - other.mean) <= max(halves)


def _cheapest(group: ComparisonGroup, good: list[Variant]) -> list[str]:
    """In speed and memory, per hardware_group: who leads among the variants as good as the best, who among all, at what quality."""
    said = []
    for metric, words in zip((THROUGHPUT, LATENCY, group.memory), SUPERLATIVES, strict=True):
        for pool in pools(group, metric):
            among = [variant for variant in pool if variant in good]
            if len(pool) < 2 or not among:
                continue
            sign = 1 if known(metric).higher_is_better else -1
            own, leader = (max(some, key=lambda variant: sign * variant.means[metric].mean) for some in (among, pool))
            where = "" if len(group.hardware_groups) == 1 else f" on {next(b.title for b in group.hardware_groups if own in b.variants)}"
            text = f"{words}{where}"
            if len(good) > 1:
                text += f": of the best, {_at(metric, own, group.quality)}{_caveat(metric, among)}"
                if leader is not own:
                    text += f"; of all: {_at(metric, leader, group.quality)}{_caveat(metric, pool)}"
            else:
                text += f": {_at(metric, leader, group.quality)}{_caveat(metric, pool)}"
                text += "" if leader is own else f", against {_at(metric, own)}"
            said.append(f"{text}.")
    return said


def _caveat(metric: str, variants: list[Variant]) -> str:
    """What keeps the first of these variants, and of no others, from being surely the first."""
    verdicts = rank([variant.values(metric) for variant in variants], bool(known(metric).higher_is_better), known(metric).exact)
    doubts = {"tied": "others are within noise of it", "unknown": "there are too few seeds to say"}
    said = [words for verdict, words in doubts.items() if verdict in verdicts]
    return f", though {' and for some '.join(said)}" if said else ""


def _at(metric: str, variant: Variant, quality: str | None = None) -> str:
    unit = "tokens/s" if metric == THROUGHPUT else known(metric).unit
    value = f"{_rounded(variant.means[metric].mean, variant.means[metric].half)} {unit}"
    score = variant.means.get(quality) if quality else None
    if quality and score:
        value += f" at {short_name(quality)} {_rounded(score.mean, score.half)}"
    return f"{variant.name} ({value})"


def _seeds(variant: Variant, metric: str) -> str:
    n = variant.means[metric].n
    tried = f" of {len(variant.runs) + len(variant.failed)} seeds" if variant.failed else ""
    return f"one{tried or ' seed'}, so without an interval" if n == 1 else f"{n}{tried or ' seeds'}"


def _some(variants: list[Variant], metric: str, most: int = 6) -> str:
    """The first of these variants, each with its mean."""
    means = [variant.means[metric] for variant in variants[:most]]
    names = [f"{variant.name} ({_rounded(mean.mean, mean.half)})" for variant, mean in zip(variants, means, strict=False)]
    return ", ".join(names) + (f" and {len(variants) - most} more" if len(variants) > most else "")


def notes(comparison: Comparison) -> list[str]:
    """What else a reader has to know: what is not ranked, repeated, left out, or failed."""
    said = list(comparison.apart)
    if count := len(comparison.profiles):
        said.append(f"Not compared with runs: {_counted(count, 'profile')}; report.html draws them.")
    if count := comparison.repeated:
        said.append(f"Left out: {_counted(count, 'repeated or retried run')}; of a variant and seed the newest counts.")
    if count := sum(len(variant.runs) + len(variant.failed) for variant in comparison.outdated):
        said.append(f"Left out: {_counted(count, 'run')} of the same configs with earlier code or packages.")
    said += [warning for group in comparison.groups if (warning := _few_seeds(group))]
    if any(
        variant.means.get(group.quality, Mean(0, None, 2)).n == 1 for group in comparison.groups for variant in group.variants
    ):
        said.append("Some variants have one seed: no interval, so no difference to them can be told from noise.")
    return said


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _few_seeds(group: ComparisonGroup) -> str | None:
    """A warning where so many variants are tied with the best that the number of seeds must be to blame."""
    seeds = [variant.means[group.quality].n for variant in group.variants if group.quality in variant.means]
    if not seeds or min(seeds) >= ENOUGH_SEEDS:
        return None
    verdicts = [variant.verdicts.get(group.quality) for variant in group.variants if variant.values(group.quality)]
    doubtful = verdicts.count("tied") + (verdicts.count("unknown") if min(seeds) > 1 else 0)
    if doubtful <= verdicts.count("worse") + 1:
        return None
    return (
        f"{group.title}: most variants cannot be told from the best, with as few as {min(seeds)} seeds; that does not "
        "make them equal: more seeds tell more apart."
    )


def failure(record: Record) -> str:
    """What failed and why, in a line."""
    return f"{record.status} {record.label}: {record.reason or 'no reason was recorded'}"


def seeds(variant: Variant) -> str:
    """How many seeds stand behind a variant's numbers, and of how many where some failed."""
    return f"{len(variant.runs)} of {len(variant.runs) + len(variant.failed)}" if variant.failed else str(len(variant.runs))
