"""What MLflow gets of a record: tags, flat parameters, files."""

import json
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from harness import pictures
from harness.records import RECORD, Record, write_json
from harness.tracking.store import this_process


def tags_of(record: Record) -> dict[str, str]:
    """What a run can be found by."""
    return {
        **record["choices"],
        "seed": str(record["seed"]),
        "fingerprint": record["fingerprint"],
        "cell": record["cell"],
        "run_dir": record["run_dir"],
        "host": platform.node(),
        "process": this_process(),
        "kind": "run",
    }


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys to values; a list is a value."""
    if not isinstance(value, dict):
        yield prefix, value
        return
    for key, inner in value.items():
        yield from flatten(inner, f"{prefix}.{key}" if prefix else str(key))


def artifacts(record: Record) -> list[Path]:
    """The files of a run that MLflow gets: made here from the record, in the run's folder."""
    folder = Path(record["run_dir"])
    (folder / "config.yaml").write_text(yaml.safe_dump(record["config"], sort_keys=False, allow_unicode=True))
    write_json(folder / "environment.json", record["environment"])
    files = [folder / name for name in (RECORD, "config.yaml", "environment.json", "error.txt", "profile.png")]
    if record["history"]:
        files.append(pictures.learning_curves(record["history"], folder / "learning_curves.png"))
    confusion = folder / "confusion.json"
    if confusion.exists():
        counts = json.loads(confusion.read_text())
        files += [confusion, pictures.confusion(counts, record["data"]["classes"], folder / "confusion.png")]
    return [file for file in files if file.exists()]
