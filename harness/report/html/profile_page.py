"""Time and memory against length, where profiled: log-log plots with the fitted exponents."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from harness.analysis.variants import BUSY
from harness.records.record import Record, overrides_of
from harness.report.html.charts import Figure, Trace, axis, figure, style
from harness.report.html.document import document, places
from harness.report.profiles import COSTS, STATUS, curves, names

TITLES = {"time": "Time of a pass against length", "memory": "Peak memory of a pass against length"}


def html(records: Sequence[Record], name: str) -> str:
    """A page of these profiles alone."""
    plots: list[Figure] = []
    head = f"<header><h1>{escape(name)}</h1><p class=sub>How sequence encoders' cost grows with length</p></header>"
    return document(f"{name}: cost against length", [head, section(records, 0, plots)], plots)


def section(records: Sequence[Record], group: int, plots: list[Figure]) -> str:
    """The section of profiles, a part for each machine and hardware; its figures are added to ``plots``."""
    machines: dict[str, dict[tuple[str, int | None], Record]] = {}
    for record in sorted(records, key=lambda record: (record.status == "finished", record.started)):
        if record.profile:
            # of repeated ones the newest counts, of those that finished where one did
            machines.setdefault(_machine(record), {})[overrides_of(record), record.seed] = record
    parts = [
        f"<p class=where>On {escape(machine)}</p>{places(figures(list(found.values())), plots, group)}"
        for machine, found in machines.items()
    ]
    return f"<section><h2>Time and memory against length</h2>{''.join(parts)}</section>" if parts else ""


def _machine(record: Record) -> str:
    """What times and memory depend on beside the config, in words."""
    environment = record.environment
    facts = {**asdict(environment.hardware), "processor": environment.processor}
    facts["device_names"] = ", ".join(environment.hardware.device_names) or None
    return ", ".join(
        f"{key.removesuffix('_names')} {value if isinstance(value, str) else json.dumps(value)}"
        for key, value in facts.items()
        if value is not None
    )


def figures(records: Sequence[Record]) -> list[Figure]:
    """Time and memory, both axes logarithmic, a line for each profile, pass and batch size."""
    found = []
    for cost, (_, unit) in COSTS.items():
        data = [
            trace
            for index, (name, record) in enumerate(zip(names(records), records, strict=True))
            for trace in _traces(name, record, cost, style(index)["colour"])
        ]
        if data:
            lengths = sorted({point.length for record in records for point in record.profile})
            x = axis("length, tokens", type="log", tickvals=lengths, ticktext=[f"{length:,}" for length in lengths])
            y = axis(unit, type="log", dtick="D2")
            plot = figure(TITLES[cost], _caption(records), data, x, y, 400 + 10 * len(data))
            plot["layout"] |= {"showlegend": True, "legend": {"orientation": "h", "y": -0.2, "font": {"size": 12}}}
            found.append(plot)
    return found


def _traces(name: str, record: Record, cost: str, colour: str) -> list[Trace]:
    sizes = {point.batch_size for point in record.profile}
    found = []
    for curve in curves(record, cost):
        label = f"{escape(name)}, {curve.phase}" + (f", batch {curve.batch_size}" if len(sizes) > 1 else "")
        label += "" if curve.power is None else f": L<sup>{curve.power:.2f}</sup>"
        dash = "dash" if curve.phase == "forward" else "solid"
        found.append({
            "type": "scatter", "mode": "lines+markers", "name": label, "x": list(curve.lengths),
            "y": list(curve.values), "line": {"color": colour, "width": 2, "dash": dash},
            "marker": {"size": 6}, "hovertemplate": "%{x:,} tokens: %{y:.4g}<extra>%{fullData.name}</extra>",
        })  # fmt: skip
    return found


def _caption(records: Sequence[Record]) -> str:
    """How to read it, what was not measured and why, and what was measured on a busy machine."""
    said = [
        "Solid: forward, loss and backward; dashed: the forward pass alone. L<sup>p</sup>: cost grows as length to the "
        "power p, fitted over the longer half of the lengths."
    ]
    missing: dict[str, list[str]] = {}
    for name, record in zip(names(records), records, strict=True):
        for point in record.profile:
            if point.status != "finished":
                missing.setdefault(STATUS[point.status], []).append(f"{escape(name)} at {point.length:,}")
    said += [f"Ended early, {why}: {', '.join(where)}." for why, where in missing.items()]
    shares: list[Any] = [record.environment.other_processes_cpu_share or 0 for record in records]
    busy = [escape(name) for name, share in zip(names(records), shares, strict=True) if share > BUSY]
    return " ".join(said + ([f"Measured on a busy machine, so not comparable: {', '.join(busy)}."] if busy else []))
