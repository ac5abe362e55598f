"""Texts in fastText's form (Joulin et al. 2017): lines such as ``__label__good a fine film``."""

import re
from typing import Any

from harness.data.loaders.archives import Source
from harness.data.loaders.raw_table import Choose, Columns

LABEL = re.compile(r"(?:^|(?<=[ \t]))__label__([^ \t]+)[ \t]*")


def is_fasttext(source: Source) -> bool:
    """Whether the first line that is not blank has a label."""
    with source.text() as opened:
        return LABEL.search(next((line.strip() for line in opened if not line.isspace()), "")) is not None


def read_fasttext(source: Source, choose: Choose) -> Columns:
    """The columns ``text`` and ``label``: the class of each line, or a list of them for all if any line has several.

    A line without a label has the label None. Blank lines are skipped. As in fastText, a label may stand anywhere.
    """
    with source.text() as opened:
        lines = [line.strip(" \t\r\n") for line in opened if not line.isspace()]
    labels = [LABEL.findall(line) for line in lines]
    several = any(len(own) > 1 for own in labels)
    label: list[Any] = list(labels) if several else [own[0] if own else None for own in labels]
    table: Columns = {"text": [LABEL.sub("", line).rstrip(" \t") for line in lines], "label": label}
    return {name: table[name] for name in choose(list(table))}
