"""Files of word vectors, read as a stream, plain or compressed (``harness.data.loaders.archives``).

| form | content |
|---|---|
| GloVe | a word and its numbers in each line, separated by spaces or tabs |
| word2vec's text, fastText's ``.vec`` | the same after a first line ``count width`` |
| word2vec's ``.bin`` | that first line; then each word, a space, and its numbers as 32-bit floats |

Lines are read as bytes and end at line feeds only: words may have any other character in them, also spaces, as some of
GloVe's 840B have. A byte that is not UTF-8 makes a word that no text has.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from tqdm import tqdm

from harness.data.loaders.archives import DAMAGED, Source, open_source
from harness.data.loaders.contents import refuse_other_content
from harness.errors import UserError
from harness.notices import draws_bars, notify

KEY = "input.vectors"
HEAD = 2**18
"""Bytes at a file's beginning that tell its form and its width."""
PORTION = 2**20
"""Bytes of a binary file that are read at once."""
HEADER = re.compile(rb"([0-9]+)[ \t]+([0-9]+)[ \t\r]*")
CONTROL = re.compile(rb"[\x00-\x08]")
"""Bytes that every binary file soon has, and text hardly ever."""
MODELS = re.compile(rb"\xba\x16\x4f\x2f|\x80|\x93NUMPY|\x89HDF")
"""How the files of fastText's and gensim's own models begin, and those of arrays."""
BOM = b"\xef\xbb\xbf"
EXPECTED = "expected a word and its numbers in each line, separated by spaces"

Entry = tuple[int, bytes, bytes]
"""The number of a line, or of a word of a binary file, counted from 1; the word; its numbers as the file has them."""


@dataclass(frozen=True)
class VectorFile:
    """A file of vectors of ``width`` numbers. ``count`` is how many its first line announces; None without that."""

    file: Path
    source: Source
    binary: bool
    count: int | None
    width: int

    def entries(self) -> Iterator[Entry]:
        """Every entry of the file, in its order, with a progress bar on a terminal.

        Raises:
            UserError: the file is damaged or truncated; the sentence names the line.
        """
        found = 0
        progress = tqdm(
            desc=f"reading {self.file.name}", total=self.count, unit=" words", leave=False,
            disable=not draws_bars(), dynamic_ncols=True,
        )  # fmt: skip
        try:
            with self.source.binary() as opened, progress:
                for entry in self._binary(opened) if self.binary else self._text(opened):
                    found += 1
                    progress.update()
                    yield entry
        except DAMAGED as error:
            raise self._truncated(str(error)) from None
        if found < (self.count or 0):
            # files of fastText's own lack a vector: one that ends with a whole line is taken as it is
            notify(f"{self.file} announces {self.count:,} vectors in its first line and has {found:,}")

    def _text(self, opened: BinaryIO) -> Iterator[Entry]:
        width, line, number = self.width, b"", 0
        for number, line in enumerate(opened, 1):
            if number == 1:
                line = line.removeprefix(BOM)
                if self.count is not None:
                    continue
            fields = line.rstrip()  # word2vec and fastText end lines with a space
            spaces = fields.count(b" ")
            if spaces < width:  # tabs may be separators; otherwise one may be a word, as in fastText's crawl-300d-2M
                fields = fields.replace(b"\t", b" ")
                spaces = fields.count(b" ")
            if spaces == width:
                word, _, numbers = fields.partition(b" ")
            elif spaces > width:
                word, numbers = _split(fields, width)
            elif fields:
                raise self._truncated(f"line {number:,} has {spaces} numbers, and the lines before it {width}")
            else:
                continue
            yield number, word, numbers
        if not line.endswith(b"\n") and number <= (self.count or 0):
            raise self._truncated(f"the first line announces {self.count:,} vectors, and the last line has no end")

    def _truncated(self, why: str) -> UserError:
        return UserError(f"{KEY}: {self.file} is damaged or truncated ({why}); download it again")

    def _binary(self, opened: BinaryIO) -> Iterator[Entry]:
        opened.readline()
        size, buffer, start = 4 * self.width, b"", 0
        for number in range(1, (self.count or 0) + 1):
            while True:
                end = buffer.find(b" ", start)
                if end >= 0 and end + 1 + size <= len(buffer):
                    break
                more = opened.read(max(PORTION, size))
                if not more:
                    raise self._truncated(f"it announces {self.count:,} vectors and ends after {number - 1:,}")
                buffer, start = buffer[start:] + more, 0
            # the original program writes a line feed after each vector, others do not
            yield number, buffer[start:end].lstrip(b"\n"), buffer[end + 1 : end + 1 + size]
            start = end + 1 + size

    def values(self, number: int, numbers: bytes) -> np.ndarray:
        """The ``numbers`` of the entry with this number: ``D``, float32.

        Raises:
            UserError: one is no number, or not finite.
        """
        place = f"{KEY}: {'word' if self.binary else 'line'} {number:,} of {self.file}"
        try:
            values_D = np.frombuffer(numbers, "<f4") if self.binary else np.array([*map(float, numbers.split())])
        except ValueError as error:
            raise UserError(f"{place} has something else than numbers ({error})") from None
        with np.errstate(over="ignore"):
            values_D = values_D.astype(np.float32)
        if len(values_D) != self.width:
            raise UserError(f"{place} has {len(values_D)} numbers, not {self.width}")
        if not np.isfinite(values_D).all():
            raise UserError(f"{place} has a number that is not finite")
        return values_D


def _split(line: bytes, width: int) -> tuple[bytes, bytes]:
    """The word of a line with more spaces than numbers, and its numbers: the last ``width``."""
    fields = line.rsplit(None, width)
    word = fields.pop(0) if len(fields) > width else b" "  # a space as a word
    return word, b" ".join(fields)


def open_vectors(path: str) -> VectorFile:
    """The form and the width of a file of word vectors.

    Raises:
        UserError: there is no such file, or it is something else.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        what = "is a folder; name a file in it" if file.is_dir() else f"is no file (looked in {Path.cwd()})"
        raise UserError(f"{KEY}: {file} {what}")
    try:
        refuse_other_content(file, KEY)
        source = open_source(file, KEY)
        with source.binary() as opened:
            head = opened.read(HEAD).removeprefix(BOM)
    except DAMAGED as error:
        raise UserError(f"{KEY}: {file} cannot be read ({error})") from None
    first, _, rest = head.partition(b"\n")
    header = HEADER.fullmatch(first)
    count, announced = (int(header[1]), int(header[2])) if header else (None, None)
    if header is None and (MODELS.match(head) or b"\0" in head or source.kind == ".bin"):
        raise UserError(
            f"{KEY}: {file} is neither text nor word2vec's binary form; of fastText take the .vec beside the .bin, "
            "of gensim what save_word2vec_format writes"
        )
    looks_binary = source.kind == ".bin" or CONTROL.search(head)
    if announced is not None and looks_binary and not _ends_in_numbers(rest.partition(b"\n")[0], announced):
        return VectorFile(file, source, True, count, announced)
    lines = (rest if header else head).split(b"\n")
    whole = lines[:-1] if len(head) == HEAD and len(lines) > 1 else lines
    return _text_file(file, source, count, announced, [line for line in whole if line.strip()][:10])


def _ends_in_numbers(line: bytes, width: int) -> bool:
    """Whether a line is one of a text of vectors of this width."""
    try:
        return len([float(field) for field in line.split()[-width:]]) == width
    except ValueError:
        return False


def _text_file(
    file: Path, source: Source, count: int | None, announced: int | None, lines: list[bytes]
) -> VectorFile:  # fmt: skip
    """A file of text, whose width is that of its first ``lines``: a word among them may have spaces."""
    lines = [line.rstrip() for line in lines]
    if not all(line.count(b" ") for line in lines):
        lines = [line.replace(b"\t", b" ") for line in lines]
    width = min((line.count(b" ") for line in lines), default=0)
    if width < 1:
        raise UserError(f"{KEY}: {file} has no word vectors; {EXPECTED}")
    if announced not in (None, width):
        raise UserError(f"{KEY}: {file} announces vectors of {announced} numbers in its first line, and has {width}")
    found = VectorFile(file, source, False, count, width)
    _, numbers = _split(lines[0], width)
    try:
        found.values(1 if count is None else 2, numbers)
    except UserError as error:
        raise UserError(f"{error}; {EXPECTED}") from None
    return found
