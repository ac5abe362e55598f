"""What profiles show: tables of time and memory against length, and log-log plots with the fitted exponents."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.records.record import Record, overrides_of
from harness.report.plots import figure_of, save

EXPONENTS = {
    "forward time": "profile/forward_time_exponent",
    "training time": "profile/training_time_exponent",
    "forward memory": "profile/forward_memory_exponent",
    "training memory": "profile/training_memory_exponent",
}
COSTS = {"time": ("ms", "ms a pass, median"), "memory": ("peak_mib", "peak MiB over the baseline")}
"""What is plotted against length: the end of a point's key, and the axis."""
LONGEST = 60
"""So many characters of a name are shown."""
STATUS = {"out_of_memory": "out of memory", "timed_out": "time-out", "failed": "failed"}
COLUMNS = {
    "forward ms": ("forward_ms", "forward_ms_p95"),
    "training ms": ("training_ms", "training_ms_p95"),
    "tokens/s forward": ("tokens_per_second_forward",),
    "tokens/s training": ("tokens_per_second_training",),
    "forward MiB": ("forward_peak_mib",),
    "training MiB": ("training_peak_mib",),
    "device MiB": ("training_device_peak_mib",),
}


def show(done: Sequence[Record]) -> None:
    """Print a table per profile, and where it failed, why."""
    console = _console()
    for record in done:
        if record.status != "finished":
            why = f"{record.label}: {record.reason or 'no reason was recorded'}"
            console.print(f"[red]{record.status}[/] {escape(why)}", highlight=False)
        if record.profile:
            console.print(points_table(record))
            console.print()
    if len(done) == 1:
        summarise(done)


def summarise(done: Sequence[Record]) -> list[Path]:
    """Print the exponents of all profiles side by side; draw them, and return the picture's and the page's file."""
    from harness.report.html import profile_page

    measured = [record for record in done if record.profile]
    if not measured:
        return []
    console = _console()
    console.print(exponents_table(measured))
    folder = Path(done[0].config["output_dir"]).absolute() / "reports" / measured[0].name
    folder.mkdir(parents=True, exist_ok=True)
    file = picture(measured, folder / "profile.png")
    page = folder / "profile.html"
    page.write_text(profile_page.html(measured, measured[0].name), encoding="utf8")
    for kind, made in (("picture", file), ("page   ", page)):
        console.print(f"{kind} {escape(str(made))}", highlight=False, soft_wrap=True)
    return [file, page]


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 120)


def points_table(record: Record) -> Table:
    """A row a point: the median, in brackets the 95th percentile; what was not measured says why."""
    skipped = " (skipped: measured before)" if record.skipped else ""
    title = f"profile of {escape(record.label)}{skipped}: median (95th percentile)"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    shown = {title: keys for title, keys in COLUMNS.items() if any(keys[0] in point.numbers for point in record.profile)}
    for title in ("length", "batch", *shown):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("")
    for point in record.profile:
        texts = [_numbers([point.numbers[key] for key in keys if key in point.numbers]) for keys in shown.values()]
        table.add_row(str(point.length), str(point.batch_size), *texts, STATUS.get(point.status, ""))
    return table


def _numbers(values: list[float]) -> str:
    if not values:
        return "-"
    first, *spread = (f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" for value in values)
    return f"{first} ({spread[0]})" if spread else first


def exponents_table(done: Sequence[Record]) -> Table:
    """A row a profile: how its time and memory grow with length."""
    title = "exponent p of cost = c * length**p, over the longer half of the lengths"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("profile")
    for heading in EXPONENTS:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, record in zip(names(done), done, strict=True):
        found = [record.metrics.get(metric) for metric in EXPONENTS.values()]
        table.add_row(escape(name), *("-" if value is None else f"{value:.2f}" for value in found))
    return table


def names(done: Sequence[Record]) -> list[str]:
    """What tells the profiles apart: the encoder, and of what else was set what is not common to all."""
    seeds = [[part for part in record.label.split("/") if part.startswith("seed=")] for record in done]
    labels = [[*overrides_of(record).split("/"), *seed] for record, seed in zip(done, seeds, strict=True)]
    common = set.intersection(*map(set, labels))
    found = ["/".join([encoder, *(part for part in rest if part not in common)]) for encoder, *rest in labels]
    return [name if len(name) <= LONGEST else f"{name[:LONGEST]}…" for name in found]


@dataclass(frozen=True)
class Curve:
    """What one kind of pass took at one batch size: values at lengths; ``power`` is the fitted exponent, if any."""

    phase: str
    batch_size: int
    lengths: tuple[int, ...]
    values: tuple[float, ...]
    power: float | None


def curves(record: Record, cost: str) -> Iterator[Curve]:
    """A profile's curves of ``cost``, one of ``COSTS``: what was measured and is above 0, as a logarithm asks."""
    field, _ = COSTS[cost]
    for phase in ("forward", "training"):
        power = record.metrics.get(f"profile/{phase}_{cost}_exponent")
        for size in sorted({point.batch_size for point in record.profile}):
            points = [point for point in record.profile if point.batch_size == size]
            measured = [(point.length, point.numbers.get(f"{phase}_{field}")) for point in points]
            positive = [(length, value) for length, value in measured if value is not None and value > 0]
            if positive:
                lengths, values = zip(*positive, strict=True)
                yield Curve(phase, size, lengths, values, power)


def picture(done: Sequence[Record], file: Path) -> Path:
    """Time and peak memory against length, both axes logarithmic; forward dashed, training with its backward solid."""
    figure, axes = figure_of(2, (12, 5), left=0.8, bottom=0.6)
    for axis, (cost, (_, label)) in zip(axes, COSTS.items(), strict=True):
        for index, (name, record) in enumerate(zip(names(done), done, strict=True)):
            _draw(axis, name, record, cost, f"C{index % 10}")
        lengths = sorted({point.length for record in done for point in record.profile})
        axis.set(xlabel="length, tokens", ylabel=label, xscale="log", yscale="log")
        axis.set_xticks(lengths, [str(length) for length in lengths])
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
