"""The errors that end a command with a sentence instead of a traceback."""


class UserError(ValueError):
    """What the user must fix: shown as one sentence without a traceback; the command exits with code 2."""
