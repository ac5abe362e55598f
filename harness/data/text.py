"""Texts with a label: from the hub or from files to token ids, one vocabulary for all encoders of a comparison."""

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.data.dataset import UNKNOWN, Dataset, Split
from harness.data.prepare import cached_by
from harness.data.sources import content_key, file_key, read_file, read_source
from harness.records import Mistake

SPECIAL = ["[PAD]", "[UNK]"]
SPLIT_SEED = 0
"""Splits that are cut here are the same for every run: the seed of a run changes the training, never the data."""


def _hub_key(source: str, revision: str = "main", **settings: Any) -> str:
    return f"{content_key(source, revision)} {sorted(settings.items())}"


@cached_by(_hub_key)
def load_hub(
    source: str,
    *,
    splits: dict[str, str | None],
    text: str = "text",
    label: str = "label",
    subset: str | None = None,
    revision: str = "main",
    **settings: Any,
) -> Dataset:
    """A data set of the hub, or a local copy of one, with a text and a label column.

    ``splits`` says which of its splits serve as train, validation and test; one that is null is cut from train.
    ``settings`` are those of ``encode``.
    """
    tables = read_source(source, subset, revision)
    parts = {}
    for role, name in splits.items():
        if name is not None and name not in tables:
            raise Mistake(f"data: {source} has no split {name!r} for {role}; it has {', '.join(tables)}")
        parts[role] = None if name is None else _columns(tables[name], text, label, f"{source}, split {name}")
    return encode(parts, source=source, **settings)


def _files_key(**settings: Any) -> str:
    named = [settings.get(role) for role in ("train", "validation", "test")]
    return f"{[file_key(Path(file)) for file in named if file and Path(file).is_file()]} {sorted(settings.items())!r}"


@cached_by(_files_key)
def load_files(
    train: str,
    validation: str | None = None,
    test: str | None = None,
    *,
    text: str = "text",
    label: str = "label",
    **settings: Any,
) -> Dataset:
    """Files (csv, tsv, jsonl, parquet) with a text and a label column; what is not given is cut from ``train``."""
    files = {"train": train, "validation": validation, "test": test}
    hashes = {role: file_key(Path(file)) for role, file in files.items() if file and Path(file).is_file()}
    if len(set(hashes.values())) < len(hashes):
        raise Mistake("data: two of data.train, data.validation and data.test are the same file; leave one out")
    parts = {
        role: None if file is None else _columns(read_file(Path(file)), text, label, file)
        for role, file in files.items()
    }
    return encode(parts, source=train, **settings)


Part = tuple[list[str], list[str]]


def _columns(frame: pd.DataFrame, text: str, label: str, where: str) -> Part:
    """The texts and the labels, as strings; a missing one is named by its row, counted from 1."""
    for wanted, key in ((text, "data.text"), (label, "data.label")):
        if wanted not in frame.columns:
            there = ", ".join(map(str, frame.columns))
            raise Mistake(f"data: {where} has no column {wanted!r}; it has {there}; set {key} to one of them")
        missing = frame[wanted].isna()
        if wanted == label:
            missing |= frame[wanted].astype(str).str.strip() == ""
        if missing.any():
            rows = np.flatnonzero(missing)
            raise Mistake(
                f"data: {where}, row {rows[0] + 1} has no {wanted!r} ({len(rows)} such); fill it or take the row out"
            )
    return frame[text].astype(str).tolist(), _label_names(frame[label])


def _label_names(labels: pd.Series) -> list[str]:
    """Labels as text; whole numbers alike whether written 1, 1.0 or "1"."""
    numbers = pd.to_numeric(labels, errors="coerce")
    if numbers.notna().all() and (numbers % 1 == 0).all():
        return [str(int(number)) for number in numbers]
    return labels.astype(str).str.strip().tolist()


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
    if truncate not in ("head", "tail"):
        raise Mistake(f"data.truncate must be head or tail, and is {truncate!r}")
    if max_length < 1 or vocabulary_size < 3:
        raise Mistake("data.max_length must be 1 or more and data.vocabulary_size 3 or more")
    whole = _cut_missing(parts, validation_share, test_share, source)
    whole = {role: _sample(part, limit) for role, part in whole.items()}
    classes = _classes(whole["train"][1], source)
    _refuse_unknown_labels(whole, classes)
    tokenizer = _train_tokenizer(whole["train"][0], vocabulary_size)
    number = {name: index for index, name in enumerate(classes)}
    splits = {
        role: Split(*_ids(tokenizer, texts, max_length, truncate), np.array([number[one] for one in labels], np.int64))
        for role, (texts, labels) in whole.items()
    }
    words = tokenizer.get_vocab()
    notes = {"repeated_texts": _repeated(whole)}
    return Dataset(**splits, classes=classes, vocabulary=sorted(words, key=words.get), source=source, notes=notes)


def _cut_missing(parts: dict[str, Part | None], validation: float, test: float, source: str) -> dict[str, Part]:
    """Cut the splits that are not given from train, with like shares of every class."""
    from sklearn.model_selection import train_test_split

    train = parts["train"]
    if train is None:
        raise Mistake(f"data: {source}: the training split must be named")
    cut = {}
    for role, share in (("test", test), ("validation", validation)):
        if parts.get(role) is not None:
            cut[role] = parts[role]
            continue
        texts, labels = train
        if len(set(labels)) < 2:
            raise Mistake(f"data: {source} has one class only ({labels[0]!r}); a classifier needs two or more")
        try:
            rows, kept = train_test_split(
                np.arange(len(labels)), test_size=1 - share, stratify=labels, random_state=SPLIT_SEED
            )
        except ValueError:
            rarest = min(set(labels), key=labels.count)
            raise Mistake(
                f"data: {source}: {share:.0%} of {len(labels)} rows make no {role} split in which every class "
                f"appears (the rarest, {rarest!r}, has {labels.count(rarest)} rows); give a {role} split of its own"
            ) from None
        cut[role] = _take((texts, labels), rows)
        train = _take((texts, labels), np.sort(kept))
    return {"train": train, "validation": cut["validation"], "test": cut["test"]}


def _take(part: Part, rows: Iterable[int]) -> Part:
    texts, labels = part
    rows = list(rows)
    return [texts[row] for row in rows], [labels[row] for row in rows]


def _sample(part: Part, limit: int | None) -> Part:
    if limit is None or len(part[1]) <= limit:
        return part
    return _take(part, np.sort(np.random.default_rng(SPLIT_SEED).permutation(len(part[1]))[:limit]))


def _classes(labels: Sequence[str], source: str) -> list[str]:
    found = set(labels)
    if len(found) > 100 and len(found) > len(labels) / 2:
        raise Mistake(
            f"data: {source}: the label column has {len(found)} different values in {len(labels)} rows; "
            "expected classes that recur: is data.label the right column?"
        )
    if all(name.lstrip("-").isdigit() for name in found):
        return sorted(found, key=int)
    return sorted(found)


def _refuse_unknown_labels(parts: dict[str, Part], classes: list[str]) -> None:
    for role, (_, labels) in parts.items():
        if unknown := sorted(set(labels) - set(classes)):
            named = ", ".join(repr(one) for one in unknown[:5])
            raise Mistake(f"data: the {role} split has labels that the training split lacks: {named}")


def _normal(text: str) -> str:
    """Lower case, composed letters, and no line breaks as web pages write them; twice as fast here as in tokenizers."""
    return unicodedata.normalize("NFC", text.replace("<br />", " ")).lower()


def _train_tokenizer(texts: list[str], vocabulary_size: int):
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordLevel({}, unk_token=SPECIAL[UNKNOWN]))
    # a word is a run of letters, marks, digits and apostrophes (don't); a picture such as an emoji is one of its own
    words = Regex(r"[\p{L}\p{M}\p{N}']+|\p{So}")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(words, "removed", invert=True)
    trainer = trainers.WordLevelTrainer(vocab_size=vocabulary_size, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(map(_normal, texts), trainer, length=len(texts))
    return tokenizer


def _ids(tokenizer, texts: list[str], max_length: int, truncate: str) -> tuple[np.ndarray, np.ndarray]:
    """Padded ids ``x_NL`` and lengths ``length_N``; in portions, because an encoding is much larger than its ids."""
    x_NL = np.zeros((len(texts), max_length), np.int32)
    length_N = np.zeros(len(texts), np.int32)
    kept = slice(None, max_length) if truncate == "head" else slice(-max_length, None)
    for start in range(0, len(texts), 1000):
        portion = [_normal(text) for text in texts[start : start + 1000]]
        for row, encoding in enumerate(tokenizer.encode_batch_fast(portion, add_special_tokens=False), start):
            ids = encoding.ids[kept]
            x_NL[row, : len(ids)] = ids
            length_N[row] = len(ids)
    return x_NL[:, : max(1, int(length_N.max()))], length_N


def _repeated(parts: dict[str, Part]) -> dict[str, int]:
    """How many texts of validation and test also stand in train: said, not mended, since published data is as it is."""
    train = set(parts["train"][0])
    return {role: sum(text in train for text in parts[role][0]) for role in ("validation", "test")}
