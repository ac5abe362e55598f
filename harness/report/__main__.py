"""``python -m harness.report``, as it was called before there were subcommands."""

import sys

from harness.cli.report import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
