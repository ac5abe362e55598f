"""What a reader must know about the data of runs: rows in two splits, empty rows, positions that train lacks, tags."""

from collections.abc import Iterator

from harness.records.record import DataSummary, Record
from harness.tasks.metrics import are_spans


def data_notes(records: list[Record]) -> list[str]:
    """The sentences about each data set, once whatever the number of runs on it."""
    return list({(record.data.hash, sentence): sentence for record in records for sentence in _of(record)}.values())


def _of(record: Record) -> Iterator[str]:
    data = record.data
    yield from _repeated(data, "repeated_texts", "texts", ", word for word")
    yield from _repeated(data, "repeated_sequences", "sequences", "")
    if shares := _shares(data, data.notes.get("empty_texts") or {}):
        yield f"{shares} texts contain no word: they are read as padding"
    if shares := _shares(data, data.notes.get("empty_sequences") or {}):
        yield f"{shares} sequences are empty: they are read as padding"
    gaps = data.notes.get("missing_values") or {}
    if missing := ", ".join(f"{count:,} {split}" for split, count in gaps.items() if count):
        yield f"{missing} values of the series were missing: each was put on the line between its neighbours"
    if data.task == "tagging" and not are_spans(data.classes) and any(name[:2] == "B-" for name in data.classes):
        other = next(name for name in data.classes if name != "O" and name[:2] not in ("B-", "I-"))
        yield f"spans are not scored, because {other!r} is no BIO label: each is B-kind, I-kind or O"
    longest = data.notes.get("longest") or {}
    if longest and record.choices.get("position") == "learned":
        split = max(longest, key=longest.__getitem__)
        yield (
            f"the longest {split} sequence has {longest[split]:,} steps, the longest train sequence "
            f"{longest['train']:,}: the positions after it (position=learned) were never trained"
        )


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
