"""The notes of a report: what is not ranked, not shown, left out or in doubt."""

from collections.abc import Iterator, Sequence

from harness.analysis import budgets, kernels, pretrained_variants, tuned
from harness.analysis.comparability import ComparisonGroup, best_first
from harness.analysis.comparison import Comparison
from harness.analysis.listed import listed
from harness.analysis.variants import Variant
from harness.records.metrics import short_name
from harness.report import chance_text, side_by_side, target_words

MOST_LEFT_OUT = 10
"""The notes name at most so many files that could not be read."""


def notes(comparison: Comparison) -> list[str]:
    """A sentence for everything else that a reader must know about a comparison."""
    sentences = [*comparison.separations, *budgets.sentences(comparison.groups), *tuned.sentences(comparison.groups)]
    sentences += chance_text.sentences(comparison.groups)
    sentences += _of_equal_seeds(comparison.groups)
    sentences += kernels.sentences(comparison.groups)
    sentences += pretrained_variants.sentences(comparison.groups)
    sentences += tuned.repeated_trials(comparison.groups)
    sentences += target_words.sentences(comparison.groups)
    sentences += side_by_side.sentences(comparison.groups)
    if count := len(comparison.profiles):
        sentences.append(f"Not compared with runs: {_counted(count, 'profile')}; report.html shows profiles.")
    if count := comparison.repeated:
        sentences.append(
            f"Left out: {_counted(count, 'repeated or retried run')}; the newest run of each variant and seed counts."
        )
    if count := sum(len(variant.runs) + len(variant.failed) for variant in comparison.outdated):
        sentences.append(f"Left out: {_counted(count, 'run')} of the same configs with earlier code or packages.")
    sentences += comparison.searches
    sentences += [f"Left out: {reason}." for reason in comparison.left_out[:MOST_LEFT_OUT]]
    if (more := len(comparison.left_out) - MOST_LEFT_OUT) > 0:
        what = "more file that is not a readable record" if more == 1 else "more files that are not readable records"
        sentences.append(f"Left out: {more} {what}; the command names each of them.")
    return sentences


def _of_equal_seeds(groups: Sequence[ComparisonGroup]) -> Iterator[str]:
    """A sentence for each group in which all seeds of a variant have one score, and an interval all the same."""
    for group in groups:
        equal = [one.name for one in best_first(group, group.variants) if _has_equal_seeds(one, group.quality)]
        if equal:
            yield (
                f"{group.title}: all seeds have the same {short_name(group.quality)} with {listed(equal)}; the "
                "interval is that of a standard deviation of one test item, below which none is taken."
            )


def _has_equal_seeds(variant: Variant, metric: str) -> bool:
    values = list(variant.values(metric).values())
    return metric in variant.means and len(values) > 1 and len(set(values)) == 1 and bool(variant.means[metric].half)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
