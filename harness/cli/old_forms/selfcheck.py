"""``python -m harness.selfcheck``: the old form of ``python -m harness selfcheck``."""

import sys

from harness.cli import subcommands

if __name__ == "__main__":
    sys.exit(subcommands.run(["selfcheck", *sys.argv[1:]]))
