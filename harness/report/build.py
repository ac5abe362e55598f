"""The report: recorded runs compared, in the terminal and as files."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.analysis.comparison import Comparison
from harness.records.record import Record
from harness.records.store import file_name, write_text
from harness.report.terminal import print_comparison, relative_path


@dataclass(frozen=True)
class Report:
    """A comparison and its files: ``report.md``, ``report.csv`` and ``report.html``."""

    comparison: Comparison
    files: list[Path]

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
    records: Iterable[Record], output_dir: Path, name: str, baseline: str | None = None, left_out: Sequence[str] = ()
) -> Report:
    """Compare runs and write the report into ``<output_dir>/reports/<name>``.

    ``records`` may hold finished, failed and killed runs; ``baseline`` is ``key=value`` over choices and config;
    ``left_out`` are sentences about files that could not be read, for the report's notes.

    Raises:
        UserError: there is nothing to compare, or the baseline describes no variant.
    """
    from harness.analysis import comparison as comparisons
    from harness.report import html as page
    from harness.report import tables

    compared = comparisons.compare(records, name, baseline, left_out)
    folder = output_dir / "reports" / (file_name(name) or "report")
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "report.md": tables.markdown(compared),
        "report.csv": tables.csv_text(compared),
        "report.html": page.html(compared),
    }
    for file, text in contents.items():
        write_text(folder / file, text)
    return Report(compared, [folder / file for file in contents])
