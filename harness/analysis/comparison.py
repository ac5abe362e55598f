"""The comparison of variants: the verdict on each in every metric, and its difference to a baseline."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from harness.analysis.comparability import ComparisonGroup, as_text, make_groups
from harness.analysis.data_sets import OverDataSets, over_data_sets
from harness.analysis.disagreements import Disagreements, disagreements
from harness.analysis.intervals import ALPHA, holm, paired_difference
from harness.analysis.listed import listed
from harness.analysis.pools import pools
from harness.analysis.searched import without_losers
from harness.analysis.separations import separations
from harness.analysis.training_rows import Curves, curves_over_rows
from harness.analysis.variant_names import short_keys
from harness.analysis.variants import BaselineDifference, Variant, chosen_by_trials, flat_settings, gather
from harness.analysis.verdicts import QUALITY_MARGIN, exclude, set_standings
from harness.config.requirement import Requirement
from harness.errors import UserError
from harness.records.metrics import known
from harness.records.record import Record

MOST_NAMED = 8
"""An error names at most so many variants."""


@dataclass(eq=False)
class Comparison:
    """A set of records, compared.

    ``repeated`` counts runs that a newer run of the same variant and seed replaces; ``outdated`` are variants that ran
    with earlier code or packages. ``profiles`` are the records of ``mode=profile``: reports show them, and do not
    compare them. ``separations`` has a sentence for everything that keeps variants from being ranked together.
    ``left_out`` has a sentence for each file that could not be read as a record, ``searches`` one for each search.
    ``sweep`` is the sweep that asked for all of these runs; None: they are those of a folder or an experiment.
    """

    name: str
    groups: list[ComparisonGroup]
    baseline: str | None
    repeated: int
    outdated: list[Variant]
    profiles: list[Record]
    separations: list[str]
    left_out: list[str]
    searches: list[str] = field(default_factory=list)
    sweep: str | None = None

    @property
    def variants(self) -> list[Variant]:
        return [variant for group in self.groups for variant in group.variants]

    @property
    def failed(self) -> list[Record]:
        return [record for variant in self.variants for record in variant.failed]

    @cached_property
    def over_rows(self) -> list[Curves]:
        """The quality against the number of training rows, where runs differ in it."""
        return curves_over_rows(self.groups)

    @cached_property
    def over_data_sets(self) -> OverDataSets | None:
        """The ranks of the variants over several data sets, where the same variants ran on them."""
        return over_data_sets(self.groups)

    @cached_property
    def disagreements(self) -> list[Disagreements | None]:
        """What the best variants of each group disagree on; None where fewer than two kept predictions."""
        return [disagreements(group) for group in self.groups]

    @property
    def runs(self) -> int:
        """The number of finished runs that are compared."""
        return sum(len(variant.runs) for variant in self.variants)


def compare(
    records: Iterable[Record],
    name: str,
    baseline: str | None = None,
    left_out: Sequence[str] = (),
    margin: float = QUALITY_MARGIN,
    requirements: Sequence[Requirement] = (),
    alpha: float = ALPHA,
    cost: str | None = None,
    told: Sequence[str] = (),
) -> Comparison:
    """Compare the runs of these records.

    ``baseline`` describes a variant by ``key=value`` (several, separated by commas) over choices and config;
    ``left_out`` are sentences about files that could not be read, for the report's notes. Variants less than ``margin``
    behind the best quality count as equivalent to it. Of variants that do not all meet the ``requirements``, those that
    do are compared with each other alone. ``alpha`` is the level of the verdicts, and ``cost`` what the cheapest of
    several good variants is cheap in, one of ``recommendation.COSTS``. ``told`` are sentences that end the answer.

    Raises:
        UserError: there is no record of a run, or the baseline describes no variant or cannot be matched.
    """
    records = list(records)
    runs = [record for record in records if record.mode != "profile" and not record.is_trial]
    runs, searches = without_losers(runs)
    profiles = [record for record in records if record.mode == "profile"]
    if profiles and not runs:
        raise UserError(
            "there are only profiles, which are not compared with runs; python -m harness mode=profile shows them"
        )
    gathered = gather(runs)
    if not gathered.variants:
        raise UserError("there is no record of a run to compare; run something first, or name the folder of records")
    groups = make_groups(gathered.variants)
    for group in groups:
        group.cost, group.told = cost, list(told)
        set_standings(group, margin, alpha)
        if requirements:
            exclude(group, requirements, margin, alpha)
    comparison = Comparison(
        name, groups, baseline, gathered.repeated, gathered.outdated, profiles, separations(groups), list(left_out),
        searches,
    )  # fmt: skip
    if baseline:
        _set_baseline_differences(comparison, baseline)
    return comparison


def _set_baseline_differences(comparison: Comparison, baseline: str) -> None:
    """Give each variant its differences to its baseline.

    Raises:
        UserError: the baseline is not ``key=value``, matches no variant, or matches several that fit no other.
    """
    wanted = _parsed(baseline)
    matching: list[Variant] = []
    some_paired = False
    for group in comparison.groups:
        candidates = [variant for variant in group.variants if _matches(variant, wanted)]
        matching += candidates
        pairs = [(variant, base) for variant in group.variants if (base := _counterpart(variant, candidates, wanted))]
        some_paired = some_paired or bool(pairs)
        for metric in group.metrics:
            if known(metric).higher_is_better is not None:
                _set_differences(group, metric, pairs)
    if not matching:
        names = "".join(f"\n  {variant.name}" for variant in comparison.variants)  # long ones, so each has a line
        raise UserError(f"the baseline {baseline} describes none of the variants; the variants are:{names}")
    if not some_paired and len(matching) < len(comparison.variants):
        names = listed([variant.name for variant in matching], MOST_NAMED)
        raise UserError(
            f"the baseline {baseline} describes {len(matching)} variants ({names}), and no other variant has the same "
            "other settings as one of them; describe one of them by more keys, separated by commas"
        )


def _parsed(baseline: str) -> dict[str, str]:
    """``key=value,key=value`` as a dict.

    Raises:
        UserError: a part has no ``=``.
    """
    wanted = {}
    for part in baseline.split(","):
        key, equals, value = part.partition("=")
        if not equals:
            raise UserError(f"the baseline {baseline} must be key=value, such as encoder=lstm")
        wanted[key.strip()] = value.strip()
    return wanted


def _matches(variant: Variant, wanted: dict[str, str]) -> bool:
    """Whether a variant has the wanted values, under keys of the config, of the choices, or as its name shows them."""
    short = {short: variant.parts[key] for key, short in short_keys(variant.parts).items()}
    sources = (flat_settings(variant.record), variant.record.choices, variant.parts, short)
    return all(
        any(key in source and _equal(source[key], value) for source in sources) for key, value in wanted.items()
    )


def _equal(value: Any, wanted: str) -> bool:
    """Whether a setting is what a command line says; numbers are equal however they are written: 1, 1.0, 1e0."""
    if as_text(value) == wanted:
        return True
    try:
        return not isinstance(value, bool) and float(as_text(value)) == float(wanted)
    except ValueError:
        return False


def _counterpart(variant: Variant, candidates: list[Variant], wanted: dict[str, str]) -> Variant | None:
    """A variant's baseline: the only candidate, or the one candidate that has the same other settings."""
    if variant in candidates:
        return None
    if len(candidates) == 1:
        return candidates[0]
    own = _other_settings(variant, wanted)
    fitting = [candidate for candidate in candidates if _other_settings(candidate, wanted) == own]
    return fitting[0] if len(fitting) == 1 else None


def _other_settings(variant: Variant, wanted: dict[str, str]) -> dict[str, str]:
    """What distinguishes a variant, without what the baseline fixes under its full or short key, or trials chose."""
    short = short_keys(variant.parts)
    parts = {key: value for key, value in variant.parts.items() if key not in wanted and short[key] not in wanted}
    chosen = chosen_by_trials(variant.record)
    return {key: value for key, value in parts.items() if key not in chosen}


def _set_differences(group: ComparisonGroup, metric: str, pairs: list[tuple[Variant, Variant]]) -> None:
    """The paired differences in one metric, with p values corrected over all variants that have a baseline."""
    comparable = [
        (variant, base) for pool in pools(group, metric) for variant, base in pairs if variant in pool and base in pool
    ]
    differences = [
        paired_difference(variant.values(metric), base.values(metric), known(metric).exact)
        for variant, base in comparable
    ]
    corrected = holm([difference.p if difference else None for difference in differences])
    for (variant, base), difference, p in zip(comparable, differences, corrected, strict=True):
        variant.baseline_differences[metric] = BaselineDifference(base.name, base.means[metric].mean, difference, p)
