"""``python -m harness.report``: an older name of ``python -m harness report``."""

import sys

from harness.cli import subcommands

if __name__ == "__main__":
    sys.exit(subcommands.run(["report", *sys.argv[1:]]))
