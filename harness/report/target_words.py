"""In how many runs validation reached the target, in words: the fast runs alone would give a mean that is too low."""

from harness.analysis.comparability import ComparisonGroup
from harness.analysis.listed import in_a_row, listed
from harness.analysis.targets import monitored, target_of
from harness.analysis.variants import Variant
from harness.records.metrics import SECONDS_TO_TARGET, TRAINING_SECONDS


def instead_of_mean(variant: Variant, metric: str) -> str:
    """What a table shows where a variant has no mean: in how many runs the target was reached, or a dash."""
    if metric != SECONDS_TO_TARGET or not _timed(variant):
        return "-"
    return f"{_reached(variant)} of {len(variant.runs)} runs"


def sentences(groups: list[ComparisonGroup]) -> list[str]:
    """For each comparison group with a target: in how many runs of each variant it was reached."""
    return [sentence for group in groups if (sentence := _sentence(group))]


def _sentence(group: ComparisonGroup) -> str:
    variants = [variant for variant in group.variants if variant.runs and target_of(variant.record) is not None]
    if not variants:
        return ""
    named: dict[str, list[str]] = {}
    for variant in variants:
        named.setdefault(_how_often(variant), []).append(variant.name)
    clauses = in_a_row([f"{how} of {listed(names)}" for how, names in named.items()])
    first = variants[0].record
    partly = any(0 < _reached(variant) < len(variant.runs) for variant in variants)
    return (
        f"{group.title}: {monitored(first)} reached the target, {target_of(first):g}, in {clauses}"
        + ("; a variant has a mean only if all its runs reached it." if partly else ".")
    )


def _how_often(variant: Variant) -> str:
    if not _timed(variant):
        return "an unknown number of runs, without seconds in the history,"
    reached, runs = _reached(variant), len(variant.runs)
    return {runs: "all runs", 0: "no run"}.get(reached, f"{reached} of {runs} runs")


def _reached(variant: Variant) -> int:
    """The number of runs that reached the target, also of those on a busy machine, whose seconds do not count."""
    return sum(SECONDS_TO_TARGET in run.metrics for run in variant.runs)


def _timed(variant: Variant) -> bool:
    """Whether the histories of all runs have the seconds of training."""
    return bool(variant.runs) and all(TRAINING_SECONDS in entry for run in variant.runs for entry in run.history)
