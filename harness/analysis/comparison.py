"""Variants side by side: which is best in what, which cannot be told from it, and how far each is from a baseline."""

from collections.abc import Iterable
from dataclasses import dataclass

from harness.analysis.comparability import ComparisonGroup, apart, known, make_groups, pools, shown
from harness.analysis.statistics import holm, paired_difference, rank
from harness.analysis.variant_names import short_keys
from harness.analysis.variants import BaselineDifference, Variant, flat_settings, gather
from harness.errors import UserError
from harness.records.record import Record


@dataclass(eq=False)
class Comparison:
    """All that is known of a set of records side by side."""

    name: str
    groups: list[ComparisonGroup]
    baseline: str | None
    repeated: int
    profiles: list[Record]
    """Those of ``mode=profile``, which are shown and not compared."""
    outdated: list[Variant]
    apart: list[str]
    """A sentence for everything that keeps variants from being ranked together."""

    @property
    def variants(self) -> list[Variant]:
        return [variant for group in self.groups for variant in group.variants]

    @property
    def failed(self) -> list[Record]:
        return [record for variant in self.variants for record in variant.failed]

    @property
    def runs(self) -> int:
        return sum(len(variant.runs) for variant in self.variants)


def compare(records: Iterable[Record], name: str, baseline: str | None = None) -> Comparison:
    """Compare the runs of these records; ``baseline`` is ``key=value`` (or several, by commas) over choices and config.

    Raises:
        UserError: there is no record of a run, or none that the baseline describes.
    """
    found = list(records)
    runs = [record for record in found if record.mode != "profile"]
    profiles = [record for record in found if record.mode == "profile"]
    if found and not runs:
        raise UserError(
            "there are only profiles, and they are not compared with runs; python -m harness mode=profile shows them"
        )
    gathered = gather(runs)
    if not gathered.variants:
        raise UserError("there is no record of a run to compare; run something first, or name the folder of its records")
    groups = make_groups(gathered.variants)
    comparison = Comparison(
        name, groups, baseline, gathered.repeated, profiles, gathered.outdated, apart(groups)
    )
    for group in groups:
        _rank(group)
    if baseline:
        _against(comparison, baseline)
    return comparison


def _rank(group: ComparisonGroup) -> None:
    """Mark in each metric with a direction the best variants, those tied with them, and the rest."""
    for metric in group.metrics:
        higher = known(metric).higher_is_better
        if higher is None:
            continue
        for pool in pools(group, metric):
            if len(pool) < 2:
                continue
            verdicts = rank([variant.values(metric) for variant in pool], higher, known(metric).exact)
            for variant, verdict in zip(pool, verdicts, strict=True):
                if verdict:
                    variant.verdicts[metric] = verdict


def _against(comparison: Comparison, baseline: str) -> None:
    """Set each variant's differences to its baseline.

    Raises:
        UserError: no variant is described by the baseline, or it is no ``key=value``.
    """
    wanted = {}
    for word in baseline.split(","):
        key, equals, value = word.partition("=")
        if not equals:
            raise UserError(f"--baseline {baseline}: give it as key=value, such as --baseline encoder=lstm")
        wanted[key.strip()] = value.strip()
    found: list[Variant] = []
    paired = False
    for group in comparison.groups:
        candidates = [variant for variant in group.variants if _fits(variant, wanted)]
        found += candidates
        pairs = [(variant, base) for variant in group.variants if (base := _counterpart(variant, candidates, wanted))]
        paired = paired or bool(pairs)
        for metric in group.metrics:
            if known(metric).higher_is_better is not None:
                _differences(group, metric, pairs)
    if not found:
        named = ", ".join(variant.name for variant in comparison.variants[:8])
        raise UserError(f"--baseline {baseline} describes none of the variants; they are: {named}")
    if not paired and len(found) < len(comparison.variants):
        named = ", ".join(variant.name for variant in found[:8])
        raise UserError(
            f"--baseline {baseline} describes {len(found)} variants ({named}), and no other variant is like one of them in "
            "all else; describe one of them by more keys, joined by commas"
        )


def _fits(variant: Variant, wanted: dict[str, str]) -> bool:
    short = {shortened: variant.parts[key] for key, shortened in short_keys(variant.parts).items()}  # as names have them
    sources = (flat_settings(variant.record), variant.record.choices, variant.parts, short)
    return all(
        any(key in source and shown(source[key]) == value for source in sources) for key, value in wanted.items()
    )


def _counterpart(variant: Variant, candidates: list[Variant], wanted: dict[str, str]) -> Variant | None:
    """The baseline of a variant: the only one, or of several the one that agrees in all that the baseline leaves open."""
    if variant in candidates:
        return None
    if len(candidates) == 1:
        return candidates[0]
    own = _left_open(variant, wanted)
    fitting = [other for other in candidates if _left_open(other, wanted) == own]
    return fitting[0] if len(fitting) == 1 else None


def _left_open(variant: Variant, wanted: dict[str, str]) -> dict[str, str]:
    """What sets a variant apart, less what the baseline names, in full or as names of variants have it."""
    short = short_keys(variant.parts)
    return {key: value for key, value in variant.parts.items() if key not in wanted and short[key] not in wanted}


def _differences(group: ComparisonGroup, metric: str, pairs: list[tuple[Variant, Variant]]) -> None:
    """The paired differences in one metric, corrected for all variants that are asked about."""
    asked = [(variant, base) for pool in pools(group, metric) for variant, base in pairs if variant in pool and base in pool]
    found = [paired_difference(variant.values(metric), base.values(metric), known(metric).exact) for variant, base in asked]
    corrected = holm([difference.p if difference else None for difference in found])
    for (variant, base), difference, p in zip(asked, found, corrected, strict=True):
        variant.baseline_differences[metric] = BaselineDifference(base.name, base.means[metric].mean, difference, p)
