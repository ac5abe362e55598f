"""The command line: subcommands, exit codes, and what the user probably meant."""

import os

os.environ["MPLBACKEND"] = "agg"  # pictures only go into files; a notebook names a module that may not be there
