"""The runs below a folder as a table: ``harness.records("outputs")``."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from harness.notices import notify
from harness.records.metrics import METRICS
from harness.records.reading import no_record, read_folders
from harness.records.record import Record
from harness.records.settings import flatten, key_of


def table(folders: str | Path | Iterable[str | Path]) -> pd.DataFrame:
    """One row a run, oldest first, of all statuses; trials of a tuning and profiles are runs too.

    The columns: ``name label status reason encoder data backend seed``; every metric, under its name in the record;
    every key that the command of any of the runs set, with the value that the run had, be it set or the default;
    ``run_dir started folder``. ``started`` is a time in UTC, ``folder`` the absolute path of the run. What a run lacks
    is missing (NaN).

    Args:
        folders: an output folder, any folder with runs in it, or several.

    Raises:
        UserError: a folder is missing, or none holds a readable record.
    """
    paths = [Path(one) for one in ([folders] if isinstance(folders, str | Path) else folders)]
    records, left_out = read_folders(paths)
    for sentence in left_out:
        notify(f"left out: {sentence}")
    if not records:
        raise no_record(paths, left_out)
    return table_of(sorted(records, key=lambda record: record.started))


def table_of(records: Sequence[Record]) -> pd.DataFrame:
    """One row for each of these records, in their order; see ``table``."""
    measured = {name for record in records for name in record.metrics}
    metrics = [name for name in METRICS if name in measured] + sorted(measured - METRICS.keys())
    rows = []
    keys = sorted({key_of(override) for record in records for override in record.overrides})
    for record in records:
        first = {
            "name": record.name, "label": record.label, "status": record.status, "reason": record.reason,
            "encoder": record.choices["encoder"], "data": record.choices["data"],
            "backend": record.choices["backend"], "seed": record.seed,
        }  # fmt: skip
        settings = _settings(record)
        last = {
            "run_dir": record.run_dir, "started": pd.Timestamp(record.started), "folder": str(record.folder.absolute())
        }  # fmt: skip
        own = {key: settings.get(key) for key in keys if key not in first}
        rows.append({**first, **{name: record.metrics.get(name) for name in metrics}, **own, **last})
    return pd.DataFrame(rows)


def _settings(record: Record) -> dict[str, Any]:
    """The values of a run's keys: those of its config, the choices of its config groups, and other groups as set."""
    as_set = {key_of(override): override.partition("=")[2] for override in record.overrides}
    return as_set | record.choices | dict(flatten(record.config))
