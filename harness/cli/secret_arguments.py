"""Keeps secrets of a command out of all that Hydra prints, writes down and hands to launchers."""

import os

from harness.records.secrets import masked

KEY, VARIABLE = "tracking.uri", "MLFLOW_TRACKING_URI"


def into_environment(arguments: list[str]) -> list[str]:
    """The arguments without an address that holds a secret, which goes where secrets belong: into the environment.

    ``MLFLOW_TRACKING_URI`` means the same as ``tracking.uri``, and processes of launchers inherit it.
    """
    kept = []
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name.lstrip("+") == KEY and masked(value) != value:
            os.environ[VARIABLE] = value.strip("\"'")
        else:
            kept.append(argument)
    return kept
