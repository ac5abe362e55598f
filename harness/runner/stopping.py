"""A job that the scheduler of a cluster ends: the record says why, and the process ends in time."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from harness.records.record import Record


class Stopped(BaseException):
    """The scheduler ends this job; the text says why. ``record`` is that of the run that was under way.

    It is no ``Exception``: what it interrupts must not take it for a failure of its own and go on.
    """

    record: Record | None = None


class Requeued(Stopped):
    """The scheduler ends this job and begins it again later: what became of its run is not known yet."""


@contextmanager
def stopped_by(reasons: dict[int, Callable[[int, FrameType | None], str]]) -> Iterator[None]:
    """Let the first of these signals raise ``Stopped`` in the block, with the reason that its function returns.

    A function raises ``Requeued`` where the job runs again. Further signals change nothing: the record is being
    written. Outside the main thread, where Python takes no signals, the block runs as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            raise Stopped(reasons[number](number, frame))

    before = {number: signal.signal(number, stop) for number in reasons}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
