"""``python -m harness``: one run, or a sweep with ``-m``."""

from harness.cli import main

if __name__ == "__main__":
    main()
