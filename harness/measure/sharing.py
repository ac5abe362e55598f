"""What slots still share, above all the memory's bandwidth: the same work in one slot, alone and beside all others.

Two kinds of work are timed. ``step`` is a small training step in numpy: rows of a table are looked up, pass two dense
layers forward and backward, and an optimizer updates all values. ``copy`` only copies memory, which no step exceeds in
its use of the bandwidth. ``python -m harness.measure.sharing`` is the process of one slot.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median

from harness.measure import processors
from harness.measure.environment import BUSY, OtherProcesses
from harness.measure.slots import Place

WORK = ("step", "copy")
ROUNDS, SECONDS, LONGER = 3, 0.25, 0.15
"""The work is timed so often, for so long, alone and beside others, who begin before and end so much later."""


def measure(places: Sequence[Place]) -> tuple[dict[str, float], bool]:
    """How many times as long the first slot takes for each kind of work while all work, as alone; takes seconds.

    Returns also whether the machine was quiet otherwise.
    """
    others = OtherProcesses()
    started = [_start(place) for place in places]
    try:
        for process in started:
            _rate(process)  # it is ready
        found = {work: _slowdown(started, work) for work in WORK}
    finally:
        for process in started:
            process.kill()
            process.communicate()
    return found, others.share() <= BUSY


def _start(place: Place) -> "subprocess.Popen[str]":
    count = str(len(place.processors))
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), count)
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    with processors.pinned(place.processors):
        return subprocess.Popen(
            [sys.executable, "-m", "harness.measure.sharing"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True,  # Ctrl-C is for the command, which ends it
            env={**os.environ, **threads, "PYTHONPATH": path},
        )  # fmt: skip


def _slowdown(started: "Sequence[subprocess.Popen[str]]", work: str) -> float:
    first, others = started[0], started[1:]
    alone, beside = [], []
    for _ in range(ROUNDS):  # in turn, so that a drift of the machine changes both
        _ask(first, work, SECONDS)
        alone.append(_rate(first))
        for other in others:
            _ask(other, work, SECONDS + 2 * LONGER)
        time.sleep(LONGER)
        _ask(first, work, SECONDS)
        beside.append(_rate(first))
        for other in others:
            _rate(other)
    return median(alone) / median(beside)


def _ask(process: "subprocess.Popen[str]", work: str, seconds: float) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{work} {seconds}\n")
    process.stdin.flush()


def _rate(process: "subprocess.Popen[str]") -> float:
    """The next answer of a process: times a second.

    Raises:
        ValueError: it has ended, for want of memory perhaps.
    """
    assert process.stdout is not None
    return float(process.stdout.readline())


def serve() -> None:
    """Do the work that standard input asks for, and say on standard output how many times a second."""
    works = {"step": _step(), "copy": _copy()}
    for work in works.values():
        work()
    print(0.0, flush=True)
    for line in sys.stdin:
        name, seconds = line.split()
        began, times = time.perf_counter(), 0
        while (passed := time.perf_counter() - began) < float(seconds):
            works[name]()
            times += 1
        print(times / passed, flush=True)


def _copy() -> Callable[[], None]:
    """Copies 8 MiB of an array that no cache holds, further on each time."""
    import numpy as np

    pieces = np.ones((2, 6, 2**21), np.float32)
    state = [0]

    def copy() -> None:
        state[0] = (state[0] + 1) % len(pieces[0])
        np.copyto(pieces[1, state[0]], pieces[0, state[0]])

    return copy


def _step() -> Callable[[], None]:
    """A training step on 2048 tokens of width 128, of a vocabulary of 10,000."""
    import numpy as np

    rng = np.random.default_rng(0)
    table, moments = (rng.standard_normal((10_000, 128)).astype(np.float32) for _ in range(2))
    inner, outer = (rng.standard_normal((128, 128)).astype(np.float32) / 16 for _ in range(2))
    ids = rng.integers(len(table), size=2048)

    def step() -> None:
        x = table[ids]
        hidden = np.maximum(x @ inner, 0.0)
        error = hidden @ outer - x
        back = (error @ outer.T) * (hidden > 0)
        gradient = np.zeros_like(table)
        gradient[ids] = back @ inner.T
        for values, change in ((inner, x.T @ back), (outer, hidden.T @ error)):
            values -= 1e-9 * change
        moments[:] = 0.9 * moments + 0.1 * gradient
        table[:] -= 1e-9 * moments

    return step


if __name__ == "__main__":
    serve()
