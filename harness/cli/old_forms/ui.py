"""``python -m harness.ui``: the old form of ``python -m harness ui``."""

import sys

from harness.cli import subcommands

if __name__ == "__main__":
    sys.exit(subcommands.run(["ui", *sys.argv[1:]]))
