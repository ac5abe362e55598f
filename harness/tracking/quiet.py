"""Makes MLflow quiet: what it would print, send home, wait for, or take along without being asked."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Defaults that the user's environment overrides: no telemetry, seconds, not minutes, for a dead server, and in a model
no project files of the working folder."""


class HalfLoadedError(RuntimeError):
    """The command was interrupted while MLflow was being loaded: what there is of it cannot be used."""


_loaded = _half_loaded = False


@contextmanager
def loading() -> Iterator[None]:
    """Load MLflow in the block, which an interruption may end; after that, it cannot be used in this process.

    Raises:
        HalfLoadedError: that has happened.
    """
    global _loaded, _half_loaded
    if _half_loaded:
        raise HalfLoadedError("the command was interrupted while MLflow was being loaded")
    try:
        yield
        _loaded = True
    except Exception:
        raise
    except BaseException:
        _half_loaded = not _loaded
        raise


def silence() -> None:
    """Set the defaults, load MLflow, and let it log errors alone."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import mlflow  # noqa: F401  # it sets the levels of its loggers when it is loaded

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


def pyfunc() -> Any:
    """The module ``mlflow.pyfunc``, which warns of its own type hints when it is loaded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc
    return mlflow.pyfunc
