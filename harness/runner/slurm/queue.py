"""What Slurm says of jobs: which are over, and how they ended."""

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

OVER = {
    "BOOT_FAIL": "its node did not start",
    "CANCELLED": "it was cancelled",
    "COMPLETED": "it ended without a result",
    "DEADLINE": "it was over its deadline",
    "FAILED": "it failed",
    "NODE_FAIL": "its node failed",
    "OUT_OF_MEMORY": "it needed more memory than it had asked for (hydra.launcher.mem_gb)",
    "PREEMPTED": "it had to give way to another job",
    "REVOKED": "another cluster took it",
    "TIMEOUT": "it reached its time limit (hydra.launcher.timeout_min)",
}
"""The states of a job that is over, in words; every other state may still lead to a result."""
HELD = ("REQUEUE_HOLD", "SPECIAL_EXIT")
"""The states of a job that was to begin again and that Slurm holds in the queue until somebody releases it."""
HELD_FOR = ("job requeued in held state", "launch failed requeued held", "JobHoldMaxRequeue")
"""The reasons for which such a job is pending, which is its state later."""
GONE = "GONE"
"""Of a job that Slurm does not list: it forgets jobs some minutes after their end."""
LOOKS_EVERY = 1.0
"""Seconds between two looks for results."""
ASKS_FIRST, ASKS_LATER = 2.0, 20.0
"""Seconds between two questions to Slurm: the controller of a large cluster should not be asked often."""

RESULT_WITHIN = 15.0
"""Seconds within which a shared file system shows the result of a job that is completed."""
ENDS_WITHIN = 45.0
"""Seconds within which a cancelled job has ended: Slurm lets it write its record for half a minute (KillWait)."""


@dataclass(frozen=True)
class State:
    """What Slurm says of a job: its state, the reason for it, and its nodes."""

    state: str
    reason: str = ""
    nodes: str = ""

    @property
    def over(self) -> bool:
        return self.state in OVER or self.state == GONE or self.held

    @property
    def held(self) -> bool:
        """Whether the job was to begin again, and stays in the queue instead."""
        return self.state in HELD or (self.state == "PENDING" and self.reason in HELD_FOR)

    def __str__(self) -> str:
        said = OVER.get(self.state, "it left the queue without a result")
        said = "Slurm put it back into the queue and holds it there" if self.held else said
        details = ", ".join(part for part in (self.nodes, self.reason) if part not in ("", "None", "(null)", "n/a"))
        return f"{said} ({details})" if details else said


def states() -> dict[str, State] | None:
    """What Slurm says of each of this user's jobs; None where it does not answer."""
    command = ["squeue", "--noheader", "--array", "--states=all", f"--user={os.getuid()}", "--format=%i|%T|%r|%N"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    rows = [line.strip().split("|") for line in said.splitlines()]
    return {row[0]: State(*row[1:]) for row in rows if len(row) == 4}


def wait(jobs: Sequence[Any]) -> dict[str, State]:
    """Wait until each of submitit's jobs has left its result or is over; returns the states of those that left none.

    A job is over if Slurm says so twice in a row: one that goes back into the queue seems over for a moment, and a
    shared file system may show a result late.
    """
    ended: dict[str, State] = {}
    suspects: dict[str, tuple[State, float]] = {}
    began = asked = time.monotonic()
    while waiting := [job.job_id for job in jobs if job.job_id not in ended and not has_result(job)]:
        now = time.monotonic()
        if now - asked >= min(ASKS_LATER, max(ASKS_FIRST, (now - began) / 30)):
            asked = now
            if (listed := states()) is not None:
                over = {one: state for one in waiting if (state := listed.get(one, State(GONE))).over}
                # with the state that was seen first: Slurm forgets jobs
                suspects = {one: suspects.get(one, (state, now)) for one, state in over.items()}
                ended |= {
                    one: state for one, (state, since) in suspects.items()
                    if now - since >= (RESULT_WITHIN if state.state == "COMPLETED" else ASKS_FIRST)
                }  # fmt: skip
        time.sleep(LOOKS_EVERY)
    return ended


def has_result(job: Any) -> bool:
    """Whether a job of submitit has left its result."""
    file = job.paths.result_pickle
    with suppress(OSError):  # a network file system then asks its server anew for what is in the folder
        file.parent.chmod(file.parent.stat().st_mode)
    return bool(file.exists())


def cancel(jobs: Sequence[Any]) -> None:
    """End the jobs that are not over, and wait until they have ended: those that ran write their records."""
    numbers = sorted({job.job_id for job in jobs if not has_result(job)})
    if not numbers:
        return
    subprocess.run(["scancel", *numbers], capture_output=True, check=False)
    deadline = time.monotonic() + ENDS_WITHIN
    while time.monotonic() < deadline:
        listed = states()
        if listed is not None and all(listed.get(one, State(GONE)).over for one in numbers):
            return
        time.sleep(LOOKS_EVERY)
