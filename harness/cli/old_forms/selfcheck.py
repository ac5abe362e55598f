"""``python -m harness.selfcheck``, as it was called before there were subcommands."""

import sys

from harness.cli.selfcheck import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
