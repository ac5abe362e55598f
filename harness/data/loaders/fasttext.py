"""Texts in fastText's form (Joulin et al. 2017): lines such as ``__label__good a fine film``."""

import re

from harness.data.loaders.archives import Source
from harness.data.loaders.raw_table import Choose, Columns

LABEL = re.compile(r"(?:^|(?<=[ \t]))__label__([^ \t]+)[ \t]*")


def is_fasttext(source: Source) -> bool:
    """Whether any line has a label; the others are texts without one."""
    with source.text() as opened:
        return any(LABEL.search(line.strip()) for line in opened)


def read_fasttext(source: Source, choose: Choose) -> Columns:
    """The columns ``text`` and ``label``, the list of the labels of each line, which may be empty.

    Blank lines are skipped. As in fastText, a label may stand anywhere.
    """
    with source.text() as opened:
        lines = [line.strip(" \t\r\n") for line in opened if not line.isspace()]
    labels = [LABEL.findall(line) for line in lines]
    table: Columns = {"text": [LABEL.sub("", line).rstrip(" \t") for line in lines], "label": labels}
    return {name: table[name] for name in choose(list(table))}
