"""Which sequence encoder, for my data, on my hardware, and at what cost?"""

from pathlib import Path

__version__ = "0.1.0"

# `python -m harness.ui` and `python -m harness.selfcheck` keep working: Python finds their modules in this folder
__path__.append(str(Path(__file__).parent / "cli" / "old_forms"))
