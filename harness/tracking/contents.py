"""What MLflow gets of a record: tags, flat parameters, numbers by step, files."""

import json
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from harness.records.record import Record
from harness.records.store import RECORD, write_json
from harness.report import plots as pictures
from harness.tracking.store import this_process


def tags_of(record: Record) -> dict[str, str]:
    """What a run can be found by."""
    return {
        **record.choices,
        "seed": str(record.seed),
        "fingerprint": record.fingerprint,
        "cell": record.variant,
        "run_dir": record.run_dir,
        "host": platform.node(),
        "process": this_process(),
        "kind": "run",
        **({"sweep": record.sweep} if record.sweep else {}),
    }


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys to values; a list is a value."""
    if not isinstance(value, dict):
        yield prefix, value
        return
    for key, inner in value.items():
        yield from flatten(inner, f"{prefix}.{key}" if prefix else str(key))


OF_A_POINT = ("_ms", "_ms_p95", "_peak_mib", "tokens_per_second_forward", "tokens_per_second_training", "flops")
"""What of a profile's point MLflow gets, by how its name ends."""


def steps(record: Record) -> list[dict[str, float]]:
    """The numbers of every epoch, or of a profile every point."""
    if record.mode != "profile":
        return record.history
    return [of_point(point, record.config["profile"]["batch_sizes"]) for point in record.profile]


def of_point(point: dict[str, Any], batch_sizes: list[int]) -> dict[str, float]:
    """A point's numbers, whose step is the length; the batch size is named where there are several."""
    suffix = f"_batch_{point['batch_size']}" if len(batch_sizes) > 1 else ""
    numbers = {f"profile/{name}{suffix}": value for name, value in point.items() if name.endswith(OF_A_POINT)}
    return {"epoch": point["length"], **numbers}


def artifacts(record: Record) -> list[Path]:
    """The files of a run that MLflow gets: made here from the record, in the run's folder."""
    folder = Path(record.run_dir)
    (folder / "config.yaml").write_text(yaml.safe_dump(record.config, sort_keys=False, allow_unicode=True))
    write_json(folder / "environment.json", record.environment)
    files = [folder / name for name in (RECORD, "config.yaml", "environment.json", "error.txt", "profile.png")]
    if record.history:
        files.append(pictures.learning_curves(record.history, folder / "learning_curves.png"))
    confusion = folder / "confusion.json"
    if confusion.exists():
        counts = json.loads(confusion.read_text())
        files += [confusion, pictures.confusion(counts, record.data.classes, folder / "confusion.png")]
    return [file for file in files if file.exists()]
