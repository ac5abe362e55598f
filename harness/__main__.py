"""``python -m harness``: one run, or a sweep with ``-m``."""

import sys
from importlib.util import find_spec

from harness.checks import LIBRARY
from harness.runner import worker as isolate


def main() -> None:
    """Begin what takes longest, the backend's imports, and run the command line, which takes a while to load itself."""
    start_server(sys.argv[1:])
    from harness.cli.main import main as cli

    cli.main()


def start_server(arguments: list[str]) -> None:
    """Begin the backend's imports where it is clear that runs are wanted in this process.

    A flag may ask for help alone, and another launcher runs elsewhere.
    """
    if any(argument.startswith(("-", "hydra")) for argument in arguments if argument not in ("-m", "--multirun")):
        return
    backend = next((argument[8:] for argument in arguments if argument.startswith("backend=")), "pytorch")
    if backend in LIBRARY and find_spec(LIBRARY[backend]):
        isolate.server_of_backend(backend)


if __name__ == "__main__":
    main()
