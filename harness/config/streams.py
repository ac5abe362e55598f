"""Standard input and outputs that can be used whatever the terminal is, and that a run outlives.

This module imports little, since a process prepares its streams before anything else.
"""

import codecs
import errno
import io
import os
import sys
from typing import Any

SPELLED = {"±": "+-", "≤": "<=", "↑": "^", "…": "...", "–": "-", "·": "-"}
"""Characters of the harness's own texts, for terminals that have none of them."""
UNREAD = (errno.EPIPE, errno.EIO)
"""Errors of an output that nobody reads any more: the end of a pipe, and a terminal that is gone."""


def prepare() -> None:
    """Open the streams that are closed, and let no character that an output does not have end this process."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:  # otherwise the next pipe would get its number
            _to_nowhere(number)
            setattr(sys, name, open(number, mode, encoding="utf8", closefd=False))  # noqa: SIM115 (it stays open)
    codecs.register_error("spelled", _spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="spelled")


def outlive_readers() -> None:
    """From now on, drop what is printed to an output that nobody reads any more: a run is worth more than its lines."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        before = getattr(sys, name)
        if before is getattr(sys, f"__{name}__") and isinstance(before, io.TextIOWrapper):
            setattr(sys, name, _outliving(number, before))


class _Outliving(io.FileIO):
    """An output that goes nowhere once nobody reads it."""

    def write(self, data: Any) -> int | None:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in UNREAD:
                raise
            _to_nowhere(self.fileno())
            return memoryview(data).nbytes


def _outliving(number: int, before: io.TextIOWrapper) -> io.TextIOWrapper:
    before.flush()
    raw = _Outliving(number, "w", closefd=False)
    buffer: Any = raw if before.write_through else io.BufferedWriter(raw)  # as Python itself, with PYTHONUNBUFFERED=1
    return io.TextIOWrapper(
        buffer, before.encoding, before.errors, line_buffering=before.line_buffering,
        write_through=before.write_through,
    )  # fmt: skip


def _to_nowhere(number: int) -> None:
    """Let a descriptor read and write nothing."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)
    os.set_inheritable(number, True)


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """Another spelling of characters that cannot be printed, or a question mark for each."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(SPELLED.get(one, "?") for one in error.object[error.start : error.end]), error.end
