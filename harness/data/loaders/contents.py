"""What the first bytes of a file say that it is, where its name says something else."""

import re
from pathlib import Path

from harness.errors import UserError

STARTS: tuple[tuple[bytes, str, str, str], ...] = (
    (rb"version https://git-lfs", "", "is a pointer of Git LFS, not the data", "git lfs pull brings them"),
    (rb"\s*<(!doctype html|html)", "", "is a web page, maybe the answer of a failed download", "download it again"),
    (rb"\x1f\x8b", ".gz", "is compressed with gzip", "add .gz to its name"),
    (rb"BZh[1-9]1AY&SY", ".bz2", "is compressed with bzip2", "add .bz2 to its name"),
    (rb"\xfd7zXZ\0", ".xz", "is compressed with xz", "add .xz to its name"),
    (rb"\x28\xb5\x2f\xfd", "", "is compressed with zstd, which is not read", "unpack it"),
    (rb"PK\x03\x04", ".zip", "is a zip archive or a spreadsheet", "add .zip to its name, or save it as CSV UTF-8"),
    (rb"\xd0\xcf\x11\xe0", "", "is a spreadsheet", "save it as CSV UTF-8 (in Excel: File, Save As)"),
    (rb"PAR1[\0-\x08\x0e-\x1f]", ".parquet", "is Parquet", "let its name end in .parquet"),
    (rb"%PDF-", "", "is a PDF", "save its texts as csv or jsonl"),
    (rb"SQLite format 3\0", "", "is an SQLite database", "save a table of it as csv or jsonl"),
    (rb"([^\0]\0){4}|(\0[^\0]){4}", "", "is UTF-16 without a byte order mark", "save it as UTF-8"),
)
"""How a file begins, the ending that such a file has (if it can be read), what it is, and the remedy."""


def refuse_other_content(file: Path, key: str = "data") -> None:
    """Refuse a file whose first bytes show that its ending is wrong; ``key`` is the config key that names it.

    Raises:
        UserError: it does; the message says what the file is.
    """
    with open(file, "rb") as opened:
        start = opened.read(64)
    for pattern, ending, what, remedy in STARTS:
        if re.match(pattern, start, re.IGNORECASE) and file.suffix.lower() != ending:
            raise UserError(f"{key}: {file} {what}; {remedy}")
