"""``harness.compare``: the comparison of the report, for Python and notebooks."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from harness.analysis import comparison as analysis
from harness.analysis.best_run import best_run
from harness.analysis.comparability import ComparisonGroup, best_first
from harness.analysis.intervals import ALPHA
from harness.analysis.recommendation import COSTS, Recommendation, recommend
from harness.analysis.variants import Variant
from harness.analysis.verdicts import QUALITY_MARGIN
from harness.config.requirement import parse_all
from harness.errors import UserError
from harness.records.reading import no_record, read_folders
from harness.records.record import Record
from harness.report.answer_text import answer
from harness.report.build import analysed
from harness.report.tables import csv_rows
from harness.report.terminal import console, print_comparison

Records = str | Path | Iterable[Record | str | Path]
"""A folder, or several records and folders."""


@dataclass(frozen=True)
class Recommended:
    """The variant to take: its name, and its finished runs, one a seed.

    ``group`` names the data that the recommendation is for, and ``hardware`` the hardware; None: it holds on all.
    """

    name: str
    records: list[Record]
    group: str
    hardware: str | None = None

    @property
    def record(self) -> Record:
        """The run with the best score on validation; of several the one with the lowest loss."""
        return best_run(self.records) or self.records[0]


class Comparison:
    """Variants compared: what ``python -m harness report`` says, for Python.

    ``analysis`` is the whole comparison, with the groups, the variants, their means, standings and records.
    """

    def __init__(self, compared: analysis.Comparison) -> None:
        self.analysis = compared

    @cached_property
    def recommended(self) -> list[Recommended]:
        """The variants to take, one for each data set and hardware for which the report recommends one."""
        return [_recommended(group, one) for group in self.analysis.groups for one in recommend(group)]

    @property
    def best(self) -> Recommended | None:
        """The variant that the report recommends; None where it recommends none, and ``answer`` says why.

        Raises:
            UserError: it recommends several, on different data or hardware; ``recommended`` has them.
        """
        if len(self.recommended) > 1:
            where = "; ".join(", ".join(filter(None, (one.group, one.hardware))) for one in self.recommended)
            raise UserError(f"there is a best variant for each of: {where}; .recommended lists all of them")
        return next(iter(self.recommended), None)

    @property
    def answer(self) -> str:
        """The report's answer in words, a line for each comparison group."""
        return "\n".join(" ".join(answer(group)) for group in self.analysis.groups)

    def show(self) -> None:
        """Show the report's tables and answer: as HTML in a notebook, as text elsewhere."""
        out = console()
        with out:  # a notebook shows everything as one output
            print_comparison(self.analysis, out)

    def to_pandas(self) -> pd.DataFrame:
        """One row a variant, in the order of the report: the best mean quality first, by group and hardware.

        The columns: ``name``, ``group`` (the data), ``hardware``, ``seeds`` (finished runs), ``failed`` (other runs),
        ``verdict`` (in quality); then for each metric its mean over seeds under the metric's name, the ends of the
        95 % interval of the mean as ``METRIC/low`` and ``METRIC/high``, and ``METRIC/verdict``. What is not known is
        missing (NaN); a metric without any interval or verdict has no such column.
        """
        return pd.DataFrame(
            [
                _row(group, hardware_group.title, variant)
                for group in self.analysis.groups
                for hardware_group in group.hardware_groups
                for variant in best_first(group, hardware_group.variants)
            ]
        )

    def __repr__(self) -> str:
        variants, runs = len(self.analysis.variants), self.analysis.runs
        many = f"{variants} variant{'s' * (variants != 1)}, {runs} finished run{'s' * (runs != 1)}"
        return f"<Comparison of {many}>\n{self.answer}"


def compare(
    records: Records,
    *,
    name: str | None = None,
    margin: float = QUALITY_MARGIN,
    require: str | Iterable[str] = (),
    baseline: str | None = None,
    target: float | None = None,
    alpha: float = ALPHA,
    cost: str | None = None,
) -> Comparison:
    """See ``harness.compare``."""
    if not 0 < margin < 1:
        raise UserError(f"margin must be above 0 and below 1, and is {margin:g}; 0.01 is one point of accuracy")
    if not 0.001 <= alpha <= 0.4:  # as far as critical values are known
        raise UserError(f"alpha must be from 0.001 to 0.4, and is {alpha:g}; 0.05 is usual")
    if cost not in (None, *COSTS):
        raise UserError(f"cost must be one of {', '.join(COSTS)}, and is {cost}")
    requirements = parse_all([require] if isinstance(require, str) else require)
    given, left_out = _read(records)
    if name is not None:
        names = sorted({record.name for record in given})
        given = [record for record in given if record.name == name]
        if not given:
            raise UserError(f"no record has the name {name}; there are: {', '.join(names)}")
    title = name or ", ".join(dict.fromkeys(record.name for record in given))
    return Comparison(
        analysed(given, title, baseline, left_out, target, margin, requirements, alpha=alpha, cost=cost)
    )  # fmt: skip


def _read(records: Records) -> tuple[list[Record], list[str]]:
    """The records themselves and those below the folders, each once; and what could not be read."""
    several = [records] if isinstance(records, str | Path) else list(records)
    if not several:
        raise UserError("there is no record to compare; give records of harness.run, or a folder of records")
    found, folders = [], []
    for one in several:
        if isinstance(one, Record):
            found.append(one)
        elif isinstance(one, str | Path):
            folders.append(Path(one))
        else:
            raise UserError(f"harness.compare takes records and folders, and not a {type(one).__name__}")
    read, left_out = read_folders(folders)
    if not found and not read:
        raise no_record(folders, left_out)
    known = {(record.fingerprint, record.started, record.run_dir): record for record in (*read, *found)}
    return list(known.values()), left_out


def _recommended(group: ComparisonGroup, one: Recommendation) -> Recommended:
    return Recommended(one.variant.name, one.variant.runs, group.title, one.hardware)


def _row(group: ComparisonGroup, hardware: str, variant: Variant) -> dict[str, Any]:
    """The numbers of ``report.csv`` for one variant, side by side."""
    row: dict[str, Any] = {
        "name": variant.name, "group": group.title, "hardware": hardware, "seeds": len(variant.runs),
        "failed": len(variant.failed), "verdict": variant.verdict(group.quality) or None,
    }  # fmt: skip
    for numbers in csv_rows(group, hardware, variant):
        metric = numbers["metric"]
        row[metric] = numbers["mean"]
        ends = {"low": numbers["low_over_seeds"], "high": numbers["high_over_seeds"]}
        verdict = {"verdict": numbers.get("verdict")}
        row |= {f"{metric}/{key}": value for key, value in (ends | verdict).items() if value is not None}
        if metric == group.quality:
            row["verdict"] = numbers.get("verdict")
    return row
