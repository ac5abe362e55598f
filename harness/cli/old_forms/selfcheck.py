"""``python -m harness.selfcheck``: the old form of ``python -m harness selfcheck``."""

import sys

from harness.cli.selfcheck import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
