"""Quality against the number of training rows: what more data would bring, encoder by encoder.

The runs of one curve differ in ``data.train_limit`` alone. Their data hashes differ, because each subset has its own
vocabulary, so their variants are in different comparison groups; validation and test are the same rows in all of them.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from harness.analysis.comparability import ComparisonGroup, Facts, as_text, data_name, differing
from harness.analysis.intervals import Mean
from harness.analysis.variant_names import name_variants
from harness.analysis.variants import Variant, asked_settings, chosen_by_trials, flat_settings, processor_of, versions
from harness.records.metric import SHARE
from harness.records.metrics import QUALITY, known
from harness.records.record import Record
from harness.records.settings import replaced

LIMIT = "data.train_limit"
FEWEST = 3
"""A curve is fitted from so many sizes on: through two points every curve fits."""


@dataclass(frozen=True)
class PowerLaw:
    """``error = factor * rows ** -exponent`` (Hestness et al. 2017, arXiv 1712.00409).

    The error is 1 less the metric where higher is better, as with accuracy, and else the metric itself.
    """

    factor: float
    exponent: float

    def error(self, rows: float) -> float:
        """The error that the curve expects of a training on so many rows."""
        return self.factor * rows**-self.exponent


@dataclass(frozen=True)
class Curve:
    """The quality of one variant after training on more and more rows; ``points`` are by rows of train, ascending."""

    name: str
    points: dict[int, Mean]
    fit: PowerLaw | None


@dataclass(frozen=True)
class Curves:
    """The curves on one data set, in one metric; ``title`` names the data.

    ``chance`` is the level of chance of the most training rows: fewer may have another commonest class.
    """

    title: str
    metric: str
    curves: list[Curve]
    chance: float | None

    def quality(self, error: float) -> float:
        """The metric's value for an error of ``PowerLaw``."""
        return 1 - error if known(self.metric).higher_is_better else error


def curves_over_rows(groups: Sequence[ComparisonGroup]) -> list[Curves]:
    """The curves of every data set that was trained on with two limits or more; the best at the most rows first."""
    by_data: dict[str, list[Variant]] = {}
    for group in groups:
        for variant in group.variants:
            if variant.runs and LIMIT in flat_settings(variant.record):
                by_data.setdefault(_data(variant), []).append(variant)
    found = [(variants[0].record, _curves(_unchanged(variants))) for variants in by_data.values()]
    sections = [(record, curves) for record, curves in found if curves is not None]
    titles = _titles([record for record, _ in sections])
    return [replace(curves, title=title) for title, (_, curves) in zip(titles, sections, strict=True)]


def _unchanged(variants: list[Variant]) -> list[Variant]:
    """The variants without those that may have run before the data changed.

    The data hash differs between limits in any case. So a change shows where one limit has several hashes: the newest
    one counts, and of the other limits what ran after the first run with such a hash.
    """
    newest: dict[Any, str] = {}
    for variant in sorted(variants, key=lambda variant: variant.record.started):
        newest[_limit(variant)] = variant.record.data.hash
    current = [variant for variant in variants if variant.record.data.hash == newest[_limit(variant)]]
    changed = {_limit(variant) for variant in variants if variant not in current}
    first = min((variant.record.started for variant in current if _limit(variant) in changed), default="")
    return [variant for variant in current if _limit(variant) in changed or variant.record.started >= first]


def _titles(records: list[Record]) -> list[str]:
    """The name of each section's data, with what distinguishes it from other sections on data of this name."""
    facts = [_facts(record) for record in records]
    titles = []
    for own in facts:
        differences = differing([other for other in facts if other["data"] == own["data"]])
        details = ", ".join(f"{key} {as_text(own[key])}" for key in differences if key in own)
        titles.append(f"{own['data']} ({details})" if details else own["data"])
    return titles


def _facts(record: Record) -> Facts:
    sizes = {f"{role} rows": size for role, size in _held_out(record).items()}
    settings = {key.removeprefix("data."): value for key, value in _data_settings(record).items() if key != LIMIT}
    backend = {"backend": record.choices["backend"]}
    return {"data": data_name(record), **backend, "source": record.data.source, **sizes, **settings, **versions(record)}


def _curves(variants: list[Variant]) -> Curves | None:
    shared = (metric for metric in QUALITY if all(metric in variant.means for variant in variants))
    metric = next(shared, None)
    if metric is None or not (known(metric).bounds == SHARE or not known(metric).higher_is_better):
        return None
    lines: dict[str, list[Variant]] = {}
    for variant in variants:
        lines.setdefault(_line(variant), []).append(variant)
    members = [same for same in lines.values() if len({_rows(variant) for variant in same}) > 1]
    names = _names([max(same, key=_rows) for same in members])
    curves = [_curve(name, same, metric) for name, same in zip(names, members, strict=True)]
    sign = -1 if known(metric).higher_is_better else 1
    curves.sort(key=lambda curve: sign * curve.points[max(curve.points)].mean)
    if not curves:
        return None
    largest = max((variant for same in members for variant in same), key=_rows)
    return Curves("", metric, curves, largest.record.data.chance.get(metric))


def _names(variants: list[Variant]) -> list[str]:
    """A name for each curve, of which these are the last points: what distinguishes it from the other curves.

    The names in the comparison groups are not enough: the last points may be in different groups.
    """
    curves = [Variant([_of_all_sizes(variant.record)], []) for variant in variants]
    name_variants(curves)
    return [curve.name for curve in curves]


def _of_all_sizes(record: Record) -> Record:
    """A record without what may differ along its curve: the limit, and what trials chose for this one."""
    return replace(record, config=replaced(record.config, {LIMIT: None, **chosen_by_trials(record)}))


def _curve(name: str, variants: list[Variant], metric: str) -> Curve:
    """The curve of the variants that differ in the limit alone."""
    variants = sorted(variants, key=_rows)
    points = {_rows(variant): variant.means[metric] for variant in variants}
    higher = known(metric).higher_is_better
    fit = fitted({rows: 1 - mean.mean if higher else mean.mean for rows, mean in points.items()})
    return Curve(name, points, fit)


def fitted(error_by_rows: dict[int, float]) -> PowerLaw | None:
    """The least-squares line of log error over log rows; None with fewer than three sizes, or where an error is 0."""
    if len(error_by_rows) < FEWEST or min(error_by_rows.values()) <= 0:
        return None
    slope, intercept = np.polyfit(np.log(list(error_by_rows)), np.log(list(error_by_rows.values())), 1)
    return PowerLaw(math.exp(intercept), -float(slope))


def _rows(variant: Variant) -> int:
    return variant.record.data.sizes["train"]


def _limit(variant: Variant) -> Any:
    return flat_settings(variant.record)[LIMIT]


def _held_out(record: Record) -> dict[str, int]:
    return {role: size for role, size in record.data.sizes.items() if role != "train"}


def _data_settings(record: Record) -> dict[str, Any]:
    return {key: value for key, value in flat_settings(record).items() if key.startswith("data.")}


def _data(variant: Variant) -> str:
    """What the runs on one data set share, whatever the limit; other versions of packages are another data set."""
    record = variant.record
    settings = {**_data_settings(record), LIMIT: None}
    same = [record.choices["data"], record.data.source, _held_out(record), versions(record), settings]
    return json.dumps(same, sort_keys=True)


def _line(variant: Variant) -> str:
    """What the runs of one curve share: all settings but the limit and what trials chose, and the machine."""
    record = variant.record
    settings = {**asked_settings(record), LIMIT: None}
    hardware = asdict(record.environment.hardware)
    return json.dumps([record.choices["encoder"], settings, hardware, processor_of(record)], sort_keys=True)
