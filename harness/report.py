"""What the terminal shows of runs that ended."""

import shlex
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from harness.records import METRICS, Record

GROUPS = {
    "quality": ("test/", "val/", "train/", "best/"),
    "speed": ("speed/", "latency/"),
    "memory, cost": ("memory/", "cost/"),
}


def print_runs(done: list[Record]) -> None:
    """One table for one run, one row each for several; then where they are and how to look at them."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    for record in done:
        if record["status"] != "finished":
            console.print(f"[red]{record['status']}[/] {record['label']}: {record['reason']}", highlight=False)
    finished = [record for record in done if record["status"] == "finished"]
    if len(done) == 1 and finished:
        console.print(_one(finished[0]))
    elif finished:
        console.print(_several(finished))
    output_dir = Path(done[0]["config"]["output_dir"])
    if len(done) == 1:
        console.print(f"folder  {_shown(Path(done[0]['run_dir']))}", highlight=False, soft_wrap=True)
    setting = "" if str(output_dir) == "outputs" else f" --output-dir {shlex.quote(str(output_dir))}"
    console.print(f"look    python -m harness.ui{setting}", highlight=False, soft_wrap=True)


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _one(record: Record) -> Table:
    title = f"{record['name']}: {record['label']}" + (" (skipped: finished before)" if record.get("skipped") else "")
    table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
    for _ in GROUPS:
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
    metrics = record["metrics"]
    columns = [[name for name in METRICS if name in metrics and name.startswith(group)] for group in GROUPS.values()]
    for row in range(max(map(len, columns))):
        cells = []
        for names in columns:
            cells += [names[row], number(names[row], metrics[names[row]])] if row < len(names) else ["", ""]
        table.add_row(*cells)
    return table


SHORT = {
    "accuracy": "test/accuracy", "loss": "test/loss", "tokens/s": "speed/train_tokens_per_second",
    "latency p50": "latency/p50_ms", "train peak": "memory/host_train_peak_mib", "parameters": "cost/parameters",
}


def _several(done: list[Record]) -> Table:
    table = Table(title="runs", title_justify="left", box=None, pad_edge=False)
    table.add_column("run")
    for name in SHORT:
        table.add_column(name, justify="right", no_wrap=True)
    for record in done:
        name = record["label"] + (" (skipped)" if record.get("skipped") else "")
        values = [number(metric, record["metrics"].get(metric)) for metric in SHORT.values()]
        table.add_row(name, *values)
    return table


def number(metric: str, value: float | None) -> str:
    """A value with its unit, to four figures; a dash where it could not be had."""
    if value is None:
        return "-"
    unit = METRICS[metric].unit if metric in METRICS else ""
    text = f"{value:,.0f}" if abs(value) >= 1000 or isinstance(value, int) else f"{value:.4g}"
    return f"{text} {unit}".strip()
