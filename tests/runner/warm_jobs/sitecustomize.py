"""Python runs this at its start where this folder is in its path: a job of submitit is forked from a warm server.

The server is ``commands.warm_jobs``. This process stays in the job's place: it passes signals on, and ends as the job
ends; the job is killed where this process is killed. The last job of an array starts as it does without all this.
"""

import array
import json
import os
import signal
import socket
import sys
import traceback
from contextlib import suppress

PROGRAM, SERVER = "submitit.core._submit", "HARNESS_TEST_JOBS"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def run(server: str, arguments: list[str]) -> int:
    """The exit code of a job that the server at this socket forks."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(server)
        job = {
            "program": PROGRAM, "arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ),
            "session": True,
        }  # fmt: skip
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))
        connection.sendmsg([json.dumps(job).encode()], [rights])
        answers = connection.makefile("r")
        pid, _ = json.loads(answers.readline())

        def pass_on(number: int, _: object) -> None:
            with suppress(ProcessLookupError):
                os.killpg(pid, number)

        for number in SIGNALS:
            signal.signal(number, pass_on)
        return int(json.loads(answers.readline())[1])


if SERVER in os.environ and PROGRAM in sys.orig_argv:
    place, last = (os.environ.get(f"SLURM_ARRAY_TASK_{name}") for name in ("ID", "MAX"))
    if place is None or place != last:
        try:
            code = run(os.environ[SERVER], sys.orig_argv[sys.orig_argv.index(PROGRAM) + 1 :])
        except Exception:  # Python would go on
            traceback.print_exc()
            code = 1
        os._exit(code if code >= 0 else 128 - code)
