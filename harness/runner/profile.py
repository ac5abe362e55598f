"""Time and memory against length: ``profile`` walks over the points, each measured in a fresh process.

Nothing is trained and no data set is read: a point is a length and a batch size of random tokens.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from harness import measure, tracking
from harness.config import hardware as machine
from harness.config import schema as configs
from harness.errors import UserError
from harness.records import store
from harness.records.record import Record, now
from harness.report import profiles as profile_report
from harness.runner import fingerprint
from harness.runner import worker as isolate
from harness.runner.lifecycle import close, finished_before, new_record
from harness.runner.profile_point import Point
from harness.runner.run import Job


def profile(
    config: configs.Config, label: str, started: float, told: Sequence[str] = (), search: str | None = None
) -> Record:
    """Measure every point in a fresh process, unless the same was measured before; return the record.

    ``label`` is the run's readable name; ``started`` the time (UNIX seconds) at which the command started; ``told`` all
    that the command set; ``search`` the direction in which a sweeper searches by what runs return.

    Raises:
        UserError: the user has to change something; nothing was measured and nothing is left behind.
    """
    configs.check(config)
    if search:
        raise UserError("mode=profile has no score to search by; leave hydra/sweeper out: all combinations are measured")
    output_dir = Path(config["output_dir"]).absolute()
    server = isolate.server_of_backend(config["backend"]["name"])
    hardware = machine.hardware(config)
    identity, cell = fingerprint.of(config, hardware, None)
    folder = store.run_folder(output_dir, config["name"], label, identity)
    if finished := finished_before(config, label, told, identity, folder):
        return finished

    record = new_record(config, label, started, folder, hardware, told)
    record.update(fingerprint=identity, cell=cell, data=_summary(config["profile"]), profile=[])
    record.choices = {**config["choices"], "data": record.data.source}
    record.metrics = _build(server, config, hardware)
    if config["rerun"]:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    tracker = tracking.open_tracker(config["tracking"], output_dir)
    record.mlflow_run_id = tracker.start(record)
    try:
        for point in _points(server, config, hardware, folder):
            record.profile.append(point)
            tracker.epoch(tracking.of_point(point, config["profile"]["batch_sizes"]))
    except KeyboardInterrupt:
        close(record, tracker, "killed", "interrupted by Ctrl-C")
        raise KeyboardInterrupt(f"{label}: {len(record['profile'])} points were measured") from None
    _conclude(record, tracker, started)
    return record


def _summary(settings: dict[str, Any]) -> dict[str, Any]:
    """What the record says about the data: there is none, but tables and tracker ask."""
    size = settings["vocabulary_size"]
    shape = {"task": "classification", "sizes": {}, "classes": ["0", "1"], "vocabulary_size": size}
    return {"source": "random_tokens", "hash": f"random_tokens_{size}", **shape, "max_length": max(settings["lengths"])}


def _build(server: isolate.Server, config: configs.Config, hardware: Job) -> dict[str, float]:
    """What the model costs whatever the length. Its process also waits for the server, so that no point has to.

    Raises:
        UserError: the model cannot be built from its settings.
    """
    found: Job = {}
    server.run("harness.runner.profile_point:build_once", {"config": config, "hardware": hardware}, found.update)
    if "mistake" in found:
        raise UserError(found["mistake"])
    return found.get("metrics", {})  # a process that crashed has none, and the points will say why


def _points(server: isolate.Server, config: configs.Config, hardware: Job, folder: Path) -> Iterator[Point]:
    """Measure the points one after the other, each in a process of its own; ``run_timeout`` ends the whole."""
    settings = config["profile"]
    deadline = time.monotonic() + (config["run_timeout"] or float("inf"))
    for size, length in product(settings["batch_sizes"], settings["lengths"]):
        point: Point = {"length": length, "batch_size": size, "status": "finished", "reason": None}
        job = {"config": config, "hardware": hardware, "length": length, "batch_size": size, "folder": str(folder)}
        seconds = min(settings["point_seconds"], deadline - time.monotonic())
        if seconds <= 0:
            yield {**point, "status": "timed_out", "reason": "the run's time (run_timeout) was up before this point"}
            continue
        end = server.run("harness.runner.profile_point:measure_point", job, point.update, seconds)
        if end.timed_out:
            which = "profile.point_seconds" if seconds == settings["point_seconds"] else "run_timeout"
            point.update(status="timed_out", reason=f"took longer than {which} allows ({seconds:.0f} s)")
        elif end.reason and point["status"] == "finished":
            point.update(status="out_of_memory" if end.out_of_memory else "failed", reason=end.reason)
        yield point


def _conclude(record: Record, tracker: tracking.Tracker, started: float) -> None:
    """Fit, draw and write. A point out of memory or time is a finding; one that crashed, or none at all, a failure."""
    points = record.profile
    record.metrics |= {**exponents(points), "speed/total_seconds": time.time() - started}
    shares = [point["other_processes_cpu_share"] for point in points if "other_processes_cpu_share" in point]
    if shares:
        record.environment.other_processes_cpu_share = max(shares)
    profile_report.picture([record], Path(record.run_dir) / "profile.png")
    crashed = [point for point in points if point["status"] == "failed"]
    if crashed or not any("forward_ms" in point for point in points):
        first = (crashed or points)[0]
        where = f"length {first['length']}, batch size {first['batch_size']}"
        return close(record, tracker, "failed", f"{where}: {first['reason']}")
    record.update(status="finished", ended=now())
    store.write(record)
    tracker.finish(record)


def exponents(points: list[Point]) -> dict[str, float]:
    """The ``profile/`` metrics: how time and peak memory of either pass grow with length, over all batch sizes."""
    found = {}
    for phase, (cost, field) in product(("forward", "training"), (("time", "ms"), ("memory", "peak_mib"))):
        name = f"{phase}_{field}"
        curves: dict[int, list[tuple[float, float]]] = {}
        for point in points:
            if name in point:
                curves.setdefault(point["batch_size"], []).append((point["length"], point[name]))
        found[f"profile/{phase}_{cost}_exponent"] = measure.exponent(curves.values())
    return {name: value for name, value in found.items() if value is not None}
