"""The command line: subcommands, exit codes, and what the user probably meant."""
