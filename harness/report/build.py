"""The report: runs side by side, from what is recorded, in the terminal and as files.

    python -m harness.report                        # all that is recorded in outputs/
    python -m harness.report --name imdb --baseline encoder=lstm
    python -m harness.report FOLDER FOLDER          # records wherever they are
    python -m harness.report --name imdb --write-baseline baseline.json
    python -m harness.report --name imdb --gate baseline.json

Exit codes: 0; 1 the gate failed; 2 the user's mistake, or a gate that could not judge all it was asked to.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.analysis.comparison import Comparison
from harness.errors import UserError
from harness.records.record import Record
from harness.records.store import read_all
from harness.report.terminal import print_comparison, print_runs, shown

__all__ = ["Report", "compare", "main", "print_runs"]

MISTAKE = 2


@dataclass(frozen=True)
class Report:
    """A comparison and its files: ``report.md``, ``report.csv`` and ``report.html``."""

    comparison: Comparison
    files: list[Path]

    def print(self) -> None:
        """Show the comparison in the terminal, and where its files are."""
        print_comparison(self.comparison)
        for file in self.files:
            print(f"report  {shown(file)}")

    def means(self) -> dict[str, float]:
        """``<cell>/<metric>`` to its mean, under names that MLflow takes (no ``=`` and ``,``)."""
        several = len(self.comparison.boards) > 1
        return {
            _metric_name(f"{board.title}/{cell.name}/{metric}" if several else f"{cell.name}/{metric}"): mean.mean
            for board in self.comparison.boards
            for cell in board.cells
            for metric, mean in cell.means.items()
        }


def _metric_name(text: str) -> str:
    return re.sub(r"[^\w\-./: ]+", "-", text.replace("=", ":").replace(",", ""))


def compare(records: Iterable[Record], output_dir: Path, name: str, baseline: str | None = None) -> Report:
    """Compare runs and write the report into ``<output_dir>/reports/<name>``.

    ``records`` may hold finished, failed and killed runs; ``baseline`` is ``key=value`` over choices and config.

    Raises:
        UserError: there is nothing to compare, or no cell that the baseline describes.
    """
    from harness.analysis import comparison as comparisons
    from harness.report import html as page
    from harness.report import tables

    compared = comparisons.compare(records, name, baseline)
    folder = output_dir / "reports" / (re.sub(r"[^\w.=,-]+", "-", name).strip("-.") or "report")
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "report.md": tables.markdown(compared),
        "report.csv": tables.csv_text(compared),
        "report.html": page.html(compared),
    }
    for file, text in contents.items():
        (folder / file).write_text(text, encoding="utf8")
    return Report(compared, [folder / file for file in contents])


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _report(options)
    except UserError as mistake:
        print(mistake, file=sys.stderr)
        return MISTAKE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.report", description="Compare the runs that are recorded.")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="folders of records; default: all runs")
    parser.add_argument("--name", help="only the runs of this experiment")
    parser.add_argument("--sweep", help="only the runs of this sweep")
    parser.add_argument("--sync", action="store_true", help="first bring MLflow up to date with the records")
    parser.add_argument("--baseline", metavar="KEY=VALUE", help="compare with this cell, such as encoder=lstm")
    parser.add_argument("--output-dir", type=Path, default=Path("outputs"), help="where runs are and reports go")
    parser.add_argument("--gate", type=Path, metavar="FILE", help="exit 1 where it got worse than this baseline")
    parser.add_argument("--write-baseline", type=Path, metavar="FILE", help="write a baseline for --gate")
    return parser


def _report(options: argparse.Namespace) -> int:
    from harness.analysis import regression_gate as gate

    records = _read(options)
    if options.sync:
        from harness import tracking

        print(f"MLflow was brought up to date with {tracking.sync(records)} of {len(records)} records")
        if all(record.mode == "profile" for record in records):
            return 0  # none of these is compared with another
    baseline = gate.read_baseline(options.gate) if options.gate else None
    names = dict.fromkeys(record.name for record in records)
    title = options.name or options.sweep or (next(iter(names)) if len(names) == 1 else "all")
    report = compare(records, options.output_dir, title, options.baseline)
    report.print()
    code = 0
    if baseline is not None:
        outcome = gate.check(report.comparison, baseline)
        print(*outcome.lines(), sep="\n")
        code = outcome.code
    if options.write_baseline:
        print(*gate.write_baseline(report.comparison, options.write_baseline), sep="\n")
    return code


def _read(options: argparse.Namespace) -> list[Record]:
    """The records that were asked for, at least one.

    Raises:
        UserError: there is none.
    """
    folders = options.folders or [options.output_dir / "runs"]
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        raise UserError(f"there is no folder {missing[0]}; run something first, or name the folder of the records")
    try:
        read = [record for folder in folders for record in read_all(folder)]
    except json.JSONDecodeError as error:
        raise UserError(f"a record.json below {folders[0]} is not JSON: {error}") from None
    # folders may lie in one another
    found = list({(record.run_dir, record.started): record for record in read}.values())
    where = ", ".join(map(str, folders))
    for option in ("name", "sweep"):
        wanted = getattr(options, option)
        there = sorted({str(record[option]) for record in found if record[option]})
        found = [record for record in found if wanted is None or record[option] == wanted]
        if wanted is not None and not found:
            named = f"there are: {', '.join(there[:8])}" if there else "there is none"
            raise UserError(f"no record below {where} has the {option} {wanted}; {named}")
    if not found:
        raise UserError(f"there is no record below {where}; run something first, or name the folder of the records")
    return found


if __name__ == "__main__":
    sys.exit(main())
