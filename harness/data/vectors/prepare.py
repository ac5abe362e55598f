"""Word vectors for a data set: found in their file once, kept below the cache, and what they cover.

Dimension letters: V vocabulary, K words of it that the file has, D width.
"""

import hashlib
import json
import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from harness.data import normalised, source_code
from harness.data.dataset import SPECIAL, UNKNOWN, Dataset
from harness.data.flat import chunks
from harness.data.loaders.archives import unchanged_file_key
from harness.data.tokenizers import SEPARATOR
from harness.data.vectors.files import KEY, open_vectors
from harness.data.vectors.kept import WordVectors
from harness.data.vectors.lookup import find
from harness.errors import UserError
from harness.notices import notify
from harness.records import store

NOTE = "word_vectors"
"""The name of the note about them in the record's ``data.notes``."""


@dataclass(frozen=True)
class Prepared:
    """The vectors of a data set's vocabulary. ``content`` is the hash of the file's bytes.

    ``coverage`` is the note: the ``file``'s name, its ``width``, the tokens of the ``vocabulary`` without special ones,
    those that the file has (``found``), and their share of all tokens of train (``train_tokens``), of which unknown
    ones count as tokens that the file lacks.
    """

    vectors: WordVectors
    content: str
    coverage: dict[str, Any]


def prepare(path: str, size: int | None, data: Dataset, cache_dir: Path) -> Prepared:
    """The vectors that the file at ``path`` has for the vocabulary of a data set; ``size`` is ``input.size``.

    Raises:
        UserError: the data have no tokens, the file cannot be used or has none of them, or its vectors are not ``size``
            wide.
    """
    if not data.tokens:
        raise UserError(f"{KEY} are vectors of words, and this data has feature vectors; set input=embedding")
    file = open_vectors(path)
    if size not in (None, file.width):
        raise UserError(
            f"input.size={size}, and the vectors of {file.file} are {file.width} wide; set input.size=null, or take "
            "another file"
        )
    content = unchanged_file_key(file.file, KEY)
    rows = cache_dir / f"vectors-{_key(content, data.vocabulary)}.npz"
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{rows}.lock"):
            if not _is_whole(rows):
                notify(f"reading {file.file}")
                ids_K, vectors_KD = find(file, data.vocabulary)
                with store.whole_file(rows) as temporary, open(temporary, "wb") as opened:
                    np.savez(opened, ids_K=ids_K, vectors_KD=vectors_KD)
    except OSError as error:
        raise UserError(f"cache_dir={cache_dir} cannot be written to ({error}); set it to another folder") from None
    with np.load(rows, allow_pickle=False) as kept:
        ids_K = kept["ids_K"]
    coverage = {"file": file.file.name, "width": file.width, **coverage_of(data, ids_K)}
    return Prepared(WordVectors(file.width, rows), content, coverage)


def _key(content: str, vocabulary: Sequence[str]) -> str:
    """What the rows depend on: the file's content, the words, and how both are read."""
    code = [*Path(__file__).parent.glob("*.py"), Path(normalised.__file__)]
    parts = [content, list(vocabulary), source_code.digest(sorted(code)), unicodedata.unidata_version]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _is_whole(rows: Path) -> bool:
    """Whether rows are there and not damaged."""
    if not rows.exists():
        return False
    try:
        with zipfile.ZipFile(rows) as archive:
            if archive.testzip() is None:
                return True
    except (zipfile.BadZipFile, EOFError):
        pass
    notify(f"{rows} is damaged: the vectors are read again")
    return False


def coverage_of(data: Dataset, ids_K: np.ndarray) -> dict[str, Any]:
    """How much of a data set is among these ids: ``vocabulary``, ``found``, and ``train_tokens``, a share."""
    special = [index for index, token in enumerate(data.vocabulary) if token in (*SPECIAL, SEPARATOR)]
    found_K = np.setdiff1d(ids_K, special)
    counts_V = np.zeros(len(data.vocabulary), np.int64)
    for part in chunks(data.train.x):
        counts_V += np.bincount(part, minlength=len(counts_V))
    counts_V[[index for index in special if index != UNKNOWN]] = 0
    share = float(counts_V[found_K].sum() / counts_V.sum())
    return {"vocabulary": len(data.vocabulary) - len(special), "found": len(found_K), "train_tokens": share}


def sentence(coverage: dict[str, Any]) -> str:
    """The coverage in words, for standard error and reports."""
    share = coverage["found"] / coverage["vocabulary"]
    return (
        f"{coverage['file']} ({KEY}) has {coverage['found']:,} of the {coverage['vocabulary']:,} tokens of the "
        f"vocabulary ({share:.1%}) and {coverage['train_tokens']:.1%} of the train tokens; the others start at random"
    )
