"""Loaders of texts with a label, or of words with tags, from the hub or from files."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from harness.data.cache import cached_by
from harness.data.dataset import Dataset, Split
from harness.data.loaders.archives import file_key
from harness.data.loaders.columns import column, refuse_lists, refuse_unlabelled_rows
from harness.data.loaders.hub import content_key, read_source
from harness.data.loaders.splits import Part, complete_splits, labelled_rows, refuse_hidden_labels, repeated_rows
from harness.data.loaders.tables import holds_tagged_words, read_file, say_rows
from harness.data.loaders.tagging import encode_tagged, read_tagged
from harness.data.loaders.targets import Target
from harness.data.tokenizers import check_settings, encode_texts, train_tokenizer
from harness.data.unseen import set_apart
from harness.errors import UserError

CLASSES = Target()


def _hub_key(source: str, revision: str = "main", **settings: Any) -> str:
    return f"{content_key(source, revision)} {sorted(settings.items())}"


@cached_by(_hub_key)
def load_hub(
    source: str,
    *,
    splits: dict[str, str | None],
    text: str = "text",
    label: str | list[str] = "label",
    task: str | None = None,
    label_separator: str | None = None,
    tolerance: float | None = None,
    tokens: str | None = None,
    tags: str | None = None,
    line_break: str | None = None,
    unlabelled: str = "drop",
    subset: str | None = None,
    revision: str = "main",
    **settings: Any,
) -> Dataset:
    """A data set of the hub, or a local copy of it, with a column of texts and one of labels, or of words and tags.

    ``splits`` names its splits for train, validation and test; a split that is null is cut from train. ``line_break``
    is the string that texts contain for a line break, besides ``<br />``. Rows without a label are dropped, or refused
    if ``unlabelled`` is ``error``. ``settings`` are those of ``encode``, or of ``encode_tagged`` with ``tokens`` and
    ``tags``.

    Raises:
        UserError: there is no such source, split or column, or the rows are refused.
    """
    target = Target(task, label, label_separator, tolerance)
    read, encode_rows = _reader_and_encoder(target, text, tokens, tags, line_break, unlabelled)
    tables = read_source(source, subset, revision)
    parts = {}
    for role, name in splits.items():
        if name is not None and name not in tables:
            raise UserError(f"data: {source} has no split {name!r} for {role}; it has {', '.join(tables)}")
        if name is not None:
            say_rows(len(tables[name]), f"{source}, split {name}")
        parts[role] = None if name is None else read(tables[name], f"{source}, split {name}")
    refuse_hidden_labels(parts, source, "data.tags" if tags else "data.label", "set data.splits.{role}=null")
    return encode_rows(parts, source=source, **settings)


def _files_key(**settings: Any) -> str:
    files = _named_files(**settings)
    return f"{[file_key(file) for file in files.values() if file.exists()]} {sorted(settings.items())!r}"


def _named_files(**settings: Any) -> dict[str, Path]:
    """The file of each split that has one; ``~`` is the home folder."""
    roles = ("train", "validation", "test")
    return {role: Path(os.path.expanduser(settings[role])) for role in roles if settings.get(role)}


@cached_by(_files_key)
def load_files(
    train: str,
    validation: str | None = None,
    test: str | None = None,
    *,
    text: str = "text",
    label: str | list[str] = "label",
    task: str | None = None,
    label_separator: str | None = None,
    tolerance: float | None = None,
    tokens: str | None = None,
    tags: str | None = None,
    line_break: str | None = None,
    unlabelled: str = "drop",
    quotes: str = "auto",
    **settings: Any,
) -> Dataset:
    """Files with a column of texts and one of labels, or of words and tags: all that ``read_file`` reads.

    A split without a file is cut from ``train``. In csv and tsv, spaces separate words, and tags. ``quotes`` is that of
    ``read_delimited``; ``line_break``, ``unlabelled`` and ``settings`` are those of ``load_hub``.

    Raises:
        UserError: a file or a column is missing, two splits are the same file, or the rows are refused.
    """
    target = Target(task, label, label_separator, tolerance)
    files = _named_files(train=train, validation=validation, test=test)
    if tokens is None and tags is None and holds_tagged_words(files["train"]):
        tokens, tags = "words", "tags"
    read, encode_rows = _reader_and_encoder(target, text, tokens, tags, line_break, unlabelled)
    wanted = _wanted_columns(text, label, tokens, tags)
    hashes = [file_key(file) for file in files.values() if file.exists()]
    if len(set(hashes)) < len(hashes):
        raise UserError("data: two of data.train, data.validation and data.test are the same file; leave one out")
    parts = {role: read(read_file(file, wanted, quotes), str(file)) for role, file in files.items()}
    refuse_hidden_labels(parts, train, "data.tags" if tags else "data.label", "leave data.{role} out")
    return encode_rows(parts, source=train, **settings)


def _wanted_columns(text: Any, label: Any, tokens: Any, tags: Any) -> dict[str, Any]:
    """The columns that are read, by the settings that name them."""
    inputs = {"data.text": text} if tokens is None else {"data.tokens": tokens}
    return inputs | ({"data.label": label} if tags is None else {"data.tags": tags})


def _reader_and_encoder(
    target: Target, text: str, tokens: str | None, tags: str | None, line_break: str | None, unlabelled: str
) -> tuple[Callable[[pd.DataFrame, str], Part], Callable[..., Dataset]]:
    """The functions that read a table and encode its rows: words and tags if their columns are set, else texts."""
    if (tokens is None) != (tags is None):
        missing, named = ("tags", f"tokens={tokens}") if tags is None else ("tokens", f"tags={tags}")
        raise UserError(
            f"data.{named} needs data.{missing}: set both, the columns of words and of tags, or neither to read "
            "data.text and data.label"
        )
    if tokens is None or tags is None:
        read = partial(_read_texts, text=text, target=target, line_break=line_break, unlabelled=unlabelled)
        return read, partial(encode, target=target)
    if target.task is not None:
        raise UserError(
            f"data.task={target.task} reads data.text and data.label, and data.tokens and data.tags are for a tag for "
            "each word: set either to null"
        )
    return partial(read_tagged, tokens=tokens, tags=tags, unlabelled=unlabelled), encode_tagged


def _read_texts(
    frame: pd.DataFrame, where: str, text: str, target: Target, line_break: str | None, unlabelled: str
) -> Part:
    texts = column(frame, text, "data.text", where, may_be_blank=True)
    labels = target.read(frame, where)
    refuse_unlabelled_rows(labels, target.columns, where, unlabelled)
    refuse_lists(texts, where, "data.text", "give one text, or set data.tokens and data.tags for words with tags")
    texts = texts.astype(str)
    if line_break:
        texts = texts.str.replace(line_break, " ", regex=False)
    return texts.tolist(), labels


def encode(
    parts: dict[str, Part | None],
    *,
    source: str,
    target: Target = CLASSES,
    vocabulary_size: int = 20_000,
    max_length: int = 256,
    truncate: str = "head",
    validation_share: float = 0.1,
    test_share: float = 0.2,
    limit: int | None = None,
    train_limit: int | None = None,
) -> Dataset:
    """Token ids for texts. Words are lower-cased; everything but letters, digits and symbols such as emojis is dropped.

    Rows whose label is None are left out. Labels that only validation or test has become ``unseen``.
    ``vocabulary_size`` counts the most frequent words of train, ``[PAD]`` and ``[UNK]`` included. ``truncate`` names
    the side of a longer text that is kept: its ``head`` or its ``tail``. ``limit`` samples at most that many rows of
    each split, ``train_limit`` of train alone (``splits.nested_rows``). ``target`` says what texts are answered with.
    """
    check_settings(truncate, max_length, vocabulary_size)
    labelled, dropped = labelled_rows(parts)
    rows, rare = complete_splits(
        target.named(labelled), validation_share, test_share, limit, source, target.stratify, train_limit,
        labels_of=target.labels_of,
    )  # fmt: skip
    y, answers = target.encode({role: labels for role, (_, labels) in rows.items()}, source)
    tokenizer = train_tokenizer(rows["train"][0], vocabulary_size)
    splits: dict[str, Any] = {}
    for role, (texts, _) in rows.items():
        x_T, offsets = encode_texts(tokenizer, texts, max_length, truncate)
        splits[role] = Split(x_T, offsets, y[role])
    token_ids = tokenizer.get_vocab()
    vocabulary = sorted(token_ids, key=lambda token: token_ids[token])
    empty = {role: int((split.length_N == 0).sum()) for role, split in splits.items()}
    notes = {**dropped, **rare, **repeated_rows(rows), "empty_texts": empty}
    return set_apart(Dataset(**splits, **answers, vocabulary=vocabulary, source=source, notes=notes))
