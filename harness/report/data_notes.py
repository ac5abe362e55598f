"""What a reader must know about the data of runs: labels, repeated and empty rows, unknown tokens, positions."""

from collections.abc import Iterator

from harness.config.pretrained import is_pretrained
from harness.data.overlap import MANY_UNKNOWN
from harness.data.vectors import prepare as word_vectors
from harness.records.record import DataSummary, Record
from harness.tasks.spans import unread_spans

NAMED = 5
"""A sentence names at most so many labels."""


def data_notes(records: list[Record]) -> list[str]:
    """The sentences about each data set, once whatever the number of runs on it.

    Where the runs differ in ``data.train_limit``, a sentence begins with it.
    """
    several = len({_limit(record) for record in records}) > 1
    return list({
        (record.data.rows, sentence): f"data.train_limit={_limit(record)}: {sentence}" if several else sentence
        for record in records for sentence in _of(record)
    }.values())  # fmt: skip


def _limit(record: Record) -> str:
    limit = (record.config.get("data") or {}).get("train_limit")
    return "null" if limit is None else str(limit)


def _of(record: Record) -> Iterator[str]:
    data = record.data
    yield from _labels(data)
    yield from _repeated(data, "repeated_texts", "texts", ", word for word")
    yield from _repeated(data, "repeated_sequences", "sequences", "")
    if shares := _shares(data, data.notes.get("empty_texts") or {}):
        yield f"{shares} texts contain no word: they are read as padding"
    if shares := _shares(data, data.notes.get("empty_sequences") or {}):
        yield f"{shares} sequences are empty: they are read as padding"
    yield from _unknown(record)
    if coverage := data.notes.get(word_vectors.NOTE):
        yield word_vectors.sentence(coverage)
    if missing := _counts(data.notes.get("missing_values") or {}):
        yield f"{missing} values of the series were missing: each was put on the line between its neighbours"
    longest = data.notes.get("longest") or {}
    if longest and record.choices.get("position") == "learned":
        split = max(longest, key=longest.__getitem__)
        yield (
            f"the longest {split} sequence has {longest[split]:,} steps, the longest train sequence "
            f"{longest['train']:,}: the positions after it (position=learned) were never trained"
        )


def _labels(data: DataSummary) -> Iterator[str]:
    if dropped := _counts(data.notes.get("unlabelled_rows") or {}):
        yield f"rows without a label, which were dropped: {dropped}"
    if untagged := _counts(data.notes.get("untagged_words") or {}):
        yield f"words without a tag, which do not count: {untagged}"
    if rare := {split: count for split, count in (data.notes.get("rare_classes") or {}).items() if count}:
        lacking = " and ".join(f"{split} lacks {count:,}" for split, count in rare.items())
        yield f"{lacking} of {len(data.classes):,} classes, which have too few rows for every split: train keeps them"
    if rare_tags := data.notes.get("rare_tags"):
        what = "labels" if data.task == "multilabel" else "tags"
        place = "these stay in train, and are in no split that was cut from it"
        yield f"{what} with so few rows that {place}: {rare_tags:,}"
    if unseen := data.notes.get("unseen_labels"):
        counted = data.notes["counted_labels"]
        shares = ", ".join(f"{count:,} of {counted[split]:,} {split}" for split, count in unseen.items() if count)
        names = ", ".join(map(repr, data.unseen[:NAMED])) + ", ..." * (len(data.unseen) > NAMED)
        hint = "; are they written as in train?" if any(unseen[split] == counted[split] > 0 for split in unseen) else ""
        yield (
            f"{shares} labels are {names}, which train never saw: no output stands for them, each counts as an error"
            + hint
        )
    if data.task == "tagging" and (other := unread_spans([*data.classes, *data.unseen])):
        yield (
            f"spans are not scored, because {other!r} is no tag of BIO, BIOES, BILOU or BMES: write "
            "prefix-kind, such as B-PER, or O"
        )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in counts.items() if count)


def _unknown(record: Record) -> Iterator[str]:
    """Which share of the tokens train lacks, if it is large, and what reads them."""
    shares = (record.data.notes.get("unknown_tokens") or {}).items()
    if many := [f"{share:.0%} of the {split} tokens" for split, share in shares if share > MANY_UNKNOWN]:
        yield f"{' and '.join(many)} are unknown ([UNK]): the vocabulary lacks them{_cure(record)}"


def _cure(record: Record) -> str:
    """What to do about unknown tokens, by the settings of the data."""
    settings = record.config.get("data", {})
    tokenizer = settings.get("tokenizer")
    if record.data.task == "tagging" or settings.get("tokens"):
        read = record.choices.get("input") == "word_char"
        return "; their characters are read" if read else "; input=word_char reads the characters of words as well"
    if tokenizer is None or is_pretrained(record.config.get("encoder")):  # a loader, or a tokenizer, of its own
        return ""
    if tokenizer not in ("words", "subwords", "characters"):
        return "; data.tokenizer=subwords learns a vocabulary from train"
    full = record.data.vocabulary_size >= settings.get("vocabulary_size", 0)
    pieces = "data.tokenizer=subwords or characters reads them in pieces" if tokenizer == "words" else ""
    other = pieces or "data.tokenizer=bytes lacks none"
    return f"; {other}" + (", and a larger data.vocabulary_size has more of them" if full else "")


def _repeated(data: DataSummary, name: str, noun: str, how: str) -> Iterator[str]:
    """The rows that two splits share; ``name`` is the note of those that are in train."""
    if name not in data.notes:
        return
    for split, count in (data.notes[name] or {}).items():
        if count > 0:
            yield f"{_share(data, split, count)} {split} {noun} also occur in train{how}"
    if count := data.notes.get("test_in_validation", 0):
        yield f"{_share(data, 'test', count)} test {noun} also occur in validation{how}"


def _shares(data: DataSummary, counts: dict[str, int]) -> str:
    return ", ".join(f"{_share(data, split, count)} {split}" for split, count in counts.items() if count)


def _share(data: DataSummary, split: str, count: int) -> str:
    """A count of a split's rows, and of how many."""
    size = data.sizes.get(split)
    return f"{count:,} of {size:,}" if size else f"{count:,}"
