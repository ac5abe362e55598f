"""Copies of a run for another name, which take no second place on the disk for the weights."""

import dataclasses
import os
import shutil
from pathlib import Path
from typing import Any

from harness.records.record import Record
from harness.records.store import EXPORTS, RECORD, WEIGHTS, whole_file, write


def share(source: Path, target: Path) -> None:
    """Give a file, which nobody changes in place, a second name without a second copy on the disk.

    Where that cannot be, as on another file system, it is copied.
    """
    with whole_file(target) as temporary:
        temporary.unlink(missing_ok=True)  # a killed process may have left it
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


def _copy_or_share(source: str, target: str) -> None:
    """Copy a file of a run's folder; the weights, which can be large, are shared: they are never changed in place."""
    if Path(source).name.startswith(WEIGHTS):
        share(Path(source), Path(target))
    else:
        shutil.copy2(source, target)


def copy(record: Record, output_dir: Path, folder: Path, **asked: Any) -> Record:
    """Copy a finished run's folder to where the command ``asked`` for it under another name; returns its record.

    What was exported of it stays there: it names the run that it was exported from.
    """
    left_out = shutil.ignore_patterns(RECORD, EXPORTS)
    shutil.copytree(record.folder, folder, ignore=left_out, copy_function=_copy_or_share, dirs_exist_ok=True)
    run_dir = str(folder.relative_to(output_dir))
    copied = dataclasses.replace(
        record, **asked, folder=folder, run_dir=run_dir, copied_from=record.run_dir, mlflow_run_id=None
    )
    write(copied)
    return copied
