"""What a sweep's runs in one experiment come to: their comparison, printed, and kept for the sweep's parent run."""

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.analysis.listed import listed
from harness.config.requirement import parse_all
from harness.notices import notify
from harness.records.record import Record
from harness.runner.job_outcomes import MOST_NAMED

if TYPE_CHECKING:
    from harness.tracking import Summary


def of_runs(
    runs: list[Record], output_dir: Path, name: str, sweep: str, margin: float, require: Sequence[str] = (),
    **asked: Any,
) -> "Summary":  # fmt: skip
    """Print the comparison of a sweep's runs in one experiment, and return it for the parent run."""
    from harness.report import build as report
    from harness.tracking import Summary

    runs = [record for record in runs if not record.is_trial]
    if not runs:  # it ended while trials ran
        told = asked.get("told", [])
        say(told)
        return Summary(files=[], note="\n".join(told))
    try:
        if runs[0].mode == "profile":
            return Summary(files=report.summarise_profiles(runs, sweep))
        compared = report.compare(
            runs, output_dir, name, margin=margin, requirements=parse_all(require), sweep=sweep, **asked
        )
        compared.print()
        if compared.unwritten:
            notify(compared.unwritten)
        note = compared.markdown + _done_before(runs, sweep)
        return Summary(compared.files, note, compared.means(), written=not compared.unwritten)
    except OSError as error:
        notify(f"the report of {name} could not be written ({error}); its records are kept")
    except Exception:  # a fault of the report loses no record
        traceback.print_exc()
        notify(f"the report of {name} could not be made; its records are kept")
    return Summary(files=[], written=False)


def say(sentences: Sequence[str]) -> None:
    """Print sentences, of which no line ends within a word."""
    from harness.report.sentences import print_sentence
    from harness.report.terminal import console

    out = console()
    for sentence in sentences:
        print_sentence(out, sentence)


def _done_before(runs: list[Record], sweep: str) -> str:
    """A paragraph about the runs that were finished before: compared here, but not child runs of this sweep."""
    before = [record.label for record in runs if record.skipped and record.sweep != sweep]
    if not before:
        return ""
    named = listed([f"`{label}`" for label in before], MOST_NAMED)
    return f"\nDone before this sweep, so compared here but not among its child runs: {named}.\n"
