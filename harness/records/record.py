"""The record of a run: what ``record.json`` holds, as types.

A record is written whole or not at all (``store``). Its JSON schema is ``docs/record.schema.json``, written by
``python -m harness.records.record``.
"""

import dataclasses
import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from harness.records.data_summary import DataSummary as DataSummary  # exported: what reads records needs it
from harness.records.slot import Slot
from harness.records.tuning import Tuning

SCHEMA = 2
"""The version of this file's types; records of another version are left out of reports."""

Status = Literal["finished", "failed", "killed"]
PointStatus = Literal["finished", "failed", "timed_out", "out_of_memory"]


@dataclass
class Hardware:
    """The hardware that a run used on its machine.

    ``devices`` counts processes on each of ``nodes`` machines, ``threads`` are those of each process. ``device_parts``
    are the profiles of a divided card's parts (MIG), ``device_power_limits_w`` the limits that the driver knows.
    ``runs_at_a_time`` is how many runs the machine measured side by side, each pinned to a part of it.
    """

    accelerator: str
    devices: int = 1
    nodes: int = 1
    precision: str = "32"
    threads: int = 1
    device_names: list[str] = field(default_factory=list)
    device_parts: list[str] = field(default_factory=list)
    device_power_limits_w: list[float] = field(default_factory=list)
    runs_at_a_time: int = 1


Kernel = Literal["torch", "harness", "keras"]
"""What computes a recurrent encoder: torch's kernel, the harness's own steps, or Keras's layers."""
Kernels = dict[str, dict[str, Kernel]]
"""By the key of an encoder in the config, its kernels in ``training`` and in ``inference``."""


@dataclass
class Environment:
    """The machine, its load and the software of a run. Memory is in MiB (2**20 bytes).

    ``threads_decided_by`` is what sets the number of threads, such as a container's quota or a scheduler.
    ``other_processes_cpu_share`` is the share (0 to 1) that other processes used, during the run, of the processors
    that the run may use. ``slot`` is the part of the machine that the run was pinned to; null: it had all of it.
    ``other_processes_device_share`` is the largest share of an accelerator's time (0 to 1) that others used, before the
    run or during it, and ``other_device_processes`` the number of other processes that used one; null where not known.
    ``kernels`` is empty where no encoder has several, and in records that are older than the choice.
    """

    hardware: Hardware
    host: str = ""
    platform: str = ""
    processor: str = ""
    cores: int = 0
    threads_decided_by: str = ""
    memory_mib: float = 0.0
    accelerators: list[dict[str, Any]] = field(default_factory=list)
    load_at_start: float | None = None
    versions: dict[str, str] = field(default_factory=dict)
    git: dict[str, Any] = field(default_factory=dict)
    other_processes_cpu_share: float | None = None
    other_processes_device_share: float | None = None
    other_device_processes: int | None = None
    kernels: Kernels = field(default_factory=dict)
    slot: Slot | None = None


@dataclass
class Point:
    """One point of a profile: a length (steps) and a batch size (sequences), measured in a process of its own.

    ``numbers`` holds what could be measured, such as ``forward_ms`` and ``training_peak_mib``.
    """

    length: int
    batch_size: int
    status: PointStatus = "finished"
    reason: str | None = None
    numbers: dict[str, int | float] = field(default_factory=dict)


@dataclass
class Record:
    """One run, or one profile (``mode``): its config, its data, its environment and every number.

    ``fingerprint`` is the hash of all that decides the result; ``variant`` the same without the seed. ``run_dir`` is
    relative to the output folder, so that the folder can be moved. ``overrides`` is what the command set. ``history``
    has one entry an epoch. ``ranks`` has the numbers of each process of a data-parallel run. ``tracked_in`` is the
    MLflow store, without secrets, where it is not the output folder's own. ``tuning`` says what chose the settings;
    null: the command. ``stopped_epoch`` is the epoch after which median stopping ended a trial; null: it did not.
    ``started`` and ``ended`` are UTC, ISO 8601. ``asked_again``: a command that was no search asked for this trial of a
    search.

    The last fields are for the command that holds the record, and are not written: ``folder``, the run's folder on
    this machine; ``skipped``, whether the run was finished before the command; ``asked``, the label that the command
    asked for; ``follows``, whether another node keeps the record.
    """

    name: str
    label: str
    fingerprint: str
    variant: str
    seed: int
    choices: dict[str, str]
    config: dict[str, Any]
    data: DataSummary
    environment: Environment
    run_dir: str
    started: str
    schema: int = SCHEMA
    status: Status = "failed"
    reason: str | None = None
    mode: Literal["train", "profile"] = "train"
    overrides: list[str] = field(default_factory=list)
    metrics: dict[str, int | float] = field(default_factory=dict)
    history: list[dict[str, int | float]] = field(default_factory=list)
    profile: list[Point] = field(default_factory=list)
    ranks: list[dict[str, int | float]] = field(default_factory=list)
    resumed_epochs: int = 0
    tuning: Tuning | None = None
    stopped_epoch: int | None = None
    copied_from: str | None = None
    mlflow_run_id: str | None = None
    tracked_in: str | None = None
    sweep: str | None = None
    ended: str | None = None
    asked_again: bool = False
    folder: Path = field(default=Path(), metadata={"written": False})
    skipped: bool = field(default=False, metadata={"written": False})
    asked: str | None = field(default=None, metadata={"written": False})
    follows: bool = field(default=False, metadata={"written": False})

    def __repr__(self) -> str:
        """One line: a notebook shows it, and all that a record holds is many pages."""
        why = f" ({self.reason})" if self.reason else ""
        return f"<Record {self.name}: {self.label}, {self.status}{why}>"

    @property
    def is_trial(self) -> bool:
        """Whether the run is a trial of a tuning: it chose settings, and is no result to compare."""
        return (self.config.get("tune") or {}).get("trial") is not None

    @property
    def search_trial(self) -> int | None:
        """The number of the trial of a search that the run belongs to; None for other runs."""
        trial: int | None = self.config.get("trial")
        return trial

    def to_json(self) -> dict[str, Any]:
        """The content of ``record.json``: plain values only, ``schema`` first."""
        content = {name: value for name, value in dataclasses.asdict(self).items() if name not in NOT_WRITTEN}
        return {"schema": content.pop("schema"), **content}


NOT_WRITTEN = frozenset(one.name for one in dataclasses.fields(Record) if not one.metadata.get("written", True))


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter  # here: --help does without it

    return TypeAdapter(Record)


def from_json(content: Any) -> Record:
    """The record that this content describes.

    Raises:
        ValueError: a key is missing or unknown, or a value has another type.
    """
    known = {one.name for one in dataclasses.fields(Record)} - NOT_WRITTEN
    if not isinstance(content, dict) or (unknown := content.keys() - known):
        what = f"unknown keys: {', '.join(sorted(unknown))}" if isinstance(content, dict) else "no JSON object"
        raise ValueError(f"this is no record ({what})")
    record: Record = _adapter().validate_python(content)
    return record


def json_schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of ``record.json``."""
    schema = _adapter().json_schema()
    for name in NOT_WRITTEN:
        del schema["properties"][name]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "additionalProperties": False, **schema}


def now() -> str:
    """This moment: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def utc(seconds: float) -> str:
    """A time in UNIX seconds as UTC, ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def overrides_of(record: Record) -> str:
    """The name of a variant in all versions of the code: the encoder and everything that its command set.

    What trials chose is not in it: with other code they may choose otherwise.
    """
    chosen = record.tuning.chosen if record.tuning else {}
    return "/".join([record.choices["encoder"], *(one for one in record.overrides if one.split("=")[0] not in chosen)])


if __name__ == "__main__":
    json.dump(json_schema(), sys.stdout, indent=1)
    print()
