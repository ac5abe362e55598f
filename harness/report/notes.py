"""The notes of a report: what is not ranked, not shown, left out or in doubt."""

from harness.analysis import budgets, tuned
from harness.analysis.comparability import ComparisonGroup
from harness.analysis.comparison import Comparison
from harness.analysis.intervals import Mean
from harness.analysis.variants import Variant
from harness.report import target_words

ENOUGH_SEEDS = 5
"""From so many seeds on, a tie is more likely due to the encoders than to the number of seeds."""
MOST_LEFT_OUT = 10
"""The notes name at most so many files that could not be read."""


def notes(comparison: Comparison) -> list[str]:
    """A sentence for everything else that a reader must know about a comparison."""
    sentences = [*comparison.separations, *budgets.sentences(comparison.groups), *tuned.sentences(comparison.groups)]
    sentences += target_words.sentences(comparison.groups)
    if count := len(comparison.profiles):
        sentences.append(f"Not compared with runs: {_counted(count, 'profile')}; report.html shows profiles.")
    if count := comparison.repeated:
        sentences.append(
            f"Left out: {_counted(count, 'repeated or retried run')}; the newest run of each variant and seed counts."
        )
    if count := sum(len(variant.runs) + len(variant.failed) for variant in comparison.outdated):
        sentences.append(f"Left out: {_counted(count, 'run')} of the same configs with earlier code or packages.")
    sentences += [f"Left out: {reason}." for reason in comparison.left_out[:MOST_LEFT_OUT]]
    if (more := len(comparison.left_out) - MOST_LEFT_OUT) > 0:
        what = "more file that is not a readable record" if more == 1 else "more files that are not readable records"
        sentences.append(f"Left out: {more} {what}; the command names each of them.")
    sentences += [warning for group in comparison.groups if (warning := _few_seeds(group))]
    if any(_of_quality(group, variant).n == 1 for group in comparison.groups for variant in group.variants):
        sentences.append(
            "Some variants have one seed: without an interval, no difference to them can be distinguished from noise."
        )
    return sentences


def _of_quality(group: ComparisonGroup, variant: Variant) -> Mean:
    return variant.means.get(group.quality, Mean(0, None, 0))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _few_seeds(group: ComparisonGroup) -> str | None:
    """A warning if so many variants are tied with the best that the number of seeds must be the reason."""
    seeds = [variant.means[group.quality].n for variant in group.variants if group.quality in variant.means]
    if not seeds or min(seeds) >= ENOUGH_SEEDS:
        return None
    verdicts = [variant.verdict(group.quality) for variant in group.variants if variant.values(group.quality)]
    doubtful = verdicts.count("open")
    if doubtful <= verdicts.count("worse") + 1:
        return None
    return (
        f"{group.title}: most variants cannot be distinguished from the best, with as few as {min(seeds)} seeds; that "
        "does not make them equal: add seeds to distinguish more of them."
    )
