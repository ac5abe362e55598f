"""The level of chance in words."""

from collections.abc import Sequence

from harness.analysis.chance import at_chance, level_of_chance, nothing_beats_chance
from harness.analysis.comparability import ComparisonGroup, best_first
from harness.analysis.listed import listed
from harness.records.metrics import number, short_name, split_of
from harness.report.text import rounded

ANSWERS = {
    "classification": "always answering the commonest class",
    "tagging": "always answering the commonest tag",
    "multilabel": "always answering the labels of more than half",
    "regression": "always answering the mean",
}
"""By task, the answer that the level of chance is the score of; it is that of train."""


def constant_answer(group: ComparisonGroup) -> str:
    """The answer whose score the variants must beat, with its score in the group's quality."""
    score = f"{short_name(group.quality)} {number(group.quality, level_of_chance(group))}"
    return f"{ANSWERS[group.variants[0].record.data.task]} ({score})"


def line(group: ComparisonGroup) -> str:
    """The line under a table: the level of chance in each metric that was measured; empty where there is none."""
    levels = {metric: level_of_chance(group, metric) for metric in group.metrics if split_of(metric) == "test"}
    shown = [f"{short_name(metric)} {number(metric, level)}" for metric, level in levels.items() if level is not None]
    if not shown:
        return ""
    return f"Level of chance: {', '.join(shown)}, by {ANSWERS[group.variants[0].record.data.task]} of train."


def sentences(groups: Sequence[ComparisonGroup]) -> list[str]:
    """A sentence for each group in which some variants are not shown to beat chance; of none, the answer says it."""
    found = []
    for group in groups:
        variants = best_first(group, at_chance(group))
        if variants and not nothing_beats_chance(group):
            means = [(variant.name, variant.means[group.quality]) for variant in variants]
            named = listed([f"{name} ({rounded(mean.mean, mean.half)})" for name, mean in means])
            found.append(f"{group.title}: not shown to beat {constant_answer(group)}: {named}.")
    return found
