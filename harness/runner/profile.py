"""Time and memory against length: ``profile`` goes over the points and measures each in a fresh process.

Nothing is trained and no data set is read: a point is a length and a batch size of random tokens.
"""

import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from harness import measure, tracking
from harness.config.hardware import check_machine
from harness.config.schema import Config, ProfileConfig
from harness.errors import UserError
from harness.records.record import DataSummary, Hardware, Point, Record
from harness.runner import devices, fingerprint, worker
from harness.runner.earlier_runs import ended_elsewhere, finished_before
from harness.runner.lifecycle import Live, Request, let_go, new_record
from harness.runner.messages import BuildJob, Built, Message, Outcome, PointJob, PointNumbers, Refused
from harness.runner.run_lock import RunLock
from harness.tracking import of_point


def profile(request: Request) -> Record:
    """Measure every point in a fresh process, unless the same was measured before; return the record.

    Raises:
        UserError: the user must change something; nothing was measured and nothing is left behind.
        Held: another process holds the run; it was left alone.
    """
    config = request.config
    check_machine(config)
    tracking.check_store(config.tracking.uri)
    if request.search:
        raise UserError("mode=profile has no score to search by: leave hydra/sweeper out, and all combinations are run")
    server = worker.server_of_backend(config.backend.name)
    hardware, usable = devices.of_run(server, config)
    identity, variant = fingerprint.of(config, hardware, None)
    record = new_record(request, hardware, summary_of(config.profile), identity, variant)
    used = devices.describe(record.environment, usable)
    record.choices["data"] = record.data.source
    let_go(identity)
    with RunLock(request.output_dir, identity, request.job) as lock:
        if ended := finished_before(request, record) or ended_elsewhere(request, record):
            return ended
        built = build_once(server, BuildJob(config, hardware))
        with Live(request, record, lock) as live:
            live.track()
            record.metrics |= built.metrics
            record.environment.kernels = built.kernels
            for point in points(server, config, hardware, record.folder, used):
                record.profile.append(point)
                live.tracker.epoch(of_point(point, config.profile.batch_sizes))
            live.outcome = conclusion(record)
    return record


def summary_of(settings: ProfileConfig) -> DataSummary:
    """A description of the random tokens, in the place of that of a data set."""
    size = settings.vocabulary_size
    return DataSummary(
        source="random_tokens",
        hash=f"random_tokens_{size}",
        task="classification",
        classes=["0", "1"],
        vocabulary_size=size,
        max_length=max(settings.lengths),
    )


def build_once(server: worker.Server, job: BuildJob) -> Built:
    """What is known of the model, whatever the length. It also waits until the server is up.

    Raises:
        UserError: the model cannot be built from its settings.
    """
    messages: list[Message] = []
    server.run("harness.runner.profile_point:build_once", job, messages.append)
    for message in messages:
        if isinstance(message, Refused):
            raise UserError(message.sentence)
        if isinstance(message, Built):
            return message
    return Built({})  # its process crashed; the points will report why


def points(
    server: worker.Server, config: Config, hardware: Hardware, folder: Path, used: list[dict[str, Any]]
) -> Iterator[Point]:
    """Measure the points one after the other, each in a process of its own; ``run_timeout`` ends the whole.

    ``used`` are the accelerators of the run.
    """
    settings = config.profile
    deadline = time.monotonic() + (config.run_timeout or float("inf"))
    for size, length in product(settings.batch_sizes, settings.lengths):
        point = Point(length, size)
        seconds = min(settings.point_seconds, deadline - time.monotonic())
        if seconds <= 0:
            point.status, point.reason = "timed_out", "the run's time (run_timeout) was up before this point"
            yield point
            continue

        def take(message: Message, point: Point = point) -> None:
            if isinstance(message, PointNumbers):
                point.numbers |= message.numbers
                point.status, point.reason = message.status or point.status, message.reason or point.reason

        job = PointJob(config, hardware, folder, length, size, used)
        end = server.run("harness.runner.profile_point:measure_point", job, take, seconds)
        if end.timed_out:
            which = "profile.point_seconds" if seconds == settings.point_seconds else "run_timeout"
            point.status, point.reason = "timed_out", f"took longer than {which} allows ({seconds:.0f} s)"
        elif end.reason and point.status == "finished":
            point.status, point.reason = "out_of_memory" if end.out_of_memory else "failed", end.reason
        yield point


def conclusion(record: Record) -> Outcome:
    """Fit the exponents, and say how the profile ended.

    A point out of memory or time is a result; one that crashed, or no point at all, is a failure.
    """
    record.metrics |= exponents(record.profile)
    for name in ("other_processes_cpu_share", "other_processes_device_share", "other_device_processes"):
        most = max((point.numbers[name] for point in record.profile if name in point.numbers), default=None)
        setattr(record.environment, name, most)
    crashed = [point for point in record.profile if point.status == "failed"]
    if crashed or not any("forward_ms" in point.numbers for point in record.profile):
        first = (crashed or record.profile)[0]
        where = f"length {first.length}, batch size {first.batch_size}"
        return Outcome("failed", f"{where}: {first.reason}")
    return Outcome("finished")


def exponents(measured: list[Point]) -> dict[str, float]:
    """The ``profile/`` metrics: how time and peak memory of either pass grow with length, over all batch sizes.

    Memory is the accelerator's where there is one.
    """
    found = {}
    for phase, cost in product(("forward", "training"), ("time", "memory")):
        name = f"{phase}_ms" if cost == "time" else measure.memory_number(measured, phase)
        curves: dict[int, list[tuple[float, float]]] = {}
        for point in measured:
            if name in point.numbers:
                curves.setdefault(point.batch_size, []).append((point.length, point.numbers[name]))
        found[f"profile/{phase}_{cost}_exponent"] = measure.exponent(curves.values())
    return {name: value for name, value in found.items() if value is not None}
