"""``python -m harness``: one run, or a sweep with ``-m``."""

import sys
from importlib.util import find_spec

from harness.config.libraries import LIBRARY
from harness.runner import worker


def main() -> None:
    """Begin what takes longest, the backend's imports, and run the command line, which takes a while to load itself."""
    start_server(sys.argv[1:])
    from harness.cli.main import main as command_line

    command_line()


def start_server(arguments: list[str]) -> None:
    """Begin the backend's imports where it is clear that runs are wanted in this process.

    A flag may ask for help alone, another launcher runs elsewhere, and a subcommand trains nothing.
    """
    if any("=" not in argument for argument in arguments if argument not in ("-m", "--multirun")):
        return
    if any(argument.startswith(("-", "hydra")) for argument in arguments if argument not in ("-m", "--multirun")):
        return
    backend = next((argument[8:] for argument in arguments if argument.startswith("backend=")), "pytorch")
    if backend in LIBRARY and find_spec(LIBRARY[backend]):
        worker.server_of_backend(backend)


if __name__ == "__main__":
    main()
