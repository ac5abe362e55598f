"""Files of tagged sentences with one word a line, as the shared tasks of CoNLL have them (Tjong Kim Sang 2003)."""

import re
from collections.abc import Iterable, Iterator

from harness.data.loaders.archives import Source
from harness.data.loaders.raw_table import MARK, Choose, Columns, FaultError

WORDS, TAGS = "words", "tags"
"""Names of the first and the last column."""
DOCUMENT_START = "-DOCSTART-"
COMMENT = re.compile(r"# ?[^\s=]+ = |# +[^\s=]+=[^\t]*$")
"""A comment with as many columns as words have; others that begin with # are words, such as ``#a=b``."""
BLANK = " \t\r\n"
"""What separates fields and sentences; other spaces, such as the no-break space, are characters of words."""


def read_conll(source: Source, choose: Choose, labelled: bool = True) -> Columns:
    """The columns of a file with one word a line: for each sentence, the list of its fields.

    Blank lines separate sentences; tabs, or else spaces, separate columns. Columns are named by their numbers from 1;
    the first is also named ``words`` and the last ``tags``. Lines that start a document (``-DOCSTART-``) and comments
    above a sentence are left out. New rows (``labelled`` is false) may have words alone.

    Raises:
        FaultError: a line has another number of columns than those before it, or with labels fewer than two.
    """
    with source.text() as opened:
        # a byte order mark is left inside where files were joined; as a word of its own it stays
        lines = [line[1:] if line.startswith(MARK) and line[1:2] not in (" ", "\t") else line for line in opened]
    words = [line for line in lines if line.strip(BLANK) and not line.startswith(("#", DOCUMENT_START))]
    separator = "\t" if words and all("\t" in line for line in words) else "[ \t]+"
    width = len(_split(words[0], separator)) if words else 0
    sentences: list[list[list[str]]] = []
    for number, fields, is_first in _fields(lines, separator, width):
        if len(fields) != width or (labelled and width < 2):
            raise FaultError(
                f"line {number} has {len(fields)} column{'s' * (len(fields) != 1)}, and the first word {width}",
                "give every word the same columns, the last for its tag, and put a blank line between sentences",
            )
        if is_first:
            sentences.append([])
        sentences[-1].append(fields)
    places = {**{str(place + 1): place for place in range(width)}, WORDS: 0, TAGS: width - 1}
    chosen = choose(list(places)) if sentences else {}
    return {name: [[fields[places[name]] for fields in one] for one in sentences] for name in chosen}


def _fields(lines: Iterable[str], separator: str, width: int) -> Iterator[tuple[int, list[str], bool]]:
    """The number of each word's line, its fields, and whether it is the first word of a sentence."""
    is_first = True
    for number, line in enumerate(lines, start=1):
        if not line.strip(BLANK) or line.startswith(DOCUMENT_START):
            is_first = True
            continue
        fields = _split(line, separator)
        if is_first and line.startswith("#") and (len(fields) != width or COMMENT.match(line)):
            continue
        yield number, fields, is_first
        is_first = False


def _split(line: str, separator: str) -> list[str]:
    return [field.strip(BLANK) for field in re.split(separator, line.strip(BLANK))]
