"""The part of a sweep that runs in a job of Slurm, on one of its nodes."""

import os
import signal
import sys
import time
from types import FrameType
from typing import Any

import psutil
from hydra.core.utils import JobReturn
from hydra_plugins.hydra_submitit_launcher import submitit_launcher
from submitit import JobEnvironment

from harness.runner.stopping import Requeued, Stopped, stopped_by

CLOSE_TO_LIMIT = 30
"""Seconds before a job's time limit from which on SIGTERM is put down to the limit: Python starts after the job."""


class SlurmJob(submitit_launcher.SlurmLauncher):
    """What submitit sends to a node and calls there.

    Slurm sends SIGUSR2 some time before a job's time limit, and SIGTERM when it ends a job for any other reason. Either
    ends the run, with its record; then the process exits, and the command reads from Slurm what became of the job.
    """

    def __call__(self, *arguments: Any, **named: Any) -> JobReturn:
        before_limit = signal.Signals[f"SIG{JobEnvironment.USR_SIG}"]
        of_submitit = signal.getsignal(before_limit)

        def near_limit(number: int, frame: FrameType | None) -> str:
            """Let submitit put the job back into the queue if it may; returns why the run ends.

            Raises:
                Requeued: the job is in the queue again.
            """
            try:
                if callable(of_submitit):
                    of_submitit(number, frame)
            except SystemExit:
                raise Requeued(f"its Slurm job {name()} went back into the queue") from None
            except Exception:  # submitit's word for a job that may not go back
                pass
            return self._limit()

        try:
            with stopped_by({before_limit: near_limit, signal.SIGTERM: self._ended}):
                return super().__call__(*arguments, **named)
        except Stopped as stopped:
            sys.exit(str(stopped))

    def _ended(self, _number: int, _frame: FrameType | None) -> str:
        lasted = time.time() - psutil.Process().create_time()
        if lasted > self.params["timeout_min"] * 60 - CLOSE_TO_LIMIT:
            return self._limit()
        return f"ended by Slurm: SIGTERM to its job {name()}, which was cancelled, preempted, or lost its node"

    def _limit(self) -> str:
        minutes = self.params["timeout_min"]
        return f"time limit: its Slurm job {name()} may run {minutes} min (hydra.launcher.timeout_min)"


def name() -> str:
    """The number of this job, with its place in the job array."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ["SLURM_JOB_ID"]
