"""The parts of a record that MLflow gets: tags, metrics by step, the files of the run's folder."""

import platform
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.records import store
from harness.records.record import Point, Record
from harness.tracking.store import this_process

NOT_UPLOADED = (store.WEIGHTS, "last.", "set-aside-", ".")
"""Prefixes of the names of files that MLflow does not get: checkpoints, and files that are being written."""


def tags_of(record: Record) -> dict[str, str]:
    """The tags by which a run can be found."""
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
        **({"trial": str(record.config["tune"]["trial"])} if record.is_trial else {}),
    }


POINT_NUMBERS = ("_ms", "_ms_p95", "_peak_mib", "tokens_per_second_forward", "tokens_per_second_training", "flops")
"""Suffixes of the names of a profile point's numbers that MLflow gets."""


def steps(record: Record) -> list[dict[str, float]]:
    """The numbers of every epoch, or of every point of a profile."""
    if record.mode != "profile":
        return record.history
    return [of_point(point, record.config["profile"]["batch_sizes"]) for point in record.profile]


def of_point(point: Point, batch_sizes: list[int]) -> dict[str, float]:
    """A point's numbers, with its length as the step; their names end with the batch size if there are several."""
    suffix = f"_batch_{point.batch_size}" if len(batch_sizes) > 1 else ""
    sent = {name: value for name, value in point.numbers.items() if name.endswith(POINT_NUMBERS)}
    return {"epoch": point.length, **{f"profile/{name}{suffix}": value for name, value in sent.items()}}


def numbers_of(step: dict[str, float]) -> Iterable[tuple[str, float]]:
    """The metrics of an epoch or a point: all its numbers but ``epoch``, which is MLflow's step."""
    return ((name, value) for name, value in step.items() if name != "epoch")


def files_of(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """The files of a run's folder, each with its folder among the artifacts (None: the top).

    Without the weights and the other files that its model is restored from, which MLflow gets with the model, and
    without what was exported from the run.
    """
    from harness.backends.trained import restored_files  # here: it loads pandas, which MLflow has loaded by now

    of_model = restored_files(folder)
    for file in sorted(folder.rglob("*")):
        parts = file.parent.relative_to(folder).parts
        if parts[:1] == ("export",) or file in of_model:
            continue
        if file.is_file() and not file.name.startswith(NOT_UPLOADED):
            # the folder `artifacts` of a run is the top of MLflow's artifacts
            yield file, "/".join(parts[1:] if parts[:1] == ("artifacts",) else parts) or None
