"""What MLflow gets of a record: tags, flat parameters, numbers by step, the files of the run's folder."""

import platform
from collections.abc import Iterator
from pathlib import Path

from harness.records.record import Point, Record
from harness.records.settings import flatten as flatten
from harness.tracking.store import this_process

WEIGHTS = ("best.", "last.", ".")
"""How the names of files begin that stay where they are: weights, and what is being written."""


def tags_of(record: Record) -> dict[str, str]:
    """What a run can be found by."""
    return {
        **record.choices,
        "seed": str(record.seed),
        "fingerprint": record.fingerprint,
        "variant": record.variant,
        "run_dir": record.run_dir,
        "host": platform.node(),
        "process": this_process(),
        "kind": "run",
        **({"sweep": record.sweep} if record.sweep else {}),
    }


OF_A_POINT = ("_ms", "_ms_p95", "_peak_mib", "tokens_per_second_forward", "tokens_per_second_training", "flops")
"""What of a profile's point MLflow gets, by how its name ends."""


def steps(record: Record) -> list[dict[str, float]]:
    """The numbers of every epoch, or of a profile every point."""
    if record.mode != "profile":
        return record.history
    return [of_point(point, record.config["profile"]["batch_sizes"]) for point in record.profile]


def of_point(point: Point, batch_sizes: list[int]) -> dict[str, float]:
    """A point's numbers, whose step is the length; the batch size is named where there are several."""
    suffix = f"_batch_{point.batch_size}" if len(batch_sizes) > 1 else ""
    numbers = {f"profile/{name}{suffix}": value for name, value in point.numbers.items() if name.endswith(OF_A_POINT)}
    return {"epoch": point.length, **numbers}


def files_of(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """The files of a run's folder, and the folder among the artifacts that each goes to; the weights stay."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.name.startswith(WEIGHTS):
            place = file.parent.relative_to(folder).as_posix()
            yield file, None if place == "." else place
