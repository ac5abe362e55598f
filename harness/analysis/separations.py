"""Sentences that say which variants are not ranked together, or were chosen differently, and why."""

from harness.analysis import epoch_choice
from harness.analysis.comparability import ComparisonGroup, conditions, differing, group_facts
from harness.analysis.listed import MOST_NAMED, listed
from harness.analysis.statistics import FEWEST
from harness.analysis.variants import Variant
from harness.records.metrics import TOTAL_SECONDS


def separations(groups: list[ComparisonGroup]) -> list[str]:
    """A sentence for everything that keeps variants from being ranked together, or from being alike."""
    sentences = [_different_groups(groups)] if len(groups) > 1 else []
    for group in groups:
        sentences += [f"{group.title}: {choice}." for choice in epoch_choice.of_variants(group.variants)]
        if len(group.hardware_groups) > 1:
            sentences.append(_different_hardware(group))
        if resumed := [variant for variant in group.variants if variant.resumed and TOTAL_SECONDS in variant.means]:
            names = listed([variant.name for variant in resumed])
            sentences.append(
                f"{group.title}: {TOTAL_SECONDS} of {names} does not cover whole runs: runs were resumed after an "
                "interruption, and the time before it is not counted."
            )
        if disturbed := [variant for variant in group.variants if variant.disturbed]:
            sentences.append(_disturbed(group, disturbed))
    return [*sentences, *_left_out([variant for group in groups for variant in group.variants])]


def _different_groups(groups: list[ComparisonGroup]) -> str:
    differences = differing([group_facts(group) for group in groups])
    if "data" in differences:
        differences.pop("content", None)
    titles = " | ".join(group.title for group in groups)
    return f"Not ranked together: {titles}. They differ in {_with_values(differences)}."


def _different_hardware(group: ComparisonGroup) -> str:
    facts = [conditions(hardware_group.variants[0].record) for hardware_group in group.hardware_groups]
    return (
        f"{group.title}: speed and memory are ranked within each hardware group only, because the runs differ in "
        f"{_with_values(differing(facts, missing=True))}; the quality on the test split is ranked over all variants."
    )


def _disturbed(group: ComparisonGroup, disturbed: list[Variant]) -> str:
    names = listed([variant.name for variant in disturbed])
    if len(disturbed) > MOST_NAMED:
        names = f"{len(disturbed)} of {len(group.variants)} variants"
    reason = disturbed[0].disturbed
    if len(disturbed) > 1:
        reason = "other processes used the same hardware; a table that shows their speed marks it as busy"
    return f"{group.title}: the speed of {names} is not comparable and not ranked, because {reason}."


def _left_out(variants: list[Variant]) -> list[str]:
    """What is said of the disturbed runs of variants whose other runs count, and of those with too few others."""
    count, runs = sum(variant.left_out for variant in variants), sum(len(variant.runs) for variant in variants)
    if not count:
        return []
    whose = listed([f"{variant.left_out} of {variant.name}" for variant in variants if variant.left_out])
    said = [
        f"Left out of speed and latency: {count} of {runs} runs ({whose}), during which other processes used the same "
        "hardware; the other runs of their variants count."
    ]
    if few := [one.name for one in variants if one.left_out and len(one.undisturbed) < FEWEST]:
        said.append(
            f"No verdict in speed and latency on {listed(few)}: a verdict needs {FEWEST} runs that no other process "
            "disturbed; add seeds."
        )
    return said


def _with_values(differences: dict[str, list[str]]) -> str:
    return "; ".join(f"{key} ({' or '.join(values)})" for key, values in differences.items())
