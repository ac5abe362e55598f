"""What the terminal shows: runs that ended, and the comparison of many."""

import os
import re
import shlex
import sys
from collections.abc import Iterable
from functools import partial
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from harness.analysis import budgets, epoch_choice, pretrained_variants
from harness.analysis.best_run import best_run
from harness.analysis.comparability import ComparisonGroup, best_first
from harness.analysis.comparison import Comparison
from harness.analysis.data_sets import OverDataSets
from harness.analysis.disturbances import disturbances
from harness.analysis.recommendation import recommend
from harness.analysis.serving import served_models
from harness.analysis.tuned import tuned_variants
from harness.config.libraries import is_read
from harness.notices import UNBROKEN, wrapped
from harness.records.metrics import EPOCH_SECONDS, THROUGHPUT, short_name
from harness.records.record import Record
from harness.records.store import output_dir_of
from harness.report import (
    data_sets,
    group_table,
    runs_table,
    serving,
    single_run,
    tables,
    training_rows,
    tuned,
    verdict_text,
)
from harness.report import text as wording
from harness.report.answer_text import answer, recommends
from harness.report.chance_text import line as chance_line
from harness.report.data_notes import data_notes
from harness.report.fitting import print_fitting, print_section
from harness.report.heading import heading, print_heading
from harness.report.notes import notes
from harness.report.sentences import print_sentence

MOST_ROWS = 40
"""The terminal shows at most so many rows of a comparison; the files have all."""


COLUMNS = 80
"""The width of what goes elsewhere, such as through ``tee``, unless the variable ``COLUMNS`` says another."""


def console() -> Console:
    """The terminal or the notebook; what goes elsewhere is as wide as ``COLUMNS`` says, else as any terminal is."""
    out = Console(highlight=False)
    if not (sys.stdout.isatty() or out.is_jupyter):
        given = os.environ.get("COLUMNS", "")
        out.width = (int(given) if given.isdecimal() else 0) or COLUMNS
    return out


def print_runs(records: list[Record], every_number: bool = False) -> None:
    """A table of one run, or one row for each of several; then notes, the folder, and the command that shows more.

    ``every_number``: a table of all numbers for each run instead.
    """
    out = console()
    for record in records:
        if record.status != "finished":
            print_sentence(out, wording.failure(record), style="red")
    finished = [record for record in records if record.status == "finished"]
    if every_number:
        print_every_number(finished, out)
    elif len(records) == 1 and finished:
        _print_title(finished[0], out)
        out.print(single_run.short_table(finished[0]))
    elif finished:
        table_of = partial(runs_table.terminal_table, finished, _name_width(out.width))
        print_fitting(out, table_of, runs_table.columns(finished))
    several = any(record.environment.hardware.threads > 1 for record in finished)
    for what, count in disturbances(finished):
        runs = "the run" if len(records) == 1 else f"{count} of {len(records)} runs"
        least = several and what.endswith("processor")
        advice = " (hardware.threads=1 is affected least)" if least else ": run it again on a quiet machine"
        sentence = f"other processes {what} during {runs}: speed is not comparable{advice}"
        print_sentence(out, sentence, head="busy    ", style="yellow")
    said = [
        *data_notes(finished), *pretrained_variants.of_runs(finished), *epoch_choice.of_runs(finished),
        *budgets.of_runs(finished), *_untimed(finished),
    ]  # fmt: skip
    for sentence in dict.fromkeys(said):
        print_sentence(out, sentence, head="note    ", style="dim")
    if len(records) == 1 and not (every_number and finished):
        if finished and (more := single_run.not_shown(finished[0])):
            out.print(f"all     {more} more numbers: the same command with --all, or record.json", soft_wrap=True)
        _print_folder(records[0], out)
    if line := where_to_look(records[0]):
        out.print(escape(line), soft_wrap=True)


def print_every_number(records: Iterable[Record], out: Console | None = None) -> None:
    """All numbers of each of these runs, and its folder."""
    out = out or console()
    for record in records:
        _print_title(record, out)
        out.print(single_run.whole_table(record, out.width))
        _print_folder(record, out)


def _print_title(record: Record, out: Console) -> None:
    for line in wrapped(_title(record), out.width):
        out.print(f"[italic]{escape(line)}[/]", soft_wrap=True)


def _print_folder(record: Record, out: Console) -> None:
    out.print(f"folder  {escape(str(relative_path(record.folder)))}", soft_wrap=True)


def where_to_look(record: Record) -> str:
    """The line that says where MLflow shows a run; empty where nothing does."""
    if elsewhere := record.tracked_in:
        return f"look    MLflow at {elsewhere}"
    if (record.config.get("tracking") or {}).get("uri") == "none":
        return ""
    output_dir = relative_path(output_dir_of(record))
    option = "" if str(output_dir) == "outputs" else f" --output-dir {shlex.quote(str(output_dir))}"
    return f"look    python -m harness ui{option}"


def _untimed(records: list[Record]) -> list[str]:
    """A sentence if runs were too short for a training speed."""
    epochs = [record for record in records if is_read(record.choices["backend"], "trainer.epochs")]
    count = sum(EPOCH_SECONDS in record.metrics and THROUGHPUT not in record.metrics for record in epochs)
    runs = "the run has" if len(records) == 1 else f"{count} of {len(records)} runs have"
    why = "every step was warm-up (measure.warmup_steps, measure.warmup_seconds); more trainer.epochs give one"
    return [f"{runs} no training speed: {why}"] if count else []


def relative_path(path: Path) -> Path:
    """A path relative to the working directory, if it is below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _title(record: Record) -> str:
    label = runs_table.requested_label(record)
    before = f" as {record.label}" if label != record.label else ""
    return f"{record.name}: {label}" + (f" (skipped: finished before{before})" if record.skipped else "")


def _name_width(width: int) -> int:
    return max(24, width * 2 // 5)


def print_comparison(comparison: Comparison, out: Console | None = None) -> None:
    """Each comparison group with its tables, differences to the baseline and answer; then notes and failures."""
    out = out or console()
    out.print()
    print_heading(heading(comparison), out)
    marks: set[str] = set()
    gaps = False
    for group in comparison.groups:
        out.print()
        shown = _print_group(out, group)
        marks |= verdict_text.marks(group, shown)
        gaps |= group_table.BEHIND in shown
        for metric in group.questions:
            for variant in tables.with_difference(group, metric)[:MOST_ROWS]:
                difference = wording.baseline_difference(metric, variant.baseline_differences[metric])
                out.print(escape(f"{short_name(metric)}, {variant.name}: {difference}"))
        if any(variant.baseline_differences for variant in group.variants):
            out.print(f"[dim]{wording.PAIRED}[/]")
        out.print()
        for sentence in answer(group):
            out.print(escape(sentence))
        _print_use(out, group)
        if variants := tuned_variants(group):
            rows = islice(tuned.table(variants, narrow=True), MOST_ROWS)
            print_section(out, tuned.heading(variants), tuned.columns(variants, narrow=True), rows)
            print_sentence(out, tuned.CAPTION, style="dim")
        if models := served_models(group):
            print_section(out, serving.HEADING, serving.columns(models), islice(serving.table(models), MOST_ROWS))
    if over := comparison.over_data_sets:
        _print_data_sets(out, over)
    for curves in comparison.over_rows:
        out.print()
        out.print(f"[bold]{escape(training_rows.heading(curves))}[/]")
        for row in training_rows.table(curves):
            points = zip(training_rows.columns(curves)[1:-1], row[1:-1], strict=True)
            values = ", ".join(f"{value} at {size}" for size, value in points)
            print_sentence(out, f"{row[0]}: {values}; {row[-1]}")
    out.print()
    legend = verdict_text.legend(marks) + (f"   {verdict_text.GAP_LEGEND}" if gaps else "")
    legend = re.sub(r"(^|   )(\S) ", rf"\1\2{UNBROKEN}", legend)  # a sign and its meaning stay together
    if said := " ".join([*verdict_text.covers(comparison), *([legend] if legend else [])]):
        print_sentence(out, said, style="dim")
    for sentence in notes(comparison):
        print_sentence(out, sentence, head="note    ", style="yellow")
    for record in comparison.failed:
        print_sentence(out, wording.failure(record), style="red")


def _print_use(out: Console, group: ComparisonGroup) -> None:
    """Print the command with which the recommended variant answers new rows; nothing where none is recommended."""
    for variant in [one.variant for one in recommend(group)] if recommends(group) else []:
        if run := best_run(variant.runs):
            which = f", seed {run.seed}, the best of its runs on validation" if len(variant.runs) > 1 else ""
            print_sentence(out, f"To use {variant.name}{which}:")
            folder = shlex.quote(str(relative_path(run.folder)))
            out.print(f"  python -m harness predict {escape(folder)} --file FILE", soft_wrap=True)


def _print_data_sets(out: Console, over: OverDataSets) -> None:
    out.print(f"\n[italic]{data_sets.HEADING}[/]")
    table_of = partial(data_sets.terminal_table, over, MOST_ROWS, _name_width(out.width))
    print_fitting(out, table_of, data_sets.columns(over))
    if len(over.rows) > MOST_ROWS:
        out.print(f"... and {len(over.rows) - MOST_ROWS} more variants, in the files")
    out.print(f"[dim]{escape(data_sets.legend(over))}[/]\n")
    for sentence in (data_sets.answer(over), *over.notes):
        out.print(escape(sentence))


def _print_group(out: Console, group: ComparisonGroup) -> set[str]:
    """Print what a group has in common, and its tables; returns the columns for which there was room."""
    if shared := budgets.shared_sentence(group):
        out.print(shared)
    if sentence := verdict_text.among(group):
        out.print(escape(sentence))
    if group.finished:
        out.print(escape(verdict_text.terms(group)))
    columns: set[str] = set()
    for hardware_group in group.hardware_groups:
        out.print(f"[italic]{escape(f'{group.title}: {hardware_group.title}')}[/]")
        shown = best_first(group, hardware_group.variants)[:MOST_ROWS]
        table_of = partial(group_table.terminal_table, group, shown, _name_width(out.width))
        columns |= {*print_fitting(out, table_of, group_table.columns(group))}
        if len(hardware_group.variants) > MOST_ROWS:
            out.print(f"... and {len(hardware_group.variants) - MOST_ROWS} more variants, in the files")
    if sentence := chance_line(group):
        out.print(escape(sentence))
    return columns
