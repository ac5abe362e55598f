"""How the variants that ran on several data sets rank over all of them.

Comparison groups on one data set are not several data sets: those over ``data.train_limit``, other preparations of the
same texts, earlier contents of a file, other versions of packages. Of such groups one counts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.analysis.aggregates import Estimate, error_ratios, ranks
from harness.analysis.chance import level_of_chance
from harness.analysis.comparability import ComparisonGroup, Facts, as_text, data_name, differing
from harness.analysis.listed import listed
from harness.analysis.matched_variants import differing_settings, match
from harness.analysis.variants import Variant, flat_settings
from harness.records.metrics import known
from harness.records.record import Record

QUESTION = ("_target_", "subset", "label", "tags", "column", "task")
"""The settings of data, besides its source, with which the same content is another data set: another question."""
FEWEST = 2
"""A summary needs so many data sets, and so many variants that ran on all of them."""


@dataclass(frozen=True)
class Row:
    """One variant over all data sets.

    ``runs`` counts its runs. ``ranks`` (mean ranks) and ``ratios`` (of errors, see ``error_ratios``) are by data set.
    ``mean`` and ``middle`` are the mean rank and the interquartile mean of ranks. ``behind``: whether the mean rank is
    behind the best one by more than noise; None if there are too few seeds to say.
    """

    name: str
    runs: int
    mean: Estimate
    middle: Estimate
    behind: bool | None
    ranks: list[float]
    ratios: list[list[float]]


@dataclass(frozen=True)
class Chance:
    """Where the level of chance is among the variants: its ``ranks`` and ``ratios`` by data set, as those of a run."""

    ranks: list[float]
    ratios: list[float]


@dataclass(frozen=True)
class OverDataSets:
    """The variants that ran on all of several data sets, the best mean rank first.

    ``critical`` is the difference of mean ranks that is more than noise; None if there are too few seeds. ``notes`` has
    a sentence for everything that is left out, and for what differs between the data sets besides the data. ``chance``
    is None where a data set has no level of chance.
    """

    titles: list[str]
    rows: list[Row]
    critical: float | None
    notes: list[str]
    chance: Chance | None


@dataclass(frozen=True)
class _DataSet:
    """The comparison group that counts for a data set, and its variants by their name on all data sets."""

    title: str
    group: ComparisonGroup
    variants: dict[str, Variant]

    @property
    def higher_is_better(self) -> bool:
        return bool(known(self.group.quality).higher_is_better)

    @property
    def least_error(self) -> float:
        """One item of the test split, where the error is a share of its items."""
        size = self.group.variants[0].record.data.sizes.get("test", 0)
        return 1 / size if size and self.higher_is_better else 0.0

    def scores(self, name: str) -> list[float]:
        return list(self.variants[name].values(self.group.quality).values())

    def errors(self, name: str) -> list[float]:
        return [self.error(score) for score in self.scores(name)]

    def error(self, score: float) -> float:
        """1 less the score where higher is better, as with all shares, else the score itself."""
        return 1 - score if self.higher_is_better else score


def over_data_sets(groups: Sequence[ComparisonGroup]) -> OverDataSets | None:
    """The summary of the data sets that share the most variants; None if no two of them share two."""
    by_data: dict[str, list[ComparisonGroup]] = {}
    for group in groups:
        if _scored(group):
            by_data.setdefault(_data_set(group.variants[0].record), []).append(group)
    if len(by_data) < 2:
        return None
    counting = [max(same, key=_standing) for same in by_data.values()]
    titles = _titles([group.variants[0].record for group in counting])
    variants = match([_scored(group) for group in counting])
    found = [_DataSet(*parts) for parts in zip(titles, counting, variants, strict=True)]
    places, names = _largest_block([list(data_set.variants) for data_set in found])
    if not names:
        return None
    chosen = [found[place] for place in places]
    rows, critical = _rows(chosen, names)
    notes = [*_missing_variants(chosen, names), *_missing_sets([one for one in found if one not in chosen])]
    notes += [*_same_data(by_data.values(), counting), *_differing_settings(chosen, names)]
    return OverDataSets([data_set.title for data_set in chosen], rows, critical, notes, _chance(chosen, names))


def _scored(group: ComparisonGroup) -> list[Variant]:
    return [variant for variant in group.variants if group.quality in variant.means]


def _data_set(record: Record) -> str:
    """What comparison groups on one data set share."""
    settings = flat_settings(record)
    return as_text([record.data.source, *(as_text(settings.get(f"data.{key}")) for key in QUESTION)])


def _standing(group: ComparisonGroup) -> tuple[int, int, str]:
    """Of the groups on one data set the one with the most variants counts, then the most rows, then the newest."""
    newest = max(variant.record.started for variant in group.variants)
    return len(_scored(group)), group.variants[0].record.data.sizes.get("train", 0), newest


def _titles(records: list[Record]) -> list[str]:
    """The name of each data set, with what distinguishes it from others of this name."""
    facts: list[Facts] = []
    for record in records:
        settings = flat_settings(record)
        question = {key: settings[f"data.{key}"] for key in QUESTION if f"data.{key}" in settings}
        facts.append({"data": data_name(record), "source": record.data.source, **question})
    titles = []
    for own in facts:
        keys = differing([other for other in facts if other["data"] == own["data"]])
        details = ", ".join(as_text(own[key]) for key in keys if key in own)
        titles.append(f"{own['data']} ({details})" if details else own["data"])
    return titles


def _largest_block(names: list[list[str]]) -> tuple[list[int], list[str]]:
    """The data sets, of these with their variants, and the variants that all of them have: the most results together.

    From every data set on, the one that keeps the most variants is added next. Both are empty if there is none.
    """
    best: tuple[list[int], list[str]] = ([], [])
    for start in range(len(names)):
        places, shared = [start], names[start]
        while rest := [place for place in range(len(names)) if place not in places]:
            kept = {place: [name for name in shared if name in names[place]] for place in rest}
            place = max(rest, key=lambda place: len(kept[place]))
            if len(kept[place]) < FEWEST:
                break
            places, shared = sorted([*places, place]), kept[place]
            if len(places) * len(shared) > len(best[0]) * len(best[1]):
                best = places, shared
    return best


def _rows(data_sets: list[_DataSet], names: list[str]) -> tuple[list[Row], float | None]:
    """The rows of these variants, and the critical difference of their mean ranks."""
    ranked = ranks(
        [[data_set.scores(name) for name in names] for data_set in data_sets],
        [data_set.higher_is_better for data_set in data_sets],
    )
    ratios = error_ratios(
        [[data_set.errors(name) for name in names] for data_set in data_sets],
        [data_set.least_error for data_set in data_sets],
    )
    rows = [
        Row(
            name, sum(len(data_set.scores(name)) for data_set in data_sets), ranked.mean[place], ranked.middle[place],
            ranked.behind(place), ranked.by_data_DK[:, place].tolist(), [of_data[place] for of_data in ratios],
        )
        for place, name in enumerate(names)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: row.mean.value), ranked.critical


def _chance(data_sets: list[_DataSet], names: list[str]) -> Chance | None:
    """The level of chance as if it were one run more, whose score no other run is compared with."""
    levels = [level for data_set in data_sets if (level := level_of_chance(data_set.group)) is not None]
    if len(levels) < len(data_sets):
        return None
    both = list(zip(data_sets, levels, strict=True))
    ranked = ranks(
        [[*(data_set.scores(name) for name in names), [level]] for data_set, level in both],
        [data_set.higher_is_better for data_set in data_sets],
    )
    ratios = error_ratios(
        [[*(data_set.errors(name) for name in names), [data_set.error(level)]] for data_set, level in both],
        [data_set.least_error for data_set in data_sets],
    )
    return Chance(ranked.by_data_DK[:, -1].tolist(), [of_data[-1][0] for of_data in ratios])


def _missing_variants(data_sets: list[_DataSet], names: list[str]) -> Iterator[str]:
    """A sentence about the variants that did not finish on all of the data sets."""
    others = dict.fromkeys(name for data_set in data_sets for name in data_set.variants if name not in names)
    absent = {name: [one.title for one in data_sets if name not in one.variants] for name in others}
    if absent:
        absentees = listed([f"{name} (not on {listed(titles)})" for name, titles in absent.items()])
        yield f"Left out, because they have no score on every one of these data sets: {absentees}."


def _missing_sets(data_sets: list[_DataSet]) -> Iterator[str]:
    if data_sets:
        titles = listed([data_set.title for data_set in data_sets])
        yield f"Left out, because too few of these variants have a score there: {titles}."


def _same_data(by_data: Iterable[list[ComparisonGroup]], counting: list[ComparisonGroup]) -> Iterator[str]:
    """A sentence about each data set with several comparison groups, of which one counts."""
    for same, counts in zip(by_data, counting, strict=True):
        others = [group.title for group in same if group is not counts]
        if others:
            yield f"One data set counts once: {counts.title} does, {listed(others)} not."


def _differing_settings(data_sets: list[_DataSet], names: list[str]) -> Iterator[str]:
    by_name = [[data_set.variants[name] for data_set in data_sets] for name in names]
    keys = list(dict.fromkeys(key for variants in by_name for key in differing_settings(variants)))
    if keys:
        yield f"Besides the data, these settings of a variant differ between the data sets: {listed(keys)}."
