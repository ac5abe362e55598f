"""Texts in a folder for each class, one file a text, as in IMDB's original archive (Maas et al. 2011)."""

import os
from collections import Counter
from pathlib import Path

from harness.data.loaders.archives import visible_files
from harness.data.loaders.raw_table import Choose, Columns, FaultError
from harness.errors import UserError

ENDINGS = (".txt", "")


def read_class_folders(folder: Path, choose: Choose) -> tuple[Columns, str]:
    """The columns ``text`` and ``label`` of a folder, and the number of texts of each class.

    Each folder inside is a class. Its files that end in .txt, or in nothing, are its texts, sorted by their paths.
    Hidden files, and files that are in no class folder, are left out.

    Raises:
        UserError: the folder has no such files, or a class whose name is not UTF-8.
        FaultError: a file is not UTF-8.
    """
    inside = [file for file in visible_files(folder) if file.parent != folder]
    files = [file for file in inside if file.suffix.lower() in ENDINGS]
    if not files:
        raise UserError(
            f"data: {folder} is a folder without texts; expected a folder for each class with .txt files in it, such "
            f"as {folder / 'good' / '1.txt'} (or name one file, such as a csv)"
        )
    labels = [file.relative_to(folder).parts[0] for file in files]
    for label in sorted(set(labels)):
        try:
            label.encode()
        except UnicodeEncodeError:
            name = os.fsencode(label)
            raise UserError(f"data: {folder} has a folder whose name is not UTF-8 ({name!r}); rename it") from None
    table: Columns = {"text": [_read(file) for file in files], "label": labels}
    counts = ", ".join(f"{label} {count:,}" for label, count in sorted(Counter(labels).items()))
    left_out = f"; {len(inside) - len(files):,} files that do not end in .txt are left out" if files != inside else ""
    return {name: table[name] for name in choose(list(table))}, f" ({counts}{left_out})"


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FaultError(f"{file} is not UTF-8 (byte {error.start})", "save it as UTF-8") from None
