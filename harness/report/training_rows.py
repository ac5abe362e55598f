"""Quality against the number of training rows, in words and as a table."""

from collections.abc import Iterator

from harness.analysis.training_rows import Curve, Curves
from harness.records.metrics import known, short_name
from harness.report import text as wording

CAPTION = (
    "Means over seeds; validation and test are the same rows at every size, and a larger subset contains every smaller "
    "one. Every size is trained for the same epochs: fewer rows mean fewer steps. Which rows are in a subset is not "
    "varied."
)


def heading(curves: Curves) -> str:
    """The heading of a section about these curves."""
    return f"{curves.title}: {short_name(curves.metric)} against training rows"


def columns(curves: Curves) -> list[str]:
    """The head of the table: the variant, the sizes, and what the curve expects."""
    return ["variant", *(f"{rows:,} rows" for rows in _sizes(curves)), "trend"]


def table(curves: Curves) -> Iterator[list[str]]:
    """A row for each variant: its quality at each size, and its trend in words."""
    for curve in curves.curves:
        means = [wording.with_interval(curve.points.get(rows)) for rows in _sizes(curves)]
        yield [curve.name, *means, trend(curves, curve)]


def trend(curves: Curves, curve: Curve) -> str:
    """How the error falls with the rows, and what twice the rows would bring if it went on so."""
    if curve.fit is None:
        return "no trend: it needs three sizes or more, and an error above 0 at each"
    if curve.fit.exponent <= 0:
        return "the error does not fall with more rows"
    rows = 2 * max(curve.points)
    expected = curves.quality(curve.fit.error(rows))
    unit = known(curves.metric).unit
    value = f"{expected:.3g} {unit}".strip()
    return f"error falls as rows^-{curve.fit.exponent:.2f}; about {value} at {rows:,} rows if that goes on"


def _sizes(curves: Curves) -> list[int]:
    return sorted({rows for curve in curves.curves for rows in curve.points})
