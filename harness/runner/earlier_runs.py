"""What earlier or other commands left of a run: then it is not run again."""

import dataclasses
import shlex
from datetime import datetime
from typing import Any

from harness.analysis import targets
from harness.notices import notify
from harness.records import copies, store
from harness.records.record import Record
from harness.runner import artifacts, job_outcomes
from harness.runner.lifecycle import Request


def finished_before(request: Request, record: Record) -> Record | None:
    """The finished run of this record's fingerprint, which is not run again; MLflow gets what it lacks of it.

    A run of another experiment is copied, so that it is found under the name that was asked for. What is returned has
    the seconds to the target that was asked for, which the run's own record may lack, and the trial that it is here:
    a run of an earlier search is no trial in a sweep over all combinations, which compares all its runs. The run's own
    record says that its experiment asked for it so.
    """
    config = request.config
    left_out: list[str] = []
    existing = store.find(request.output_dir, record.fingerprint, config.name, left_out)
    for sentence in left_out:
        notify(f"left out: {sentence}")
    if config.rerun or not existing or existing.status != "finished":
        return None
    is_asked_again = existing.name == config.name and existing.search_trial is not None and config.trial is None
    if is_asked_again and not existing.asked_again:
        existing.asked_again = True
        store.write(existing)
    placed = targets.at(existing, config.measure.target)
    can_be_served = config.mode == "train" and config.tune.trial is None
    if config.measure.serve and can_be_served and not (existing.folder / store.SERVING).exists():
        notify(
            f"{existing.label}: finished before, without measure.serve; python -m harness export "
            f"{shlex.quote(str(existing.folder))} --format onnx --measure measures what it costs to serve"
        )
    if existing.name != config.name:
        asked: dict[str, Any] = {"config": record.config, "choices": record.choices, "sweep": record.sweep}
        asked |= {"overrides": record.overrides, "name": record.name, "label": record.label, "asked_again": False}
        existing = placed = copies.copy(placed, request.output_dir, record.folder, **asked)
        artifacts.make(existing)  # config.yaml is that of the command
    request.open_tracker().sync(existing)
    if placed.search_trial != config.trial:
        placed = dataclasses.replace(placed, config={**placed.config, "trial": config.trial})
    return dataclasses.replace(placed, skipped=True, asked=request.label)


def ended_elsewhere(request: Request, record: Record) -> Record | None:
    """The record of this run that ended in another command of the same sweep, since this command began.

    It had its turn: commands that share a sweep try a run that fails once, and run it once with ``rerun=true``.
    """
    config = request.config
    existing = store.read_usable(record.folder) if config.sweep else None
    if existing is None or existing.sweep != config.sweep or existing.status == "killed" or not existing.ended:
        return None
    if datetime.fromisoformat(existing.ended).timestamp() < job_outcomes.began(config):
        return None
    return dataclasses.replace(existing, skipped=existing.status == "finished", asked=request.label)
