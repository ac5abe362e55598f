"""The end of a search: its trials by validation, the best one, and where that one's results are."""

import csv
import io
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from harness.analysis.searched import SearchTrial, best_first
from harness.analysis.variant_names import short_keys
from harness.notices import UNBROKEN
from harness.records.metrics import QUALITY, number, short_name
from harness.records.record import Record
from harness.report.fitting import print_fitting
from harness.report.heading import INDENT, Line, of_records, print_heading
from harness.report.markdown import escaped, paragraph, table_row
from harness.report.sentences import print_sentence
from harness.report.terminal import MOST_ROWS, console, relative_path
from harness.report.text import failure


def ordered(trials: Sequence[SearchTrial]) -> list[SearchTrial]:
    """The trials in the order of the table: the best one first, then those without a score or stopped early."""
    ranked = best_first(trials)
    return [*ranked, *(trial for trial in trials if trial not in ranked)]


def state(trial: SearchTrial) -> str:
    """What became of a trial, in one word."""
    if trial.stopped:
        return "stopped"
    if trial.score is not None:
        return "finished"
    ended = [record.status for record in trial.records if record.status != "finished"]
    return "failed" if trial.reasons or "failed" in ended else "interrupted" if ended else "open"


def metric_of(trials: Sequence[SearchTrial]) -> str | None:
    """The metric by which the trials are compared; None before there is a run."""
    return next((trial.metric for trial in trials if trial.metric), None)


def tried(trials: Sequence[SearchTrial]) -> list[str]:
    """The keys that the trials tried."""
    return list(dict.fromkeys(key for trial in trials for key in trial.settings))


def columns(trials: Sequence[SearchTrial]) -> list[str]:
    """The keys that were tried, as the table names them, by the keys."""
    short = short_keys(tried(trials))
    return [name.lstrip("+") for name in short.values()]


def rows(trials: Sequence[SearchTrial]) -> Iterator[list[str]]:
    """A row for each trial: its number, what it tried, its score on validation, its state."""
    keys = tried(trials)
    metric = metric_of(trials)
    for trial in ordered(trials):
        score = number(metric, trial.score) if metric and trial.score is not None else "-"
        values = [_value(trial.settings.get(key)) for key in keys]
        yield [str(trial.number), *values, score, f"{trial.seconds:.0f}", state(trial)]


def heads(trials: Sequence[SearchTrial]) -> list[str]:
    """The head of the table."""
    metric = metric_of(trials)
    seeds = trials[0].seeds if trials else 1
    mean = f", mean of {seeds} seeds" if seeds > 1 else ""
    score = f"{short_name(metric)} on validation{mean}" if metric else "validation"
    return ["trial", *columns(trials), score, "seconds", "state"]


def sentences(trials: Sequence[SearchTrial], results: Sequence[Record], ended: str | None = None) -> list[str]:
    """Which trial is the best one, what it scores on test, and where its results are, one line each.

    ``results`` are the runs of the best settings. ``ended`` says why there are fewer trials than were asked for.
    """
    ranked = best_first(trials)
    said = [f"note    {ended}"] if ended else []
    if not ranked:
        return [*said, f"best    none: no trial of {len(trials)} has finished"]
    best, metric = ranked[0], metric_of(trials)
    assert metric is not None
    assert best.score is not None
    settings = " ".join(f"{key}={value}" for key, value in best.settings.items())
    score = f"{short_name(metric)} {number(metric, best.score)} on validation, the best of {len(ranked)} finished"
    said.append(f"best    trial {best.number}: {settings} ({score})")
    if on_test := _on_test(results):
        said.append(f"test    {on_test}; the test split chose nothing")
    return [*said, *(f"results {relative_path(record.folder)}" for record in results)]


def _on_test(results: Sequence[Record]) -> str:
    metric = next((one for one in QUALITY if results and all(one in record.metrics for record in results)), None)
    if metric is None:
        return ""
    values = [number(metric, record.metrics[metric]) for record in results]
    return f"{short_name(metric)} {', '.join(values)} of the best trial"


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)


def print_search(trials: Sequence[SearchTrial], said: Sequence[str]) -> None:
    """Print the trials by validation, why some failed, and these sentences."""
    out = console()
    for reason in dict.fromkeys(reason for trial in trials for reason in trial.reasons):
        print_sentence(out, reason, style="red")
    for record in (record for trial in trials for record in trial.records if record.status != "finished"):
        print_sentence(out, failure(record), style="red")
    print_heading(_heading(trials), out)
    if trials:
        print_fitting(out, partial(_table, trials), heads(trials)[-2:])
    if len(trials) > MOST_ROWS:
        out.print(f"... and {len(trials) - MOST_ROWS} more trials, in the files")
    for sentence in said:
        head, text = sentence[:INDENT], sentence[INDENT:]
        print_sentence(out, head.replace(" ", UNBROKEN) + text)  # a path stays beside what it is


def _table(trials: Sequence[SearchTrial], shown: Sequence[str]) -> Table:
    table = Table(title="trials, by validation", title_justify="left", box=None, pad_edge=False)
    names = heads(trials)
    for place, head in enumerate(names):
        table.add_column(escape(head), justify="right" if place in (0, len(names) - 3) else "left", overflow="fold")
    for row in list(rows(trials))[:MOST_ROWS]:
        table.add_row(*map(escape, row))
    return table


def _heading(trials: Sequence[SearchTrial]) -> list[Line]:
    """What all runs of the trials share; nothing before there is a run."""
    records = [record for trial in trials for record in trial.records]
    return of_records(records) if records else []


def markdown(trials: Sequence[SearchTrial], said: Sequence[str]) -> str:
    """The head, the table and the sentences as Markdown."""
    head = paragraph(_heading(trials))
    names = heads(trials)
    lines = [table_row(names), f"|{'---|' * len(names)}", *map(table_row, rows(trials)), ""]
    lines += [f"- {escaped(sentence.partition(' ')[2].strip())}" for sentence in said]
    return "".join(f"{line}\n" for line in ([head, "", *lines] if head else lines))


def csv_text(trials: Sequence[SearchTrial], output_dir: Path) -> str:
    """One line for each trial, with whole keys, every digit, and the folders of its runs."""
    keys = tried(trials)
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(["trial", *keys, "metric", "score", "scores_of_seeds", "seconds", "state", "runs"])
    for trial in ordered(trials):
        folders = " ".join(str(record.folder.relative_to(output_dir)) for record in trial.records)
        values = [trial.settings.get(key, "") for key in keys]
        score = "" if trial.score is None else trial.score
        scores = " ".join(map(str, trial.scores))
        lines.writerow([trial.number, *values, trial.metric or "", score, scores, trial.seconds, state(trial), folders])
    return written.getvalue()
