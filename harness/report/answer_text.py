"""The answer of a comparison group: which variant to take, and what is undecided or excluded."""

from collections.abc import Iterable
from math import inf

from harness.analysis.chance import ahead_of_chance, nothing_beats_chance
from harness.analysis.comparability import ComparisonGroup
from harness.analysis.listed import listed
from harness.analysis.recommendation import (
    Recommendation,
    as_good,
    cheapest,
    cost_metric,
    good,
    recommend,
    with_mean_of,
)
from harness.analysis.variants import Variant
from harness.records.metrics import known, short_name
from harness.report.chance_text import constant_answer
from harness.report.text import from_to, rounded
from harness.report.verdict_text import TOO_FEW_ITEMS, margin_words, names


def answer(group: ComparisonGroup) -> list[str]:
    """The recommendation, then a sentence each on undecided, unjudged and excluded variants, then what was told."""
    return [*_answer(group), *group.told]


def recommends(group: ComparisonGroup) -> bool:
    """Whether the answer says which variant to take."""
    return not (group.sifted and not group.sifted.meeting) and bool(recommend(group))


def _answer(group: ComparisonGroup) -> list[str]:
    metric = group.quality
    if not group.finished:
        return ["No run finished, so there is nothing to rank."]
    if group.sifted and not group.sifted.meeting:
        sentence = group.sifted.none_meets()
        return [f"{sentence[0].upper()}{sentence[1:]}."]
    ranked = _by_mean(group)
    if not ranked:
        return [f"No {short_name(metric)} was measured, so there is nothing to rank.", *_excluded(group)]
    if nothing_beats_chance(group):
        return [*_nothing_beats_chance(group, ranked[0]), *_excluded(group), *_failed(group)]
    if len(ranked) == 1:
        return [_only(group, ranked[0]), *_excluded(group), *_failed(group)]
    recommended = [_sentence(group, one) for one in recommend(group)] or [_no_recommendation(group, ranked[0])]
    return [*recommended, *_undecided(group), *_unjudged(group), *_excluded(group), *_failed(group)]


def _by_mean(group: ComparisonGroup) -> list[Variant]:
    """The variants that may be recommended, the best mean first."""
    candidates = group.sifted.meeting if group.sifted else group.variants
    return _best_first(group, [variant for variant in candidates if group.quality in variant.means])


def _best_first(group: ComparisonGroup, variants: Iterable[Variant]) -> list[Variant]:
    """These variants by their means; those without one come last."""
    metric, sign = group.quality, -1 if known(group.quality).higher_is_better else 1
    return sorted(variants, key=lambda variant: sign * variant.means[metric].mean if metric in variant.means else inf)


def _nothing_beats_chance(group: ComparisonGroup, first: Variant) -> list[str]:
    """The sentences where no variant is shown to be better than one constant answer; ``first`` has the best mean."""
    metric, constant = group.quality, constant_answer(group)
    who = f"No variant that meets {group.sifted.wanted}" if group.sifted else "No variant"
    if not (ahead_of_chance(group, first) or 0.0) > 0:
        return [f"{who} beats {constant}: nothing here has learned the task."]
    return [
        f"{who} is shown to beat {constant}: nothing here is shown to have learned the task.",
        f"The best mean, {first.name} with {short_name(metric)} {from_to(metric, first.means[metric])}, "
        f"{seeds_of(first, metric)}, may be no better with other seeds or test items.",
    ]


def _only(group: ComparisonGroup, variant: Variant) -> str:
    """The sentence about a variant that no other can be compared with."""
    value = f"{short_name(group.quality)} {from_to(group.quality, variant.means[group.quality])}"
    numbers = f"{value}, {seeds_of(variant, group.quality)}"
    if group.sifted:
        return f"Take {variant.name}: no other variant meets {group.sifted.wanted}; {numbers}."
    if len(group.variants) > 1:
        return f"Only {variant.name} has a result, so there is nothing to compare: {numbers}."
    return f"One variant only: {variant.name}, {numbers}."


def _sentence(group: ComparisonGroup, recommended: Recommendation) -> str:
    metric, variant = group.quality, recommended.variant
    take = f"On {recommended.hardware}, take" if recommended.hardware else "Take"
    if any(_is_ahead(group, one, variant) for one in _with_few_seeds(group)):
        take = f"Of the variants with enough seeds, {take[0].lower()}{take[1:]}"
    within = f"within {margin_words(metric, group.margin)}"
    if len(recommended.candidates) == 1 == len(good(group)):
        numbers = f"{short_name(metric)} {from_to(metric, variant.means[metric])}, {seeds_of(variant, metric)}"
        worse = len(group.among(metric)) == 1 and not _unjudged(group)
        others = "every other variant that is not excluded" if _excluded(group) else "every other variant"
        both = f" and to beat {constant_answer(group)}" if len(as_good(group)) > 1 else ""
        numbers += _shared_mean(group, variant)
        rest = f"{others} is worse" if worse else f"no other variant is shown to be as good {within}{both}"
        return f"{take} {variant.name}: {numbers}; {rest}."
    those = f"the {len(recommended.candidates)} that are best or as good {within} of {short_name(metric)}"
    if len(recommended.candidates) == 1:
        those = f"the only one there that is best or as good {within} of {short_name(metric)}"
        return f"{take} {variant.name} ({value(metric, variant)}): {those}."
    named = _with_values(recommended.candidates, metric)
    if recommended.cost is None:
        return f"{take} {variant.name}, the best mean of {those}: {named}; no cost was measured alike for all of them."
    cost = _least(recommended.cost, variant)
    return f"{take} {variant.name}: it has {cost}, of {those}: {named}.{_not_asked(group, recommended)}"


def _shared_mean(group: ComparisonGroup, variant: Variant) -> str:
    """Which others have the recommended variant's mean, and why it is taken before them; empty where none has."""
    tied = with_mean_of(group, variant, group.among(group.quality))
    cost = cheapest(group, [variant, *tied]).cost
    why = f", and of these it has {_least(cost, variant)}" if cost and tied else ""
    return f"{_with_same_mean(tied)}{why}"


def _with_same_mean(tied: list[Variant]) -> str:
    return f"; {names(tied)} {'has' if len(tied) == 1 else 'have'} the same mean" if tied else ""


def _least(cost: str, variant: Variant) -> str:
    extreme = "highest" if known(cost).higher_is_better else "lowest"
    return f"the {extreme} {short_name(cost)}, {value(cost, variant)}"


def _not_asked(group: ComparisonGroup, recommended: Recommendation) -> str:
    """A sentence where another cost decided than the one that the user named."""
    asked = cost_metric(group, group.cost) if group.cost else recommended.cost
    if asked in (None, recommended.cost):
        return ""
    return f" Their {short_name(asked)}, the cost that was asked for, could not be compared: see the notes."


def _no_recommendation(group: ComparisonGroup, first: Variant) -> str:
    """The sentence where no variant has enough seeds for a verdict, or none of the best beats chance."""
    metric = group.quality
    if best := as_good(group):
        those = f"none of the variants that are best or as good within {margin_words(metric, group.margin)}"
        return f"No recommendation: {those} is shown to beat {constant_answer(group)}: {_with_values(best, metric)}."
    extreme = "Highest" if known(metric).higher_is_better else "Lowest"
    return (
        f"No recommendation: one or two seeds do not tell a difference from noise, three or more of each variant do "
        f"(seed=0,1,2). {extreme} {short_name(metric)} so far: {first.name}, {value(metric, first)}, "
        f"{seeds_of(first, metric)}{_with_same_mean(with_mean_of(group, first, _by_mean(group)))}."
    )


def _undecided(group: ComparisonGroup) -> list[str]:
    """A sentence about the variants that may be as good or worse, and what would decide it."""
    standings = {variant: variant.standings[group.quality] for variant in group.among(group.quality)}
    undecided = {variant: standing for variant, standing in standings.items() if standing.verdict == "open"}
    by_seeds = [variant for variant, standing in undecided.items() if standing.seeds_needed]
    never = [variant for variant in undecided if variant not in by_seeds]
    parts = []
    for number in sorted({undecided[variant].seeds_needed or 0 for variant in by_seeds}):
        those = [variant for variant in by_seeds if undecided[variant].seeds_needed == number]
        parts.append(f"{names(those)} (about {number} seeds each would decide)")
    if never:
        parts.append(f"{names(never)} ({TOO_FEW_ITEMS})")
    return [f"Undecided: {'; '.join(parts)}."] if parts else []


def _unjudged(group: ComparisonGroup) -> list[str]:
    """A sentence about the variants with too few seeds, where others have enough."""
    metric, few = group.quality, _with_few_seeds(group)
    if not few or len(few) == sum(metric in variant.standings for variant in group.variants):
        return []
    best = group.among(metric)[0]
    named = []
    for variant in few:
        ahead = ", although its mean is the better one" if _is_ahead(group, variant, best) else ""
        named.append(f"{variant.name} ({variant.standings[metric].reason}{ahead})")
    return [f"No verdict on {listed(named)}."]


def _with_few_seeds(group: ComparisonGroup) -> list[Variant]:
    """The variants with too few seeds for a verdict."""
    return [variant for variant in group.variants if variant.verdict(group.quality) == "few seeds"]


def _is_ahead(group: ComparisonGroup, variant: Variant, other: Variant) -> bool:
    """Whether a variant's mean is better than that of another one."""
    return _best_first(group, [other, variant])[0] is variant


def _excluded(group: ComparisonGroup) -> list[str]:
    """A sentence about the variants that do not meet the requirements."""
    if not group.sifted or not group.sifted.excluded:
        return []
    excluded = _best_first(group, group.sifted.excluded)
    named = listed([f"{variant.name} ({group.sifted.reason(variant)})" for variant in excluded])
    return [f"Excluded by their means, which must meet {group.sifted.wanted}: {named}."]


def _failed(group: ComparisonGroup) -> list[str]:
    """A sentence about the variants that were run and have no result."""
    failed = [variant for variant in group.variants if not variant.runs]
    return [f"No run finished of {names(failed)}."] if failed else []


def value(metric: str, variant: Variant) -> str:
    """A mean with its unit; a rate's unit is in its name."""
    mean, unit = variant.means[metric], known(metric).unit
    return f"{rounded(mean.mean, mean.half)} {unit if unit != '1/s' else ''}".strip()


def _with_values(variants: list[Variant], metric: str) -> str:
    """The first of these variants, each with its mean."""
    return listed([f"{one.name} ({value(metric, one)})" for one in variants])


def seeds_of(variant: Variant, metric: str) -> str:
    """How many seeds a variant's mean is over, and of how many if some runs failed."""
    n = variant.means[metric].n
    tried = f" of {len(variant.runs) + len(variant.failed)} seeds" if variant.failed else ""
    return f"one{tried or ' seed'}, so without an interval" if n == 1 else f"{n}{tried or ' seeds'}"
