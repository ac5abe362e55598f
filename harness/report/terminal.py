"""What the terminal shows: runs that ended, and the comparison of many."""

import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from harness.analysis.comparability import LATENCY, QUALITY, THROUGHPUT, ComparisonGroup, HardwareGroup
from harness.analysis.comparison import Comparison
from harness.analysis.variants import BUSY
from harness.records.metrics import METRICS, number, short_name
from harness.records.record import Record
from harness.report import tables
from harness.report import text as wording

GROUPS = (("quality",), ("speed", "latency"), ("memory", "cost"))
"""The kinds of metrics that stand side by side in the table of one run."""
SHORT = (
    *("test/accuracy", "test/label_error_rate", "test/mse", "test/loss", THROUGHPUT, LATENCY),
    *("memory/host_train_peak_mib", "cost/parameters"),
)
"""The metrics that the table of several runs has columns for."""
MOST_ROWS = 40
"""Rows of a comparison that the terminal shows; the files have all."""


def console() -> Console:
    """The terminal, or 120 columns where the output goes elsewhere."""
    return Console(width=None if sys.stdout.isatty() else 120, highlight=False)


def print_runs(done: list[Record]) -> None:
    """One table for one run, one row each for several; then where they are and how to look at them."""
    out = console()
    for record in done:
        if record.status != "finished":
            out.print(f"[red]{escape(wording.failure(record))}[/]")
    finished = [record for record in done if record.status == "finished"]
    if len(done) == 1 and finished:
        out.print(_one(finished[0], out.width))
    elif finished:
        names = [name for name in SHORT if any(name in run.metrics for run in finished)]
        _print_fitting(out, partial(_several, finished, out.width), names)
    shares = [record.environment.other_processes_cpu_share or 0.0 for record in finished]
    if busy := [share for share in shares if share > BUSY]:
        runs = "the run" if len(done) == 1 else f"{len(busy)} of {len(done)} runs"
        out.print(
            f"[yellow]busy[/]    other processes used up to {max(busy):.0%} of the processor during {runs}: "
            "speed is not comparable (hardware.threads=1 loses the least to them)",
            soft_wrap=True,
        )
    for said in [*repeated_texts(finished), *empty_texts(finished)]:
        out.print(f"[dim]note    {escape(said)}[/]", soft_wrap=True)
    output_dir = Path(done[0].config["output_dir"])
    if len(done) == 1:
        out.print(f"folder  {escape(str(shown(done[0].folder)))}", soft_wrap=True)
    setting = "" if str(output_dir) == "outputs" else f" --output-dir {shlex.quote(str(output_dir))}"
    out.print(f"look    python -m harness.ui{escape(setting)}", soft_wrap=True)


def repeated_texts(done: list[Record]) -> list[str]:
    """For each data set of which texts stand in train and in another split too, how many, in a sentence."""
    said = {}
    for record in done:
        data = record.data
        for split, count in (data.notes.get("repeated_texts") or {}).items():
            if count > 0:
                size = data.sizes.get(split)
                among = f"{count:,} of {size:,}" if size else f"{count:,}"
                said[data.hash, split] = f"{among} {split} texts also stand in train, word for word"
    return list(said.values())


def empty_texts(done: list[Record]) -> list[str]:
    """For each data set with texts in which there is no word, how many, in a sentence."""
    said = {}
    for record in done:
        counts = record.data.notes.get("empty_texts") or {}
        some = [f"{count:,} of {record.data.sizes[split]:,} {split}" for split, count in counts.items() if count]
        if some:
            said[record.data.hash] = f"{', '.join(some)} texts have no word in them: they are read as padding"
    return list(said.values())


def shown(path: Path) -> Path:
    """A path as it is reached from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _one(record: Record, width: int) -> Table:
    """All numbers of a run, the groups side by side where there is room for them, else one under the other."""
    metrics = record.metrics
    groups = [
        [(name, number(name, metrics[name])) for name, known in METRICS.items() if name in metrics and known.kind in kinds]
        for kinds in GROUPS
    ]
    if sum(max((len(name) + len(value) + 4 for name, value in group), default=0) for group in groups) > width:
        groups = [[one for group in groups for one in group]]
    asked = _asked(record)
    before = f" as {record.label}" if asked != record.label else ""
    title = f"{record.name}: {asked}" + (f" (skipped: finished before{before})" if record.skipped else "")
    table = Table(title=escape(title), title_justify="left", show_header=False, box=None, pad_edge=False)
    for _ in groups:
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
    for row in range(max(map(len, groups))):
        table.add_row(*(text for group in groups for text in (group[row] if row < len(group) else ("", ""))))
    return table


def _asked(record: Record) -> str:
    """The label of what was asked for, which an earlier run may have answered under another."""
    return record.asked or record.label


def _several(done: list[Record], width: int, metrics: list[str]) -> Table:
    table = Table(title="runs", title_justify="left", box=None, pad_edge=False)
    table.add_column("run", overflow="fold", max_width=_name_width(width))
    for name in metrics:
        table.add_column(short_name(name), justify="right", no_wrap=True)
    for record in done:
        name = _asked(record) + (" (skipped)" if record.skipped else "")
        values = [number(metric, record.metrics.get(metric)) for metric in metrics]
        table.add_row(escape(name), *values)
    return table


def _name_width(width: int) -> int:
    return max(24, width * 2 // 5)


def _print_fitting(out: Console, make: Callable[[list[str]], Table], columns: list[str]) -> None:
    """Print the table of as many of these columns as there is room for: no number is cut."""
    room = out.options.update(width=10 * out.width)
    shown = next(
        (columns[:count] for count in range(len(columns), 1, -1)
         if Measurement.get(out, room, make(columns[:count])).maximum <= out.width), columns[:1],
    )  # fmt: skip
    out.print(make(shown))
    if len(shown) < len(columns):
        out.print(f"[dim]not shown, for want of width: {escape(', '.join(columns[len(shown) :]))}[/]")


def print_comparison(comparison: Comparison) -> None:
    """The comparison: per group its answer, its table and the differences to the baseline; then what else to know."""
    out = console()
    for group in comparison.groups:
        out.print()
        _print_group(out, group)
        for metric in group.questions:
            compared = [variant for variant in tables.best_first(group, group.variants) if metric in variant.baseline_differences]
            for variant in compared[:MOST_ROWS]:
                said = wording.baseline_difference(metric, variant.baseline_differences[metric])
                out.print(escape(f"{short_name(metric)}, {variant.name}: {said}"))
        out.print()
        for sentence in wording.answer(group):
            out.print(escape(sentence))
    out.print()
    out.print(f"[dim]Means over seeds ± half a 95 % interval. {escape(wording.LEGEND)}[/]")
    for note in wording.notes(comparison):
        out.print(f"[yellow]note[/]    {escape(note)}")
    for record in comparison.failed:
        out.print(f"[red]{escape(wording.failure(record))}[/]")


def _print_group(out: Console, group: ComparisonGroup) -> None:
    quality = [metric for metric in QUALITY if metric in group.metrics]
    metrics = [*quality, THROUGHPUT, LATENCY, group.memory, "cost/parameters"]
    metrics = [metric for metric in metrics if metric in group.metrics]
    for hardware_group in group.hardware_groups:
        _print_fitting(out, partial(_block_table, group, hardware_group, out.width), metrics)
        if len(hardware_group.variants) > MOST_ROWS:
            out.print(f"... and {len(hardware_group.variants) - MOST_ROWS} more variants, in the files")


def _block_table(group: ComparisonGroup, hardware_group: HardwareGroup, width: int, metrics: list[str]) -> Table:
    title = escape(f"{group.title}: {hardware_group.title}")
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("variant", overflow="fold", max_width=_name_width(width))
    table.add_column("seeds", justify="right", no_wrap=True)
    for metric in metrics:
        table.add_column(tables.header(metric), justify="right", no_wrap=True)
    for variant in tables.best_first(group, hardware_group.variants)[:MOST_ROWS]:
        numbers = [f"{wording.with_interval(variant.means.get(m))} {wording.mark(variant, m) or ' '}" for m in metrics]
        style = "green" if variant.verdicts.get(group.quality) == "best" else None
        table.add_row(escape(variant.name), wording.seeds(variant), *numbers, style=style)
    return table
