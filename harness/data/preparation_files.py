"""The files in which a run keeps how its rows were prepared."""

import json
import shutil
from pathlib import Path
from typing import Any

SETTINGS = "preparation.json"
TOKENIZER = "tokenizer.json"
FILES = (SETTINGS, TOKENIZER)
"""The files of a preparation; the second only where the ``tokenizers`` library has a part in it."""


def write_settings(folder: Path, content: dict[str, Any]) -> None:
    """Write ``preparation.json`` into a folder."""
    text = json.dumps(content)  # ASCII only, so that lone surrogates can be written
    (folder / SETTINGS).write_text(text, encoding="utf8")


def copy_preparation(source: Path, folder: Path) -> None:
    """Copy the files of a preparation from the folder of prepared data, where it has any."""
    for name in FILES:
        if (source / name).exists():
            shutil.copyfile(source / name, folder / name)
