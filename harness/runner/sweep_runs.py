"""Which runs a sweep asked for: those that were finished before it name another sweep in their records, or none."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from harness.records import store
from harness.records.record import Record

RUNS = "runs.json"
"""The file in a sweep's folder with the folders of its runs, relative to the output folder."""


def keep(folder: Path, asked: Iterable[Record]) -> None:
    """Add runs that a command of a sweep asked for to those that the sweep's folder names."""
    with suppress(OSError):  # those that name the sweep are found all the same
        store.write_json(folder / RUNS, sorted({*_read(folder), *(record.run_dir for record in asked)}))


def of_sweep(records: Iterable[Record], sweep: str) -> list[Record]:
    """Those of these records that a sweep asked for."""
    known: dict[Path, set[str]] = {}
    found = []
    for record in records:
        output_dir = store.output_dir_of(record)
        if output_dir not in known:
            known[output_dir] = _read(output_dir / "sweeps" / store.file_name(sweep))
        if record.sweep == sweep or record.run_dir in known[output_dir]:
            found.append(record)
    return found


def count_finished(folder: Path, output_dir: Path, done: Iterable[Record]) -> int:
    """How many finished runs a sweep has: those among ``done``, which a command came to, and those of earlier ones."""
    statuses = {record.run_dir: record.status for record in done}
    earlier = [store.read_usable(output_dir / run_dir) for run_dir in _read(folder) - statuses.keys()]
    return [*statuses.values(), *(record.status for record in earlier if record)].count("finished")


def _read(folder: Path) -> set[str]:
    try:
        return {str(run_dir) for run_dir in store.load_json(folder / RUNS)}
    except (OSError, ValueError, TypeError):  # none yet, or damaged
        return set()
