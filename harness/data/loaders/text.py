"""Texts with a label: from the hub or from files to token ids, one vocabulary for all encoders of a comparison."""

import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from harness.data.cache import cached_by
from harness.data.dataset import SPECIAL, UNKNOWN, Dataset, Split
from harness.data.loaders.columns import (
    Part,
    check_lengths,
    class_names,
    column,
    kept_part,
    label_names,
    refuse_lists,
    repeated,
    whole_splits,
)
from harness.data.loaders.hub import content_key, read_source
from harness.data.loaders.tables import file_key, read_file
from harness.data.loaders.tagging import encode_tagged, read_tagged
from harness.errors import UserError

CURLED = "\N{RIGHT SINGLE QUOTATION MARK}"
APOSTROPHE = re.compile(rf"(?<=\w){CURLED}(?=\w)")
"""As phones write it within a word; elsewhere the same sign is the end of a quotation."""


def _hub_key(source: str, revision: str = "main", **settings: Any) -> str:
    return f"{content_key(source, revision)} {sorted(settings.items())}"


@cached_by(_hub_key)
def load_hub(
    source: str,
    *,
    splits: dict[str, str | None],
    text: str = "text",
    label: str = "label",
    tokens: str | None = None,
    tags: str | None = None,
    line_break: str | None = None,
    subset: str | None = None,
    revision: str = "main",
    **settings: Any,
) -> Dataset:
    """A data set of the hub, or a local copy of one, with a text and a label column, or one of words and of their tags.

    ``splits`` says which of its splits serve as train, validation and test; one that is null is cut from train.
    ``line_break`` is what stands in texts for a line break, beside what web pages write.
    ``settings`` are those of ``encode``.
    """
    read, encode_rows = _rows(text, label, tokens, tags, line_break)
    tables = read_source(source, subset, revision)
    parts = {}
    for role, name in splits.items():
        if name is not None and name not in tables:
            raise UserError(f"data: {source} has no split {name!r} for {role}; it has {', '.join(tables)}")
        parts[role] = None if name is None else read(tables[name], f"{source}, split {name}")
    return encode_rows(parts, source=source, **settings)


def _files_key(**settings: Any) -> str:
    files = _named_files(**settings)
    return f"{[file_key(file) for file in files.values() if file.is_file()]} {sorted(settings.items())!r}"


def _named_files(**settings: Any) -> dict[str, Path]:
    """The file of each split that is given one; ``~`` is the home folder."""
    roles = ("train", "validation", "test")
    return {role: Path(os.path.expanduser(settings[role])) for role in roles if settings.get(role)}


@cached_by(_files_key)
def load_files(
    train: str,
    validation: str | None = None,
    test: str | None = None,
    *,
    text: str = "text",
    label: str = "label",
    tokens: str | None = None,
    tags: str | None = None,
    line_break: str | None = None,
    **settings: Any,
) -> Dataset:
    """Files (csv, tsv, jsonl, parquet) with a text and a label column, or one of words and of their tags.

    What is not given is cut from ``train``. In csv and tsv, spaces stand between words, and between tags.
    """
    read, encode_rows = _rows(text, label, tokens, tags, line_break)
    files = _named_files(train=train, validation=validation, test=test)
    hashes = [file_key(file) for file in files.values() if file.is_file()]
    if len(set(hashes)) < len(hashes):
        raise UserError("data: two of data.train, data.validation and data.test are the same file; leave one out")
    parts = {role: read(read_file(file), str(file)) for role, file in files.items()}
    return encode_rows(parts, source=train, **settings)


def _rows(
    text: str, label: str, tokens: str | None, tags: str | None, line_break: str | None
) -> tuple[Callable[[pd.DataFrame, str], Part], Callable[..., Dataset]]:
    """How a table is read and its rows become numbers: words and tags where they are named, else text and label."""
    if (tokens is None) != (tags is None):
        missing, named = ("tags", f"tokens={tokens}") if tags is None else ("tokens", f"tags={tags}")
        raise UserError(
            f"data.{named} needs data.{missing}: name the column of words and that of their tags, or neither, and "
            "data.text and data.label are read"
        )
    if tokens is None or tags is None:
        return partial(_read_texts, text=text, label=label, line_break=line_break), encode
    return partial(read_tagged, tokens=tokens, tags=tags), encode_tagged


def _read_texts(frame: pd.DataFrame, where: str, text: str, label: str, line_break: str | None) -> Part:
    texts = column(frame, text, "data.text", where, may_be_blank=True)
    labels = column(frame, label, "data.label", where)
    refuse_lists(texts, where, "data.text", "give one text, or words and a tag for each by data.tokens and data.tags")
    refuse_lists(labels, where, "data.label", "give one class, as text or number")
    texts = texts.astype(str)
    if line_break:
        texts = texts.str.replace(line_break, " ", regex=False)
    return texts.tolist(), label_names(labels)


def encode(
    parts: dict[str, Part | None],
    *,
    source: str,
    vocabulary_size: int = 20_000,
    max_length: int = 256,
    truncate: str = "head",
    validation_share: float = 0.1,
    test_share: float = 0.2,
    limit: int | None = None,
) -> Dataset:
    """Token ids for texts. Words are lower-cased; what is neither letter, digit nor picture is dropped.

    The vocabulary is the most frequent words of train, ``[PAD]`` and ``[UNK]`` included in its size. ``truncate`` says
    which side of a longer text is kept: its ``head`` or its ``tail``. ``limit`` keeps a sample of so many rows a split.
    """
    check_lengths(truncate, max_length, vocabulary_size)
    whole = whole_splits(parts, validation_share, test_share, limit, source, stratify=True)
    classes = class_names({role: labels for role, (_, labels) in whole.items()}, source, "data.label")
    tokenizer = _train_tokenizer(whole["train"][0], vocabulary_size)
    number = {name: index for index, name in enumerate(classes)}
    splits: dict[str, Any] = {
        role: Split(*_ids(tokenizer, texts, max_length, truncate), np.array([number[one] for one in labels], np.int64))
        for role, (texts, labels) in whole.items()
    }
    words = tokenizer.get_vocab()
    empty = {role: int((split.length_N == 0).sum()) for role, split in splits.items()}
    notes = {"repeated_texts": repeated(whole), "empty_texts": empty}
    return Dataset(**splits, classes=classes, vocabulary=sorted(words, key=words.get), source=source, notes=notes)


def _normal(text: str) -> str:
    """Lower case, composed characters, one apostrophe, and no line breaks as web pages write them.

    Here it is twice as fast as in tokenizers.
    """
    plain = text.replace("<br />", " ")
    if CURLED in plain:  # the pattern alone would walk through every text letter by letter
        plain = APOSTROPHE.sub("'", plain)
    return unicodedata.normalize("NFC", plain).lower()


def _train_tokenizer(texts: list[str], vocabulary_size: int):
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordLevel({}, unk_token=SPECIAL[UNKNOWN]))
    # a word is a run of characters, marks, digits and apostrophes (don't); a picture such as an emoji is one of its own
    words = Regex(r"[\p{L}\p{M}\p{N}']+|\p{So}")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(words, "removed", invert=True)
    trainer = trainers.WordLevelTrainer(vocab_size=vocabulary_size, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(map(_normal, _shown(texts, "vocabulary")), trainer, length=len(texts))
    return tokenizer


def _shown(some: Sequence[Any], what: str) -> Iterator[Any]:
    """The same, with a bar for who watches a terminal; it goes when it is done."""
    return iter(tqdm(some, desc=what, leave=False, disable=None, dynamic_ncols=True))


def _ids(tokenizer, texts: list[str], max_length: int, truncate: str) -> tuple[np.ndarray, np.ndarray]:
    """Padded ids ``x_NL`` and lengths ``length_N``; in portions, because an encoding is much larger than its ids."""
    x_NL = np.zeros((len(texts), max_length), np.int32)
    length_N = np.zeros(len(texts), np.int32)
    kept = kept_part(truncate, max_length)
    for start in _shown(range(0, len(texts), 1000), "words to numbers"):
        portion = [_normal(text) for text in texts[start : start + 1000]]
        for row, encoding in enumerate(tokenizer.encode_batch_fast(portion, add_special_tokens=False), start):
            ids = encoding.ids[kept]
            x_NL[row, : len(ids)] = ids
            length_N[row] = len(ids)
    return x_NL[:, : max(1, int(length_N.max()))], length_N
