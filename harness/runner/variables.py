"""Environment variables of this process, set for a while."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager


def values_of(names: Iterable[str]) -> dict[str, str | None]:
    """The present value of each variable; None of one that is not set."""
    return {name: os.environ.get(name) for name in names}


def set_all(values: Mapping[str, str | None]) -> None:
    """Set variables; None removes one."""
    for name, value in values.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


@contextmanager
def environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """A block in which these variables are set; after it, they are as they were before."""
    before = values_of(values)
    set_all(values)
    try:
        yield
    finally:
        set_all(before)
