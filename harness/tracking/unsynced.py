"""The ended runs of sweeps that MLflow still lacks: one small file each below ``output_dir/unsynced``.

They are kept by sweep, because the command of a sweep brings them to MLflow. A run that no sweep asked for has no file:
``report --sync`` looks at all records.
"""

from contextlib import suppress
from pathlib import Path

from harness.records import store
from harness.records.record import Record

FOLDER = "unsynced"


def keep(record: Record, sweep: str | None) -> None:
    """Note that MLflow lacks a run, if a sweep asked for it."""
    if sweep is None:
        return
    file = store.output_dir_of(record) / FOLDER / store.file_name(sweep) / _name(record.run_dir)
    with suppress(OSError):  # such as a full disk: `report --sync` looks at all records
        file.parent.mkdir(parents=True, exist_ok=True)
        store.write_json(file, {"run_dir": record.run_dir, "ended": record.ended})


def drop(record: Record) -> None:
    """Note that MLflow has a run, whoever asked for it. A note of a later end of this run stays."""
    for file in (store.output_dir_of(record) / FOLDER).glob(f"*/{_name(record.run_dir)}"):
        with suppress(OSError, ValueError):
            if (store.load_json(file)["ended"] or "") <= (record.ended or ""):
                file.unlink()


def files_of(output_dir: Path, sweep: str) -> list[Path]:
    """The files of the runs that a sweep asked for."""
    return sorted((output_dir / FOLDER / store.file_name(sweep)).glob("[!.]*.json"))


def records_of(output_dir: Path) -> list[Record]:
    """The records of all runs that MLflow lacks of sweeps; a run that several sweeps asked for is there once."""
    files = {file.name: file for file in (output_dir / FOLDER).glob("*/[!.]*.json")}
    found = []
    for file in files.values():
        with suppress(OSError, ValueError, LookupError):
            found.append(store.read_usable(output_dir / store.load_json(file)["run_dir"]))
    return [record for record in found if record]


def _name(run_dir: str) -> str:
    return f"{store.short_hash(run_dir)}.json"
