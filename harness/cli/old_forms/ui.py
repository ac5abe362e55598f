"""``python -m harness.ui``: the old form of ``python -m harness ui``."""

import sys

from harness.cli.ui import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
