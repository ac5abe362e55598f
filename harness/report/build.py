"""The report: recorded runs compared, in the terminal and as files."""

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.markup import escape

from harness.analysis import kernels
from harness.analysis.comparison import Comparison
from harness.analysis.verdicts import QUALITY_MARGIN
from harness.config.requirement import Requirement
from harness.records.record import Record
from harness.records.store import file_name, write_text
from harness.report import profiles
from harness.report.fitting import print_fitting
from harness.report.heading import of_records, print_heading
from harness.report.sentences import print_sentence
from harness.report.terminal import console, print_comparison, relative_path


@dataclass(frozen=True)
class Report:
    """A comparison and its files: ``report.md``, ``report.csv``, ``runs.csv`` and ``report.html``.

    ``markdown`` is the text of ``report.md``. ``unwritten`` says why the files could not be written; there are none
    then.
    """

    comparison: Comparison
    files: list[Path]
    markdown: str = ""
    unwritten: str | None = None

    def print(self) -> None:
        """Print the comparison and the paths of its files."""
        print_comparison(self.comparison)
        for file in self.files:
            print(f"report  {relative_path(file)}")

    def means(self) -> dict[str, float]:
        """``<variant>/<metric>`` to its mean, under names that MLflow takes (no ``=`` and ``,``)."""
        several = len(self.comparison.groups) > 1
        return {
            _metric_name(f"{group.title}/{variant.name}/{metric}" if several else f"{variant.name}/{metric}"): mean.mean
            for group in self.comparison.groups
            for variant in group.variants
            for metric, mean in variant.means.items()
        }


def _metric_name(text: str) -> str:
    return re.sub(r"[^\w\-./: ]+", "-", text.replace("=", ":").replace(",", ""))


def compare(
    records: Iterable[Record],
    output_dir: Path,
    name: str,
    baseline: str | None = None,
    left_out: Sequence[str] = (),
    target: float | None = None,
    margin: float = QUALITY_MARGIN,
    requirements: Sequence[Requirement] = (),
    sweep: str | None = None,
    **asked: Any,
) -> Report:
    """Compare runs and write the report into ``<output_dir>/reports/<name>``.

    That of a ``sweep`` has its own folder there, so that no sweep overwrites the report of another.

    ``records`` may hold finished, failed and killed runs; ``baseline`` is ``key=value`` over choices and config;
    ``left_out`` are sentences about files that could not be read, for the report's notes. ``target`` is a score on
    validation, for the seconds until it was reached; without it, the newest run's ``measure.target`` counts.
    ``margin``, ``requirements`` and what else is ``asked`` are those of ``harness.analysis.comparison.compare``.

    A folder that cannot be written to is said in the result, which has the comparison all the same.

    Raises:
        UserError: there is nothing to compare, the baseline describes no variant, or the target is no score.
    """
    from harness.report import html as page
    from harness.report import runs_table, tables

    compared = analysed(records, name, baseline, left_out, target, margin, requirements, **asked)
    compared.sweep = sweep
    folder = report_folder(output_dir, name, sweep)
    contents = {
        "report.md": tables.markdown(compared),
        "report.csv": tables.csv_text(compared),
        "runs.csv": runs_table.csv_text(compared, output_dir),
        "report.html": page.html(compared),
    }
    files = [folder / file for file in contents]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in zip(files, contents.values(), strict=True):
            write_text(file, text)
    except OSError as error:
        return Report(compared, [], contents["report.md"], unwritten(folder, error, output_dir))
    return Report(compared, files, contents["report.md"])


def report_folder(output_dir: Path, name: str, part: str | None = None) -> Path:
    """The folder of the report of a name; or the folder in it of one part, a sweep or a profile."""
    folder = output_dir / "reports" / file_name(name)
    return folder / file_name(part) if part else folder


def analysed(
    records: Iterable[Record],
    name: str,
    baseline: str | None = None,
    left_out: Sequence[str] = (),
    target: float | None = None,
    margin: float = QUALITY_MARGIN,
    requirements: Sequence[Requirement] = (),
    **asked: Any,
) -> Comparison:
    """The comparison that ``compare`` reports.

    Raises:
        UserError: as ``compare``.
    """
    from harness.analysis import budgets
    from harness.analysis import comparison as comparisons
    from harness.analysis.item_scores import unusable
    from harness.analysis.targets import at_one_target
    from harness.report.html import attention

    records = budgets.with_trials(at_one_target(records, target))
    compared = comparisons.compare(records, name, baseline, left_out, margin, requirements, **asked)
    compared.left_out += attention.damaged(compared.groups)
    compared.left_out += unusable(run for variant in compared.variants for run in variant.runs)
    return compared


def unwritten(folder: Path, error: OSError, output_dir: Path) -> str:
    """The sentence for a report that could not be written, with the command that writes it elsewhere."""
    elsewhere = f"python -m harness report {shlex.quote(str(output_dir / 'runs'))} --output-dir OTHER"
    return f"the report could not be written to {folder} ({error.strerror or error}); {elsewhere} writes it elsewhere"


def show_profiles(done: Sequence[Record]) -> None:
    """Print a table for each profile, and why it failed where it did."""
    out = console()
    for record in done:
        if record.status != "finished":
            why = f" {record.label}: {record.reason or 'no reason was recorded'}"
            print_sentence(out, why, head=record.status, style="red")
        if record.profile:
            print_sentence(out, profiles.title(record), style="italic")
            print_fitting(out, partial(profiles.points_table, record), profiles.measured_columns([record]))
            out.print()
    if len(done) == 1:
        summarise_profiles(done)


def summarise_profiles(done: Sequence[Record], sweep: str | None = None) -> list[Path]:
    """Print the exponents of all profiles side by side, and write their picture and their page.

    Returns the files, in ``<output_dir>/reports/<name>/<sweep>``, or of a single profile in a folder that is named like
    that of its run; none if nothing was measured.
    """
    from harness.report.html import profile_page  # here: it loads Plotly and Jinja2

    measured = [record for record in done if record.profile]
    if not measured:
        return []
    out = console()
    print_heading(of_records(measured), out)
    out.print(profiles.exponents_table(measured))
    if sentence := profiles.disturbed(measured):
        print_sentence(out, sentence, head="busy    ", style="yellow")
    if clauses := kernels.differing(list(zip(profiles.short_labels(measured), measured, strict=True))):
        print_sentence(out, clauses, head="note    ", style="dim")
    name = measured[0].name
    output_dir = Path(done[0].config["output_dir"]).absolute()
    folder = report_folder(output_dir, name, sweep or Path(measured[0].run_dir).name)
    folder.mkdir(parents=True, exist_ok=True)
    png, page = profiles.picture(measured, folder / "profile.png"), folder / "profile.html"
    write_text(page, profile_page.html(measured, name))
    for kind, file in (("picture", png), ("page   ", page)):
        out.print(f"{kind} {escape(str(relative_path(file)))}", soft_wrap=True)
    return [png, page]
