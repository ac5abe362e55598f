"""What goes through the pipes between a command and its fork server: one message a line, as base64 of its pickle.

Both ends are processes of one command on one machine: nothing from outside is ever unpickled.
"""

import base64
import os
import pickle
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ForkRequest:
    """Run ``module:function(job, tell)`` in fresh processes, with this folder, path, environment and processors.

    Environment and processors are those of the request: a launcher may have changed them since the server began.
    """

    function: str
    job: Any
    processes: int
    meets_elsewhere: bool
    folder: str
    path: list[str]
    environment: dict[str, str]
    processors: list[int]


@dataclass(frozen=True)
class Started:
    """The first process of a request runs under this number."""

    pid: int


@dataclass(frozen=True)
class Ready:
    """A process waits: it goes on when the parent has done what it does meanwhile, and answers with an empty line."""


@dataclass(frozen=True)
class Ended:
    """All processes of a request have ended: the exit code of the first that failed, 0 if none did."""

    code: int


@dataclass(frozen=True)
class Unusable:
    """The server cannot run anything, because a library cannot be loaded: the sentence for the user."""

    sentence: str


def write(descriptor: int, message: Any) -> None:
    """Write a message into a pipe, after an empty line that ends what a killed writer left unfinished."""
    rest = b"\n" + base64.b64encode(pickle.dumps(message)) + b"\n"
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def read(line: bytes) -> Any:
    """The message of a line that is not empty.

    Raises:
        ValueError, EOFError, pickle.UnpicklingError: the line is torn: its writer was killed.
    """
    return pickle.loads(base64.b64decode(line.strip(), validate=True))


TORN = (ValueError, EOFError, pickle.UnpicklingError)
"""What ``read`` raises for a line whose writer was killed."""
