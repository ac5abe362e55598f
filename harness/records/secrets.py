"""Hides the secrets in addresses: what is printed or kept has none."""

import re

HIDDEN = "***"
USER = re.compile(r"(://)(?!/)\S*@")
"""The user and password of an address, up to the last ``@``; a password may hold any character."""
PARAMETER = re.compile(r"([?&;][\w.-]*(?:token|password|passwd|pwd|secret|key|signature|sig)[\w.-]*=)[^&;\s'\"]+", re.I)
"""A parameter of an address whose name says that its value is a secret."""


def masked(text: str) -> str:
    """A text with ``***`` in place of every user, password and token of an address in it."""
    return PARAMETER.sub(rf"\1{HIDDEN}", USER.sub(rf"\1{HIDDEN}@", text))
