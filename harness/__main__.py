"""``python -m harness``: one run, or a sweep with ``-m``."""

import os
import sys
from importlib.util import find_spec

from harness.config import shadowing, streams
from harness.config.libraries import LIBRARY
from harness.config.shipped import overridden_by
from harness.errors import UserError
from harness.notices import notify

FLAGS = ("-m", "--multirun", "--all")
"""The flags with which a command trains."""


def main() -> None:
    """Start the backend's imports, which take longest, in another process; load and run the command line meanwhile."""
    streams.prepare()
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    shadowing.watch()
    try:
        start_server(sys.argv[1:])
        from harness.cli.main import main as command_line

        command_line()
    except UserError as error:  # an import that was refused
        notify(error)
        sys.exit(2)
    except KeyboardInterrupt:  # before anything was begun
        notify("interrupted")
        sys.exit(130)


def start_server(arguments: list[str]) -> None:
    """Start the backend's imports if the command certainly trains on this machine.

    A flag may only ask for help, another launcher runs elsewhere, and a subcommand starts its own runs.
    """
    overrides = [argument for argument in arguments if argument not in FLAGS]
    if any("=" not in argument or argument.startswith(("-", "hydra")) for argument in overrides):
        return
    chosen = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    first = chosen.get("encoder", "").split(",")[0]
    backend = chosen.get("backend") or overridden_by(first).get("backend", "pytorch")
    if backend in LIBRARY and find_spec(LIBRARY[backend]):
        from harness.runner import worker  # here: --help does without it

        worker.server_of_backend(backend)


if __name__ == "__main__":
    main()
