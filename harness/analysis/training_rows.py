"""Quality against the number of training rows: what more data would bring, encoder by encoder.

The runs of one curve differ in ``data.train_limit`` alone. Their data hashes differ, because each subset has its own
vocabulary, so their variants are in different comparison groups; validation and test are the same rows in all of them.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from harness.analysis.comparability import ComparisonGroup, data_name
from harness.analysis.statistics import Mean
from harness.analysis.variants import Variant, flat_settings, processor_of, versions
from harness.records.metric import SHARE
from harness.records.metrics import QUALITY, known

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
    """The curves on one data set, in one metric; ``title`` names the data."""

    title: str
    metric: str
    curves: list[Curve]

    def quality(self, error: float) -> float:
        """The metric's value for an error of ``PowerLaw``."""
        return 1 - error if known(self.metric).higher_is_better else error


def curves_over_rows(groups: Sequence[ComparisonGroup]) -> list[Curves]:
    """The curves of every data set that was trained on with two limits or more; the best at the most rows first."""
    by_data: dict[str, list[tuple[ComparisonGroup, Variant]]] = {}
    for group in groups:
        for variant in group.variants:
            if variant.runs and LIMIT in flat_settings(variant.record):
                by_data.setdefault(_data(variant), []).append((group, variant))
    found = [_curves(members) for members in by_data.values()]
    return [curves for curves in found if curves is not None]


def _curves(members: list[tuple[ComparisonGroup, Variant]]) -> Curves | None:
    variants = [variant for _, variant in members]
    shared = (metric for metric in QUALITY if all(metric in variant.means for variant in variants))
    metric = next(shared, None)
    if metric is None or not (known(metric).bounds == SHARE or not known(metric).higher_is_better):
        return None
    lines: dict[str, list[Variant]] = {}
    for variant in variants:
        lines.setdefault(_line(variant), []).append(variant)
    curves = [_curve(same, metric) for same in lines.values()]
    curves = [curve for curve in curves if len(curve.points) > 1]
    sign = -1 if known(metric).higher_is_better else 1
    curves.sort(key=lambda curve: sign * curve.points[max(curve.points)].mean)
    return Curves(data_name(variants[0].record), metric, curves) if curves else None


def _curve(variants: list[Variant], metric: str) -> Curve:
    """The curve of the variants that differ in the limit alone; it has the name of the one with the most rows."""
    variants = sorted(variants, key=_rows)
    points = {_rows(variant): variant.means[metric] for variant in variants}
    higher = known(metric).higher_is_better
    fit = fitted({rows: 1 - mean.mean if higher else mean.mean for rows, mean in points.items()})
    return Curve(variants[-1].name, points, fit)


def fitted(error_by_rows: dict[int, float]) -> PowerLaw | None:
    """The least-squares line of log error over log rows; None with fewer than three sizes, or where an error is 0."""
    if len(error_by_rows) < FEWEST or min(error_by_rows.values()) <= 0:
        return None
    slope, intercept = np.polyfit(np.log(list(error_by_rows)), np.log(list(error_by_rows.values())), 1)
    return PowerLaw(math.exp(intercept), -float(slope))


def _rows(variant: Variant) -> int:
    return variant.record.data.sizes["train"]


def _data(variant: Variant) -> str:
    """What the runs on one data set share, whatever the limit; other versions of packages are another data set."""
    record = variant.record
    settings = {key: value for key, value in flat_settings(record).items() if key.startswith("data.")}
    held_out = {role: size for role, size in record.data.sizes.items() if role != "train"}
    same = [record.choices["data"], record.data.source, held_out, versions(record), {**settings, LIMIT: None}]
    return json.dumps(same, sort_keys=True)


def _line(variant: Variant) -> str:
    """What the runs of one curve share: all settings but the limit, and the machine."""
    record = variant.record
    settings = {**flat_settings(record), LIMIT: None}
    hardware = asdict(record.environment.hardware)
    return json.dumps([record.choices["encoder"], settings, hardware, processor_of(record)], sort_keys=True)
