"""Profiles in the terminal and as a picture: time and memory against length, with the fitted exponents."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from harness.analysis.disturbances import is_disturbed
from harness.analysis.listed import in_a_row
from harness.measure import memory_number
from harness.records.metrics import METRICS
from harness.records.record import Point, Record, overrides_of
from harness.report.plots import create_figure, logarithmic_ends, logarithmic_labels, save

EXPONENTS = {metric.short_name: name for name, metric in METRICS.items() if metric.kind == "profile"}
"""What the columns of the table of exponents are called, and their metrics."""
FITTED = "the longer half of the lengths (at least 3)"
"""The lengths over which the exponents are fitted, in words."""
COSTS = ("time", "memory")
"""What is plotted against length."""
PHASES = ("forward", "training")
LONGEST = 60
"""How many characters of a label are shown."""
STATUS = {"out_of_memory": "out of memory", "timed_out": "time-out", "failed": "failed"}
COLUMNS = {
    "forward ms": ("forward_ms", "forward_ms_p95"),
    "training ms": ("training_ms", "training_ms_p95"),
    "tokens/s forward": ("tokens_per_second_forward",),
    "tokens/s training": ("tokens_per_second_training",),
    "forward MiB": ("forward_peak_mib",),
    "training MiB": ("training_peak_mib",),
    "forward device MiB": ("forward_device_peak_mib",),
    "training device MiB": ("training_device_peak_mib",),
}


def measured_columns(records: Sequence[Record]) -> list[str]:
    """The columns of the table of points that any point of these profiles has a number for."""
    measured = {name for record in records for point in record.profile for name in point.numbers}
    return [title for title, keys in COLUMNS.items() if keys[0] in measured]


def title(record: Record) -> str:
    """What stands above the table of points."""
    skipped = " (skipped: measured before)" if record.skipped else ""
    return f"profile of {record.label}{skipped}: median ms (95th percentile)"


def points_table(record: Record, columns: Sequence[str] | None = None) -> Table:
    """A row for each point: medians of times, in brackets the 95th percentile, and why a point was not measured.

    ``columns`` are those to show; None shows all that were measured.
    """
    table = Table(box=None, pad_edge=False)
    shown = measured_columns([record]) if columns is None else columns
    for name in ("length", "batch", *shown):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for point in record.profile:
        texts = [number_of(point, title) for title in shown]
        table.add_row(str(point.length), str(point.batch_size), *texts, STATUS.get(point.status, ""))
    return table


def number_of(point: Point, column: str) -> str:
    """What the table of points has in a column, of a time with the 95th percentile in brackets; ``-`` for none."""
    values = [point.numbers[key] for key in COLUMNS[column] if key in point.numbers]
    if not values:
        return "-"
    first, *spread = (f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" for value in values)
    return f"{first} ({spread[0]})" if spread else first


def exponents_table(done: Sequence[Record]) -> Table:
    """A row for each profile: how its time and memory grow with length."""
    title = f"p of cost = c * length**p, over {FITTED}"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("profile", overflow="fold")
    for heading in EXPONENTS:
        table.add_column(heading, justify="right", no_wrap=True)
    for label, record in zip(short_labels(done), done, strict=True):
        exponents = [record.metrics.get(metric) for metric in EXPONENTS.values()]
        table.add_row(escape(label), *("-" if value is None else f"{value:.2f}" for value in exponents))
    return table


def short_labels(done: Sequence[Record]) -> list[str]:
    """A label for each profile: its encoder, and of its overrides and seed what the profiles do not have in common."""
    seeds = [[part for part in record.label.split("/") if part.startswith("seed=")] for record in done]
    parts = [[*overrides_of(record).split("/"), *seed] for record, seed in zip(done, seeds, strict=True)]
    common = set.intersection(*map(set, parts))
    labels = ["/".join([encoder, *(part for part in rest if part not in common)]) for encoder, *rest in parts]
    return [label if len(label) <= LONGEST else f"{label[:LONGEST]}…" for label in labels]


def disturbed(done: Sequence[Record]) -> str | None:
    """A sentence that names the profiles that other processes disturbed; None where there are none."""
    names = [label for label, record in zip(short_labels(done), done, strict=True) if is_disturbed(record)]
    return f"measured on a busy machine, so repeat it on a quiet one: {in_a_row(names)}" if names else None


@dataclass(frozen=True)
class Curve:
    """The cost of one kind of pass at one batch size: values at lengths; ``power`` is the fitted exponent, if any."""

    phase: str
    batch_size: int
    lengths: tuple[int, ...]
    values: tuple[float, ...]
    power: float | None


def curves(record: Record, cost: str) -> Iterator[Curve]:
    """A profile's curves of ``cost``, one of ``COSTS``, without values of 0, which a logarithmic axis cannot show."""
    for phase in PHASES:
        field = f"{phase}_ms" if cost == "time" else memory_number(record.profile, phase)
        power = record.metrics.get(f"profile/{phase}_{cost}_exponent")
        for size in sorted({point.batch_size for point in record.profile}):
            points = [point for point in record.profile if point.batch_size == size]
            measured = [(point.length, point.numbers.get(field)) for point in points]
            positive = [(length, value) for length, value in measured if value is not None and value > 0]
            if positive:
                lengths, values = zip(*positive, strict=True)
                yield Curve(phase, size, lengths, values, power)


def axis_label(cost: str, records: Sequence[Record]) -> str:
    """The label of the axis of ``cost``; memory is the device's where the profiles have that."""
    if cost == "time":
        return "ms a pass, median"
    fields = {memory_number(record.profile, phase) for record in records for phase in PHASES}
    if fields <= {f"{phase}_peak_mib" for phase in PHASES}:
        return "peak MiB over the baseline"
    if fields <= {f"{phase}_device_peak_mib" for phase in PHASES}:
        return "device peak MiB over what was allocated before"
    return "peak MiB, of the device where there is one"


def picture(done: Sequence[Record], file: Path) -> Path:
    """Time and peak memory against length, both axes logarithmic; forward dashed, training with its backward solid."""
    figure, axes = create_figure(2, (12, 5), left=0.8, bottom=0.6)
    for axis, cost in zip(axes, COSTS, strict=True):
        for index, (name, record) in enumerate(zip(short_labels(done), done, strict=True)):
            _draw(axis, name, record, cost, f"C{index % 10}")
        lengths = sorted({point.length for record in done for point in record.profile})
        axis.set(xlabel="length, tokens", ylabel=axis_label(cost, done), xscale="log", yscale="log")
        axis.set_xticks(lengths, [str(length) for length in lengths])
        if values := [value for line in axis.lines for value in line.get_ydata()]:
            axis.set_ylim(*logarithmic_ends(values))
            labels = logarithmic_labels(*logarithmic_ends(values))
            axis.set_yticks(list(labels), list(labels.values()))
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize=8)
    return save(figure, file)


def _draw(axis: Any, name: str, record: Record, cost: str, colour: str) -> None:
    smallest = min(point.batch_size for point in record.profile)
    for curve in curves(record, cost):
        fitted = "" if curve.power is None else f", L^{curve.power:.2f}"
        label = f"{name} {curve.phase}{fitted}" if curve.batch_size == smallest else None
        style = "--" if curve.phase == "forward" else "-"
        axis.plot(curve.lengths, curve.values, style, color=colour, marker="o", markersize=3, label=label)
