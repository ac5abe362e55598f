"""Time and memory against length, from profiles: log-log plots with the fitted exponents."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go
from markupsafe import Markup

from harness.analysis import kernels
from harness.analysis.disturbances import is_disturbed
from harness.analysis.listed import in_a_row
from harness.records.hardware_facts import facts as hardware_facts
from harness.records.record import Record, overrides_of
from harness.report.heading import of_records
from harness.report.html.document import render
from harness.report.html.style import Plot, figure, logarithmic, style, x_axis, y_axis
from harness.report.profiles import (
    COLUMNS,
    COSTS,
    FITTED,
    STATUS,
    axis_label,
    curves,
    disturbed,
    measured_columns,
    number_of,
    short_labels,
)

TITLES = {"time": "Time of a pass against length", "memory": "Peak memory of a pass against length"}
READING = Markup(
    "Solid: forward, loss and backward; dashed: the forward pass only. L<sup>p</sup>: cost grows as length to the "
    f"power p, fitted over {FITTED}."
)


@dataclass(frozen=True)
class PointRow:
    """A point in the table: each number as text and exactly (None: not measured), and what speaks against them.

    ``notes`` say why numbers are missing, and that other processes disturbed the profile.
    """

    profile: str
    length: int
    batch_size: int
    numbers: list[tuple[str, float | None]]
    notes: str


@dataclass(frozen=True)
class MachinePart:
    """What the page shows of one machine: the plots, and the points with the ``columns`` of their numbers."""

    plots: list[Plot]
    columns: list[str]
    points: list[PointRow]


def html(records: Sequence[Record], name: str) -> str:
    """A page of these profiles."""
    machines = by_machine(records)
    plots = [plot for part in machines.values() for plot in part.plots]
    return render("profiles.html.jinja", plots, name=name, machines=machines, heading=of_records(records))


def by_machine(records: Sequence[Record]) -> dict[str, MachinePart]:
    """The profiles on each machine and hardware, by its description.

    Of profiles with the same overrides and seed the newest counts, and a finished one before any other.
    """
    machines: dict[str, dict[tuple[str, int], Record]] = {}
    for record in sorted(records, key=lambda record: (record.status == "finished", record.started)):
        if record.profile:
            machines.setdefault(_machine(record), {})[overrides_of(record), record.seed] = record
    return {machine: _part(list(newest.values())) for machine, newest in machines.items()}


def _part(records: Sequence[Record]) -> MachinePart:
    columns = measured_columns(records)
    points = [
        PointRow(
            label, point.length, point.batch_size,
            [(number_of(point, column), point.numbers.get(COLUMNS[column][0])) for column in columns],
            ", ".join(filter(None, (STATUS.get(point.status), "busy machine" if is_disturbed(record) else None))),
        )
        for label, record in zip(short_labels(records), records, strict=True)
        for point in record.profile
    ]  # fmt: skip
    return MachinePart(plots(records), columns, points)


def _machine(record: Record) -> str:
    """What times and memory depend on beside the config, in words."""
    environment = record.environment
    facts = {**hardware_facts(environment.hardware), "processor": environment.processor}
    facts["device_names"] = ", ".join(environment.hardware.device_names) or None
    return ", ".join(
        f"{key.removesuffix('_names')} {value if isinstance(value, str) else json.dumps(value)}"
        for key, value in facts.items()
        if value not in (None, [])
    )


def plots(records: Sequence[Record]) -> list[Plot]:
    """Time and memory, both axes logarithmic, a line for each profile, pass and batch size."""
    drawn = []
    for cost in COSTS:
        traces = [
            trace
            for index, (name, record) in enumerate(zip(short_labels(records), records, strict=True))
            for trace in _traces(name, record, cost, style(index).colour)
        ]
        if traces:
            lengths = sorted({point.length for record in records for point in record.profile})
            x = x_axis("length, tokens", type="log", tickvals=lengths, ticktext=[f"{length:,}" for length in lengths])
            y = y_axis(axis_label(cost, records), **logarithmic([value for trace in traces for value in trace.y]))
            legend = go.layout.Legend(orientation="h", y=-0.2, font={"size": 12})
            drawing = figure(traces, x, y, 400 + 16 * len(traces), showlegend=True, legend=legend)
            drawn.append(Plot(TITLES[cost], _caption(records), drawing))
    return drawn


def _traces(name: str, record: Record, cost: str, colour: str) -> list[go.Scatter]:
    sizes = {point.batch_size for point in record.profile}
    traces = []
    for curve in curves(record, cost):
        label = f"{escape(name, quote=False)}, {curve.phase}"
        label += f", batch {curve.batch_size}" if len(sizes) > 1 else ""
        label += "" if curve.power is None else f": L<sup>{curve.power:.2f}</sup>"
        dash = "dash" if curve.phase == "forward" else "solid"
        traces.append(go.Scatter(
            mode="lines+markers", name=label, x=curve.lengths, y=curve.values,
            line=go.scatter.Line(color=colour, width=2, dash=dash), marker=go.scatter.Marker(size=6),
            hovertemplate="%{x:,} tokens: %{y:.4g}<extra>%{fullData.name}</extra>",
        ))  # fmt: skip
    return traces


def _caption(records: Sequence[Record]) -> Markup:
    """How to read the plot, what was not measured and why, which kernels differ, and what a busy machine measured."""
    labels = short_labels(records)
    missing: dict[str, list[str]] = {}
    for label, record in zip(labels, records, strict=True):
        for point in record.profile:
            if point.status != "finished":
                missing.setdefault(STATUS[point.status], []).append(f"{label} at {point.length:,}")
    sentences = [READING, *(f"Ended early, {why}: {in_a_row(where)}." for why, where in missing.items())]
    if clauses := kernels.differing(list(zip(labels, records, strict=True))):
        sentences.append(f"{clauses[0].upper()}{clauses[1:]}.")
    if busy := disturbed(records):
        sentences.append(f"{busy[0].upper()}{busy[1:]}.")
    return Markup(" ").join(sentences)  # escapes all but READING
