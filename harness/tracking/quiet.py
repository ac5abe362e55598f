"""Makes MLflow quiet: what it would print, send home, wait for, or take along without being asked."""

import logging
import os
import warnings
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
