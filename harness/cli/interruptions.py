"""The signals that end a command as Ctrl-C does: its run writes its record, and the same command resumes."""

import signal
from types import FrameType


def listen() -> None:
    """From now on, SIGTERM raises KeyboardInterrupt, and so does the end of the terminal (SIGHUP, unless ignored)."""
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup lets it be
        signal.signal(signal.SIGHUP, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if number == signal.SIGHUP:  # the system and the shell both send it: the second must not disturb the end
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    raise KeyboardInterrupt
