"""Comparisons whose verdicts a test sets, so that words can be tested apart from the statistics that give verdicts."""

from dataclasses import replace

from harness.analysis.comparison import compare
from harness.analysis.intervals import mean_interval
from harness.analysis.statistics import Standing
from harness.records.metrics import known


def group_of(records, standings, metric="test/accuracy", margin=0.01):
    """The comparison group of these records, with these standings by name and no others, and plain t intervals."""
    (group,) = compare(records, "digits").groups
    group.margin = margin
    for variant in group.variants:
        variant.standings.clear()
        for measured in variant.means:
            variant.means[measured] = mean_interval(list(variant.values(measured).values()), known(measured).exact)
        if variant.name in standings:
            variant.standings[metric] = standings[variant.name]
    return group


def with_items(group, metric, half):
    """Give every variant this half interval over test items."""
    for variant in group.variants:
        variant.means[metric] = replace(variant.means[metric], items_half=half)


BEST = Standing("best", 0.0, 0.0)


def worse(behind, at_most):
    return Standing("worse", behind, at_most)


def equivalent(behind, at_most):
    return Standing("equivalent", behind, at_most)


def undecided(behind, at_most, seeds):
    return Standing("open", behind, at_most, seeds)


def few(reason):
    return Standing("few seeds", reason=reason)
