"""The record of a run, and the one definition of every number in it.

``record.json`` is what a run leaves behind: configuration, environment and every number. It is written whole and
atomically, so that a reader finds either a complete record or none.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SCHEMA = 1
RECORD = "record.json"
LONGEST_LABEL = 150
"""So many letters of a label are in the name of its folder; file systems refuse names of more than 255 bytes."""

AFTERWARDS = ("attention_examples",)
"""Keys of ``measure`` for what is done when all is measured: they decide no number."""

Record = dict[str, Any]


class Mistake(ValueError):
    """Something the user has to change: told in one sentence, without a traceback, exit code 2."""


@dataclass(frozen=True)
class Metric:
    """What a number is: its unit, which direction is better (None where neither is) and its definition."""

    unit: str
    higher_is_better: bool | None
    meaning: str


@dataclass(frozen=True)
class Summary:
    """What a sweep comes to: files, a description in Markdown, and the means of its cells by name."""

    files: list[Path]
    note: str = ""
    means: dict[str, float] = field(default_factory=dict)


METRICS: dict[str, Metric] = {
    "test/accuracy": Metric("", True, "share of the test split that is labelled right, best-on-validation weights"),
    "test/label_error_rate": Metric("", False, "edit distance over target length, both summed over the test split"),
    "test/mse": Metric("", False, "mean squared error on the test split"),
    "test/f1_macro": Metric("", True, "unweighted mean over classes of F1 on the test split"),
    "test/f1_span": Metric("", True, "F1 over whole spans, as seqeval counts them, where labels are BIO"),
    "test/loss": Metric("nats", False, "mean cross-entropy on the test split; of CTC, per label"),
    "val/accuracy": Metric("", True, "share of the validation split that is labelled right"),
    "val/label_error_rate": Metric("", False, "edit distance over target length, both summed over validation"),
    "val/mse": Metric("", False, "mean squared error on the validation split"),
    "val/f1_macro": Metric("", True, "unweighted mean over classes of F1 on the validation split"),
    "val/f1_span": Metric("", True, "F1 over whole spans of the validation split, where labels are BIO"),
    "val/loss": Metric("nats", False, "mean cross-entropy on the validation split; of CTC, per label"),
    "train/loss": Metric("nats", False, "mean cross-entropy over the epoch's training steps; of CTC, per label"),
    "train/mse": Metric("", False, "mean squared error over the epoch's training steps"),
    "best/epoch": Metric("", None, "epoch with the best validation score, counted from 1"),
    "speed/train_tokens_per_second": Metric("1/s", True, "unpadded tokens over seconds, summed over timed steps"),
    "speed/train_sequences_per_second": Metric("1/s", True, "sequences over seconds, summed over timed steps"),
    "speed/train_step_ms_p50": Metric("ms", False, "median time of a step, synchronised, after warm-up"),
    "speed/train_step_ms_p95": Metric("ms", False, "95th percentile of the time of a step, after warm-up"),
    "speed/data_wait_fraction": Metric("", False, "waiting for the next batch over step time plus waiting"),
    "speed/epoch_seconds": Metric("s", False, "median wall time of an epoch's training part"),
    # no direction, so never ranked: of a command's runs the first waits for imports, and prepares the data for all
    "speed/total_seconds": Metric("s", None, "from the command's start to the record; of a sweep's later runs, theirs"),
    "speed/startup_seconds": Metric("s", None, "from the same start to the first training step"),
    "speed/inference_sequences_per_second": Metric("1/s", True, "forward passes at the evaluation batch size"),
    "speed/inference_batch_ms_p50": Metric("ms", False, "median time of a forward pass at the evaluation batch size"),
    "speed/inference_batch_ms_p95": Metric("ms", False, "95th percentile of the time of such a pass"),
    "latency/p50_ms": Metric("ms", False, "median time of one sequence at batch size 1"),
    "latency/p95_ms": Metric("ms", False, "95th percentile of the time of one sequence at batch size 1"),
    "latency/p99_ms": Metric("ms", False, "99th percentile of the time of one sequence at batch size 1"),
    "memory/host_train_peak_mib": Metric("MiB", False, "peak resident memory in training, over that before the model"),
    "memory/host_inference_peak_mib": Metric(
        "MiB", False, "peak resident memory in inference, over that before the model"
    ),
    "memory/host_peak_mib": Metric("MiB", False, "peak resident memory of the run's process, whole"),
    "memory/device_train_peak_mib": Metric("MiB", False, "allocator's peak on the accelerator in training"),
    "memory/device_inference_peak_mib": Metric("MiB", False, "allocator's peak on the accelerator in inference"),
    "cost/parameters": Metric("", False, "trainable parameters of the built model"),
    "cost/encoder_parameters": Metric("", False, "those between the input layer and the head"),
    "cost/forward_flops": Metric("", False, "matrix-product operations for one sequence, a multiply-add counted as 2"),
    "profile/forward_time_exponent": Metric("", False, "p of time = c * length**p, forward pass, longer lengths"),
    "profile/training_time_exponent": Metric("", False, "the same of forward, loss and backward together"),
    "profile/forward_memory_exponent": Metric("", False, "p of peak memory = c * length**p, forward pass"),
    "profile/training_memory_exponent": Metric("", False, "the same of forward, loss and backward together"),
}


def definition(name: str) -> Metric:
    """The definition of a metric; a variant such as ``test/accuracy_each_epoch`` has that of its stem.

    Raises:
        KeyError: where nothing by this name is defined.
    """
    return METRICS[re.sub(r"_each_epoch$", "", name)]


def now() -> str:
    """This moment, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole: to a neighbour first, on the disk, then renamed over the target."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "w", encoding="utf8") as file:
            json.dump(content, file, indent=1, ensure_ascii=False, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write(record: Record) -> None:
    """Write a record into its run's folder."""
    write_json(Path(record["run_dir"]) / RECORD, record)


def load(file: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(file.read_text(encoding="utf8"))


def read(run_dir: Path) -> Record | None:
    """The record in a run's folder, or None where there is none."""
    try:
        return load(run_dir / RECORD)
    except FileNotFoundError:
        return None


def read_all(folder: Path) -> Iterator[Record]:
    """Every record below a folder, oldest first."""
    found = [record for path in folder.rglob(RECORD) if (record := read(path.parent))]
    yield from sorted(found, key=lambda record: record["started"])


def run_folder(output_dir: Path, name: str, label: str, fingerprint: str) -> Path:
    """The folder that belongs to a fingerprint: readable in front, unmistakable behind.

    One that was begun under another label, such as in a sweep, is gone on with.
    """
    safe_name, safe_label = (re.sub(r"[^\w.=,-]+", "-", text).strip("-.") for text in (name, label))
    runs = output_dir / "runs" / safe_name
    new = runs / f"{safe_label[:LONGEST_LABEL]}-{fingerprint[:12]}"
    return new if new.is_dir() else next(iter(sorted(runs.glob(f"*-{fingerprint[:12]}"))), new)


def told(record: Record) -> str:
    """What names a cell whatever the code: the encoder and all that its command set."""
    if "told" in record:
        return "/".join([record["choices"]["encoder"], *record["told"]])
    return "/".join(part for part in record["label"].split("/") if not part.startswith("seed="))


def find(output_dir: Path, fingerprint: str, name: str) -> Record | None:
    """The record of a fingerprint below an output folder, of the experiment ``name`` rather than another; or None."""
    folders = sorted((output_dir / "runs").glob(f"*/*-{fingerprint[:12]}"))
    found = [record for folder in folders if (record := read(folder)) and record["fingerprint"] == fingerprint]
    found.sort(key=lambda record: (record["status"] != "finished", record["name"] != name))
    return next(iter(found), None)


def copy(record: Record, folder: Path, **asked: Any) -> Record:
    """A finished run's folder once more, for whom ``asked`` for the same under another name; its record."""
    shutil.copytree(record["run_dir"], folder, ignore=shutil.ignore_patterns(RECORD), dirs_exist_ok=True)
    copied = {**record, **asked, "run_dir": str(folder), "copied_from": record["run_dir"], "mlflow_run_id": None}
    write(copied)
    return copied


def remove_empty(folder: Path) -> None:
    """Remove a run's folder, and that of its experiment, where nothing is in them."""
    for path in (folder, folder.parent, folder.parent.parent):
        try:
            path.rmdir()
        except OSError:
            return


def utc(seconds: float) -> str:
    """A time in UNIX seconds as UTC, ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
