"""How many other runs a machine had beside one: from a log in which a launcher notes when its jobs begin and end."""

import time
from collections.abc import Iterable
from pathlib import Path

from harness.measure import slots
from harness.records.slot import Slot


def log(file: Path, job: int, begins: bool) -> None:
    """Note that a job begins or ends now."""
    with file.open("a", encoding="utf8") as opened:
        opened.write(f"{time.time():.6f} {job} {'begins' if begins else 'ends'}\n")


def note(slot: Slot) -> None:
    """Put into the slot of this process how many neighbours its job has had until now.

    Where the log cannot be read, nothing is known.
    """
    known = slots.content() or {}
    try:
        lines = Path(known["log"]).read_text(encoding="utf8").splitlines()
        slot.neighbours_most, slot.neighbours_mean = count(lines, int(known["job"]), time.time())
    except (OSError, ValueError, KeyError):
        return


def count(lines: Iterable[str], job: int, until: float) -> tuple[int, float]:
    """The largest number of other jobs at a time while a job ran, and the mean over its time.

    Raises:
        ValueError: the log has another line, or no such job.
    """
    events = [(float(at), int(which), what == "begins") for at, which, what in (line.split() for line in lines)]
    began = max((at for at, which, begins in events if which == job and begins), default=None)
    if began is None:
        raise ValueError(f"the log has no job {job}")
    others, most, seconds, last = 0, 0, 0.0, began
    for at, which, begins in events:
        if which == job or at > until:
            continue
        if at > began:
            most = max(most, others)
            seconds += others * (at - last)
            last = at
        others += 1 if begins else -1
    most = max(most, others)
    seconds += others * (until - last)
    return most, seconds / (until - began) if until > began else float(others)
