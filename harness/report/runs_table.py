"""Tables with a row for each run: that of the terminal, and ``runs.csv`` with every number."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from harness.analysis.comparability import best_first
from harness.analysis.comparison import Comparison
from harness.records.metrics import EPOCHS, METRICS, QUALITY, RUN_COLUMNS, column_name, number, with_validation
from harness.records.record import Record

COLUMNS = ("group", "variant", "label", "seed", "status", "folder", "started", "ended")
"""The columns of the file before those of the metrics."""


def columns(runs: Sequence[Record]) -> list[str]:
    """The metrics of the terminal's table: those that a run has, and the epochs only where they differ."""
    measured = {metric for run in runs for metric in run.metrics}
    shown = [metric for metric in RUN_COLUMNS if metric in measured]
    if len({run.metrics.get(EPOCHS) for run in runs}) == 1:
        shown = [metric for metric in shown if metric != EPOCHS]
    for quality in QUALITY:
        shown = with_validation(shown, quality, measured)
    return shown


def terminal_table(runs: Sequence[Record], name_width: int, shown: list[str]) -> Table:
    """The table for the terminal, with these metrics; a label takes ``name_width`` characters at most."""
    table = Table(title="runs", title_justify="left", box=None, pad_edge=False)
    table.add_column("run", overflow="fold", max_width=name_width)
    for metric in shown:
        table.add_column(column_name(metric), justify="right", no_wrap=True)
    for run in runs:
        label = requested_label(run) + (" (skipped)" if run.skipped else "")
        numbers = [number(metric, run.metrics.get(metric)) for metric in shown]
        table.add_row(escape(at_slashes(label, name_width)), *numbers)
    return table


def at_slashes(label: str, width: int) -> str:
    """A label in lines of this width, each of which ends behind a slash or a blank, where it can."""
    lines = [""]
    for part in re.split(r"(?<=[/ ])", label):
        if lines[-1] and len(lines[-1]) + len(part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def requested_label(run: Record) -> str:
    """The label of the run that the command asked for; an earlier run may have finished it under another label."""
    return run.asked or run.label


def csv_text(comparison: Comparison, output_dir: Path) -> str:
    """One row a run, in the order of the report, and one column a metric; what is not known is empty.

    Folders below ``output_dir`` are relative to it, so that it can be moved. Numbers have every digit.
    """
    rows = list(_rows(comparison, output_dir.absolute()))
    measured = {metric for _, run in rows for metric in run.metrics}
    metrics = [metric for metric in METRICS if metric in measured] + sorted(measured - METRICS.keys())
    file = io.StringIO()
    writer = csv.DictWriter(file, [*COLUMNS, *metrics], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, **run.metrics} for row, run in rows)
    return file.getvalue()


def _rows(comparison: Comparison, output_dir: Path) -> Iterator[tuple[dict[str, Any], Record]]:
    for group in comparison.groups:
        for hardware_group in group.hardware_groups:
            for variant in best_first(group, hardware_group.variants):
                for run in sorted([*variant.runs, *variant.failed], key=lambda run: run.seed):
                    folder = run.folder.absolute()
                    folder = folder.relative_to(output_dir) if folder.is_relative_to(output_dir) else folder
                    yield {
                        "group": group.title, "variant": variant.name, "label": run.label, "seed": run.seed,
                        "status": run.status, "folder": folder, "started": run.started, "ended": run.ended,
                    }, run  # fmt: skip
