"""The record of a run: what it holds, what its numbers mean, where it is kept.

The package can be called: ``harness.records("outputs")`` is the table of all runs below a folder.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class _Callable(ModuleType):
    """A module that is a function too."""

    def __call__(self, folders: "str | Path | Iterable[str | Path]" = "outputs") -> "pd.DataFrame":
        """One row a run below these folders: see ``harness.records.table.table``."""
        from harness.records.table import table  # here: --help does without pandas

        return table(folders)


# the import system puts this package where `harness.records` is looked up, so no function can have that name; a module
# with a class of its own is Python's documented way (The Python Language Reference, 3.3.2.1)
sys.modules[__name__].__class__ = _Callable
