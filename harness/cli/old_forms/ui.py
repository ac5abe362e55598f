"""``python -m harness.ui``, as it was called before there were subcommands."""

import sys

from harness.cli.ui import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
