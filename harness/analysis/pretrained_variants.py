"""Sentences about pretrained encoders: what they learned from, what reads their texts, what is frozen."""

from collections.abc import Iterable, Iterator, Sequence

from harness.analysis.comparability import ComparisonGroup
from harness.analysis.listed import listed
from harness.analysis.pools import measured_length
from harness.analysis.variants import Variant
from harness.config.pretrained import is_frozen, is_pretrained
from harness.records.record import Record


def of_runs(records: Iterable[Record]) -> list[str]:
    """What a reader of the numbers of these runs must know; nothing where no encoder is pretrained."""
    pretrained = [record.config["encoder"] for record in records if is_pretrained(record.config.get("encoder"))]
    models = listed(list(dict.fromkeys(str(encoder.get("model")) for encoder in pretrained)))
    if not models:
        return []
    return [
        f"trained before on other data, which may contain texts of this test split: {models}; nothing here can rule "
        "that out"
    ]


def sentences(groups: Sequence[ComparisonGroup]) -> list[str]:
    """The same of a comparison, and what keeps the variants of each group from being alike."""
    runs = [run for group in groups for variant in group.variants for run in variant.runs]
    overlap = [f"{one[0].upper()}{one[1:]}." for one in of_runs(runs)]
    return overlap + [f"{group.title}: {one}." for group in groups for one in _of_group(group.variants)]


def _of_group(variants: Sequence[Variant]) -> Iterator[str]:
    pretrained = [variant for variant in variants if is_pretrained(variant.record.config.get("encoder"))]
    by_tokens: dict[str, list[Variant]] = {}
    for variant in variants:
        by_tokens.setdefault(variant.record.data.hash, []).append(variant)
    if len(by_tokens) > 1:
        longest = (pretrained[0].record.config.get("data") or {}).get("max_length")
        readers = "; ".join(
            f"{listed([one.name for one in same])}: {_tokenizer(same[0].record)}" for same in by_tokens.values()
        )
        yield (
            f"the rows are the same, and a pretrained encoder reads them with its own tokenizer ({readers}); their "
            "tokens are not alike, so that tokens per second are not ranked between them, and of a text with more than "
            f"{longest} tokens they do not read the same part"
        )
        lengths = "; ".join(
            f"{listed([one.name for one in same])}: {measured_length(same[0].record):,}" for same in by_tokens.values()
        )
        yield (
            f"latency is that of a sequence of so many tokens of its own ({lengths}), which are not the same amount of "
            "text; measure.serve=true times the same texts"
        )
    frozen = [variant for variant in pretrained if is_frozen(variant.record.config["encoder"])]
    if frozen and len(variants) > 1:
        yield (
            f"frozen weights are not trained ({listed([one.name for one in frozen])}): the parameters that count there "
            "are those of pooling and head alone, and are not ranked"
        )


def _tokenizer(record: Record) -> str:
    """The tokenizer of a run's data and the size of its vocabulary."""
    name = (record.config.get("data") or {}).get("tokenizer", "tokens")
    return f"{name}, {record.data.vocabulary_size:,} tokens"
