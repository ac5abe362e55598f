"""``python -m harness report``: compare recorded runs.

    python -m harness report                        # all records in outputs/
    python -m harness report --name imdb --baseline encoder=lstm
    python -m harness report --name imdb --require "latency/p50_ms<5" --margin 0.005
    python -m harness report FOLDER FOLDER          # records in other folders
    python -m harness report --name imdb --write-baseline baseline.json
    python -m harness report --name imdb --gate baseline.json --only quality

Exit codes: 0; 1 the gate failed; 2 the user must fix something, or the gate could not judge everything.
"""

import argparse
from difflib import get_close_matches
from pathlib import Path

from harness.analysis.listed import listed
from harness.config.requirement import parse_all
from harness.errors import UserError
from harness.notices import notify
from harness.records.reading import no_record, read_folders
from harness.records.record import Record
from harness.runner import sweep_runs

USER_ERROR = 2
MOST_NAMES = 20
"""A sentence names at most so many experiments or sweeps."""


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _report(options)
    except UserError as error:
        notify(error)
        return USER_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness report", description="Compare recorded runs.")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="folders of records; default: all runs")
    parser.add_argument("--name", help="only the runs of this experiment")
    parser.add_argument("--sweep", help="only the runs that this sweep asked for")
    parser.add_argument("--sync", action="store_true", help="first bring MLflow up to date with the records")
    parser.add_argument("--baseline", metavar="KEY=VALUE", help="compare with this variant, such as encoder=lstm")
    parser.add_argument("--target", type=float, metavar="SCORE", help="give the seconds until validation reached this")
    parser.add_argument(
        "--margin", type=float,
        help="a variant that is not worse, and is shown to be less than this behind the best, is equally good; "
        "default: 0.01, one point",
    )  # fmt: skip
    parser.add_argument(
        "--require", action="append", default=[], metavar="METRIC<NUMBER",
        help="recommend only variants whose means meet this, such as 'latency/p50_ms<5'; may be repeated",
    )  # fmt: skip
    parser.add_argument("--all", action="store_true", help="also print all numbers of each run")
    parser.add_argument("--output-dir", type=Path, default=Path("outputs"), help="where runs are and reports go")
    parser.add_argument(
        "--gate", type=Path, metavar="FILE",
        help="exit 1 if something got worse than this baseline, or a variant is new, gone or changed",
    )  # fmt: skip
    parser.add_argument(
        "--only", action="append", default=[], choices=("quality", "speed", "memory"),
        help="let --gate judge only these metrics; may be repeated",
    )
    parser.add_argument("--allow-new", action="store_true", help="let --gate pass variants that the baseline lacks")
    parser.add_argument("--write-baseline", type=Path, metavar="FILE", help="write a baseline for --gate")
    return parser


def _report(options: argparse.Namespace) -> int:
    from harness.analysis import gate_baseline
    from harness.analysis import regression_gate as gate
    from harness.analysis.verdicts import QUALITY_MARGIN
    from harness.report.build import compare
    from harness.report.terminal import print_every_number

    margin = QUALITY_MARGIN if options.margin is None else options.margin
    if not 0 < margin < 1:
        raise UserError(f"--margin must be above 0 and below 1, and is {margin:g}; 0.01 is one point of accuracy")
    if (options.only or options.allow_new) and not options.gate:
        raise UserError("--only and --allow-new say what --gate judges; give it too, such as --gate baseline.json")
    requirements = parse_all(options.require)
    records, left_out = _read(options)
    if options.sync:
        from harness import tracking

        print(f"MLflow was brought up to date with {tracking.sync(records)} of {len(records)} records")
        if all(record.mode == "profile" for record in records):
            return 0  # profiles are not compared
    baseline = gate_baseline.read_baseline(options.gate) if options.gate else None
    names = dict.fromkeys(record.name for record in records)
    title = options.name or (next(iter(names)) if len(names) == 1 else "all")
    report = compare(
        records, options.output_dir, title, options.baseline, left_out, options.target, margin, requirements,
        options.sweep,
    )  # fmt: skip
    report.print()
    if options.all:
        print_every_number([record for record in records if record.status == "finished" and record.mode == "train"])
    for sentence in report.comparison.left_out[len(left_out) :]:  # files beside the records
        notify(f"left out: {sentence}")
    code = 0
    if report.unwritten:
        notify(report.unwritten)
        code = USER_ERROR
    if baseline is not None:
        outcome = gate.check(report.comparison, baseline, options.only, options.allow_new)
        print(*outcome.lines(), sep="\n")
        code = outcome.code or code
    if options.write_baseline:
        try:
            print(*gate_baseline.write_baseline(report.comparison, options.write_baseline), sep="\n")
        except OSError as error:
            notify(f"the baseline {options.write_baseline} cannot be written ({error.strerror})")
            code = code or USER_ERROR
    return code


def _of_name(records: list[Record], name: str) -> list[Record]:
    return [record for record in records if record.name == name]


def _read(options: argparse.Namespace) -> tuple[list[Record], list[str]]:
    """The requested records, at least one, and a sentence for each file that is not a readable record.

    Raises:
        UserError: a folder is missing, or there is no such record.
    """
    folders = options.folders or [options.output_dir / "runs"]
    if wrong := [str(one) for one in folders if set("<>") & set(str(one)) and not one.is_dir()]:
        needs = "each requirement needs a --require of its own"
        raise UserError(f"there is no folder {wrong[0]}; {needs}: --require '{wrong[0]}'")
    records, left_out = read_folders(folders)
    for sentence in left_out:
        notify(f"left out: {sentence}")
    where = ", ".join(map(str, folders))
    for option, chosen in (("name", _of_name), ("sweep", sweep_runs.of_sweep)):
        wanted = getattr(options, option)
        if wanted is None:
            continue
        present = sorted({str(value) for record in records if (value := getattr(record, option))})
        records = chosen(records, wanted)
        if not records:
            near = get_close_matches(wanted, present, n=1)
            others = f"there are: {listed(present, MOST_NAMES)}" if present else "there is none"
            others = f"did you mean {near[0]}? {others[0].upper()}{others[1:]}" if near else others
            raise UserError(f"no record below {where} has the {option} {wanted}; {others}")
    if not records:
        raise no_record(folders, left_out)
    return records, left_out
