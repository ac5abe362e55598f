"""Series of numbers with a label each, from files, folders or the published sets that an installed package ships."""

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.cache import cached_by
from harness.data.dataset import Dataset, from_sequences
from harness.data.loaders.archives import Source, file_key, open_source, refuse_same_files
from harness.data.loaders.columns import decimals_in, refuse_unlabelled_rows
from harness.data.loaders.published_series import published_files
from harness.data.loaders.series import Scale, Series, check_values, is_no_label, without_padding
from harness.data.loaders.series_arrays import read_arrays
from harness.data.loaders.series_tables import Columns, read_steps
from harness.data.loaders.series_text import has_rows, read_rows, read_ts
from harness.data.loaders.splits import Part, class_names, complete_splits, labelled_rows, refuse_hidden_labels
from harness.data.loaders.tables import read_file
from harness.data.loaders.targets import Target
from harness.data.series_preparation import SeriesPreparation
from harness.errors import UserError
from harness.notices import notify

SERIES_ONLY = (".ts", ".txt", ".npz")
"""Endings of files that are no tables."""
MISSING = ("interpolate", "error")
TASKS = ("classification", "regression")


def _key(**settings: Any) -> str:
    files = _named_files(**{role: settings.get(role) for role in ("source", "train", "validation", "test")})
    return f"{[file_key(file) for file in files.values() if file.is_file()]} {sorted(settings.items())!r}"


@cached_by(_key)
def load_timeseries(
    source: str | None = None,
    train: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    *,
    sequence: str = "sequence",
    step: str | None = None,
    channels: Any = None,
    label: str = "label",
    task: str = "classification",
    standardise: bool = True,
    missing: str = "interpolate",
    unlabelled: str = "drop",
    validation_share: float = 0.2,
    test_share: float = 0.2,
    limit: int | None = None,
    train_limit: int | None = None,
) -> Dataset:
    """Series of any lengths and one or more channels, from files or from a published set.

    ``source`` is a folder with files NAME_TRAIN and NAME_TEST, or the name of a set that an installed package ships.
    Otherwise ``train`` and maybe ``validation`` and ``test`` are files: .ts, .tsv, .txt, .npz, or tables with one row a
    step, whose columns ``sequence``, ``step``, ``channels`` and ``label`` name. A split without a file is cut from
    train.

    ``standardise`` gives each channel mean 0 and standard deviation 1 over the real steps of train; validation and
    test are scaled by the same numbers, which are a note of the data. With ``missing`` of ``interpolate``, missing
    values lie on the line between those beside them; with ``error`` they are refused. Series without a label are
    dropped, or refused if ``unlabelled`` is ``error``. A regression trains on standardised labels.

    Raises:
        UserError: a file or a set is missing, or its content or a setting is refused.
    """
    _check_settings(missing, task, standardise)
    files = _named_files(source, train, validation, test)
    refuse_same_files(file for file in files.values() if file.is_file())
    named = source or train or ""
    channels = channels if channels is None or isinstance(channels, list | tuple) else [channels]
    parts, names = _read_parts(files, Columns(sequence, step, channels, label), missing, task, unlabelled)
    refuse_hidden_labels(parts, named, "data.label", "name the other files by data.train and leave data.{role} out")
    labelled, dropped = labelled_rows(parts)
    if task == "classification":
        _say_decimals(labelled, named)
    target = Target(task)
    rows, rare = complete_splits(
        target.named(labelled), validation_share, test_share, limit, named, target.stratify, train_limit
    )
    is_class = task == "classification"
    classes = class_names(rows["train"][1]) if is_class else []
    _check_channels(rows)
    preparation = SeriesPreparation(
        Scale.of(rows["train"][0]), standardise, missing, tuple(names) if names else None
    )
    splits, notes = _encoded(rows, preparation)
    notes |= dropped | rare
    notes |= {"channels": names} if names else {}
    data = from_sequences(
        **splits, classes=classes, source=named, notes=notes, task=task, standardise_labels=not is_class
    )
    return replace(data, preparation=preparation)


def _check_settings(missing: str, task: str, standardise: bool) -> None:
    for key, value, choices in (("missing", missing, MISSING), ("task", task, TASKS)):
        if value not in choices:
            raise UserError(f"data.{key} is {' or '.join(choices)}, not {value!r}")
    if not isinstance(standardise, bool):
        raise UserError(f"data.standardise is true or false, not {standardise!r}")


def _read_parts(
    files: dict[str, Path], columns: Columns, missing: str, task: str, unlabelled: str
) -> tuple[dict[str, Part | None], Sequence[str] | None]:
    """The series of each file with their labels, and the names of the channels, which are those of train in order."""
    parts: dict[str, Part | None] = {}
    for role, file in files.items():
        if columns.channels is not None and role == "train" and not is_table(file):
            raise UserError(f"data.channels names columns of a table, and {file} is none; leave it out")
        series = read_series(file, columns)
        notify(f"data: read {len(series.x):,} series of {file}")
        columns = columns._replace(channels=series.channels)
        part = _part(series, file, missing, task)
        refuse_unlabelled_rows(part[1], columns.label or "", str(file), unlabelled, series.names)
        parts[role] = part
    return parts, columns.channels


def _say_decimals(parts: dict[str, Part | None], source: str) -> None:
    """Say that classes are decimal numbers, which are more often the labels of a regression."""
    if decimals := decimals_in(label for part in parts.values() if part for label in part[1]):
        notify(
            f"data: the labels of {source} are numbers, such as {' and '.join(decimals[:2])}, and each is a class; if "
            "they are no classes, set data.task=regression"
        )


def _check_channels(rows: dict[str, Part]) -> None:
    widths = {role: sorted({x_LD.shape[1] for x_LD in x}) for role, (x, _) in rows.items()}
    if len({width for several in widths.values() for width in several}) > 1:
        raise UserError(f"data: all series need the same channels, and have {widths} of them")


def _encoded(rows: dict[str, Part], preparation: SeriesPreparation) -> tuple[dict[str, Any], dict[str, Any]]:
    """The splits as features; and notes of their gaps and their scale."""
    gaps = {role: sum(int(np.isnan(x_LD).sum()) for x_LD in x) for role, (x, _) in rows.items()}
    splits = {role: (preparation.encode(x), labels) for role, (x, labels) in rows.items()}
    notes: dict[str, Any] = {"missing_values": gaps} if any(gaps.values()) else {}
    if preparation.standardise:
        scale = preparation.scale
        notes["scale"] = {"mean": scale.mean_D.tolist(), "std": scale.std_D.tolist()}
    return splits, notes


def _part(series: Series, file: Path, missing: str, task: str) -> Part:
    """The series of a file without padding, and their labels, which are numbers for a regression; None is no label."""
    if not series.x:
        raise UserError(f"data: {file} has no series; expected at least one")
    series = series._replace(x=[without_padding(x_LD) for x_LD in series.x])
    check_values(series, str(file), missing)
    labels = [None if is_no_label(label) else label for label in series.labels]
    if task == "classification":
        if series.numbers:
            raise UserError(f"data: labels of {file} are numbers (@targetLabel true); set data.task=regression")
        return series.x, labels
    named = zip(labels, series.names, strict=True)
    return series.x, [label and _number(label, f"{file}, {name}") for label, name in named]


def _number(label: str, where: str) -> float:
    try:
        number = float(label)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"data: {where} has the label {label!r}; data.task=regression needs a finite number")
    return number


def is_table(file: Path) -> bool:
    """Whether a file has one row a step: by its ending and, for .tsv, by its first line.

    Raises:
        UserError: there is no such file.
    """
    kind = _kind(file)
    if kind in (*SERIES_ONLY, ".tsv") and not file.is_file():
        raise UserError(f"data: there is no file {file} (looked in {Path.cwd()})")
    return kind not in SERIES_ONLY and not (kind == ".tsv" and has_rows(file))


def read_series(file: Path, columns: Columns, labelled: bool = True) -> Series:
    """The series of a file of any form; ``labelled`` is false for new series, which may have no labels.

    Raises:
        UserError: the file is missing, broken or of another form; the message names the row.
    """
    if is_table(file):
        return read_steps(read_file(file, labelled=labelled), str(file), columns, labelled)
    if _kind(file) == ".ts":
        return read_ts(file, labelled)
    return read_arrays(file, labelled) if _kind(file) == ".npz" else read_rows(file)


def _kind(file: Path) -> str:
    """The ending of a file, without that of its compression."""
    return open_source(file).kind if file.is_file() else Source(file).kind


def _named_files(
    source: str | None = None, train: str | None = None, validation: str | None = None, test: str | None = None
) -> dict[str, Path]:
    """The file of each split that has one; ``~`` is the home folder."""
    named = {"train": train, "validation": validation, "test": test}
    files = {role: Path(os.path.expanduser(file)) for role, file in named.items() if file}
    if (source is None) == (train is None) or (source is not None and files):
        raise UserError(
            "data=timeseries needs either data.train=FILE (and maybe data.validation and data.test), or data.source="
            "NAME, a folder or a published set such as JapaneseVowels"
        )
    return files if source is None else published_files(source)
