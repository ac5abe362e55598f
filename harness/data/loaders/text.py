"""Loaders of texts or words with a label, or of words with tags, from the hub or from files."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from harness.data.cache import cached_by
from harness.data.dataset import Dataset
from harness.data.loaders.archives import file_key, refuse_same_files
from harness.data.loaders.hub import content_key, read_source
from harness.data.loaders.pretokenized import encode_pretokenized, read_pretokenized
from harness.data.loaders.splits import Part, refuse_hidden_labels
from harness.data.loaders.tables import holds_tagged_words, read_file, say_rows
from harness.data.loaders.tagging import encode_tagged, read_tagged
from harness.data.loaders.targets import Target
from harness.data.loaders.text_rows import encode, read_labelled_texts
from harness.data.tokenizers import tokenizer_file
from harness.errors import UserError


def _hub_key(source: str, revision: str = "main", **settings: Any) -> str:
    return f"{content_key(source, revision)} {_tokenizer_key(**settings)} {sorted(settings.items())}"


def _tokenizer_key(tokenizer: str = "words", **_settings: Any) -> str:
    """The content of the file that ``data.tokenizer`` names; nothing where it names none."""
    file = tokenizer_file(tokenizer)
    return file_key(file) if file else ""


@cached_by(_hub_key)
def load_hub(
    source: str,
    *,
    splits: dict[str, str | None],
    text: str | list[str] = "text",
    label: str | list[str] = "label",
    tokens: str | None = None,
    tags: str | None = None,
    line_break: str | None = None,
    unlabelled: str = "drop",
    task: str | None = None,
    label_separator: str | None = None,
    tolerance: float | None = None,
    tokenizer: str = "words",
    punctuation: bool = False,
    subset: str | None = None,
    revision: str = "main",
    **settings: Any,
) -> Dataset:
    """A data set of the hub, or a local copy of it, with columns of texts and one of labels, or of words and tags.

    ``splits`` names its splits for train, validation and test; a split that is null is cut from train. ``text`` names a
    column or several. ``line_break`` is the string that texts contain for a line break, besides ``<br />``.
    Rows without a label are dropped, or refused if ``unlabelled`` is ``error``.
    ``tokenizer`` and ``punctuation`` are those of ``train_tokenizer``. ``tokens`` names a column of words, which is
    read instead of texts, ``tags`` one of their tags, which is read instead of labels. ``settings`` are those of
    ``encode``, ``encode_pretokenized`` or ``encode_tagged``.

    Raises:
        UserError: there is no such source, split or column, or the rows are refused.
    """
    target = Target(task, label, label_separator, tolerance)
    read, encode_rows = _reader_and_encoder(
        target, text, tokens, tags, line_break, unlabelled, tokenizer, punctuation
    )  # fmt: skip
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
    hashes = [file_key(file) for file in files.values() if file.exists()]
    return f"{hashes} {_tokenizer_key(**settings)} {sorted(settings.items())!r}"


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
    text: str | list[str] = "text",
    label: str | list[str] = "label",
    tokens: str | None = None,
    tags: str | None = None,
    line_break: str | None = None,
    unlabelled: str = "drop",
    task: str | None = None,
    label_separator: str | None = None,
    tolerance: float | None = None,
    quotes: str = "auto",
    tokenizer: str = "words",
    punctuation: bool = False,
    **settings: Any,
) -> Dataset:
    """Files with columns of texts and one of labels, or of words and tags: all that ``read_file`` reads.

    A split without a file is cut from ``train``. In csv and tsv, spaces separate words, and tags. ``quotes`` is that of
    ``read_delimited``; all other settings are those of ``load_hub``.

    Raises:
        UserError: a file or a column is missing, two splits are the same file, or the rows are refused.
    """
    files = _named_files(train=train, validation=validation, test=test)
    if tokens is None and tags is None and holds_tagged_words(files["train"]):
        tokens, tags = "words", "tags"
    wanted = _wanted_columns(text, label, tokens, tags)
    target = Target(task, label, label_separator, tolerance)
    read, encode_rows = _reader_and_encoder(
        target, text, tokens, tags, line_break, unlabelled, tokenizer, punctuation
    )  # fmt: skip
    refuse_same_files(file for file in files.values() if file.exists())
    parts = {role: read(read_file(file, wanted, quotes), str(file)) for role, file in files.items()}
    refuse_hidden_labels(parts, train, "data.tags" if tags else "data.label", "leave data.{role} out")
    return encode_rows(parts, source=train, **settings)


def _wanted_columns(text: Any, label: Any, tokens: Any, tags: Any) -> dict[str, Any]:
    """The columns that are read, by the settings that name them."""
    inputs = {"data.text": text} if tokens is None else {"data.tokens": tokens}
    return inputs | ({"data.label": label} if tags is None else {"data.tags": tags})


ReaderAndEncoder = tuple[Callable[[pd.DataFrame, str], Part], Callable[..., Dataset]]
"""The functions that read a table and encode its rows."""


def _reader_and_encoder(
    target: Target, text: str | list[str], tokens: str | None, tags: str | None, line_break: str | None,
    unlabelled: str, tokenizer: str, punctuation: bool,
) -> ReaderAndEncoder:  # fmt: skip
    """Those of words if a setting names their column or that of their tags, else those of texts."""
    if tokens is None and tags is None:
        return _of_texts(target, text, line_break, unlabelled, tokenizer, punctuation)
    return _of_words(target, tokens, tags, unlabelled, tokenizer, punctuation)


def _of_texts(
    target: Target,
    text: str | list[str],
    line_break: str | None,
    unlabelled: str,
    tokenizer: str,
    punctuation: bool,
) -> ReaderAndEncoder:
    columns = tuple(text) if isinstance(text, (list, tuple)) else (text,)
    if not columns:
        raise UserError("data.text must name a column or several, such as [title,body], and is an empty list")
    if both := set(map(str, columns)) & set(target.columns):
        raise UserError(f"data.text has {min(both)!r}, which is data.label: the answer is no input; leave it out")
    if not isinstance(punctuation, bool):
        raise UserError(f"data.punctuation must be true or false, and is {punctuation!r}")
    tokenizer_file(tokenizer)  # refuses what is no tokenizer before any row is read
    read = partial(read_labelled_texts, columns=columns, target=target, line_break=line_break, unlabelled=unlabelled)
    return read, partial(
        encode, target=target, columns=columns, line_break=line_break, tokenizer=tokenizer, punctuation=punctuation
    )


def _of_words(
    target: Target, tokens: str | None, tags: str | None, unlabelled: str, tokenizer: str, punctuation: bool
) -> ReaderAndEncoder:
    if tokens is None:
        raise UserError(
            f"data.tags={tags} needs data.tokens: set both, the columns of words and of tags, or neither to read "
            "data.text and data.label"
        )
    if tags is not None and target.task is not None:
        raise UserError(
            f"data.task={target.task} reads data.label, and data.tags={tags} is for a tag for each word: set either to "
            "null"
        )
    if tokenizer != "words" or punctuation is not False:
        raise UserError(
            f"data.tokens={tokens} are words already, which no tokenizer divides: leave out data.tokenizer and "
            "data.punctuation, or read data.text"
        )
    if tags is None:
        read = partial(read_pretokenized, tokens=tokens, target=target, unlabelled=unlabelled)
        return read, partial(encode_pretokenized, tokens=tokens, target=target)
    return partial(read_tagged, tokens=tokens, tags=tags, unlabelled=unlabelled), partial(encode_tagged, tokens=tokens)
