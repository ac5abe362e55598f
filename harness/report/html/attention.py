"""Attention weights on a few test sequences, as shaded text: of each variant, one run that kept them."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from harness.analysis.comparability import ComparisonGroup, best_first
from harness.analysis.variants import Variant
from harness.records.store import ATTENTION, Unreadable, load_json


@dataclass(frozen=True)
class Token:
    """A token, the attention it received, and its shade: the opacity of its background, 0 to 1."""

    text: str
    weight: float
    shade: float


@dataclass(frozen=True)
class Example:
    """A test sequence: its labels in words, and for each part of the model that attends its tokens and their scale."""

    title: str
    parts: dict[str, tuple[str, list[Token]]]


@dataclass(frozen=True)
class VariantAttention:
    """The examples of one run of a variant."""

    title: str
    examples: list[Example]


def of_groups(groups: list[ComparisonGroup]) -> list[VariantAttention]:
    """The attention of all variants whose first run kept it; without files that are damaged."""
    return list(_of_groups(groups))


def damaged(groups: list[ComparisonGroup]) -> list[str]:
    """A sentence for each file of attention weights that cannot be read."""
    sentences = []
    for variant in (variant for group in groups for variant in group.variants):
        try:
            _examples(variant)
        except Unreadable as error:
            sentences.append(str(error))
    return sentences


def _of_groups(groups: list[ComparisonGroup]) -> Iterator[VariantAttention]:
    for group in groups:
        for variant in best_first(group, group.variants):
            with suppress(Unreadable):  # the report's notes name it
                if examples := _examples(variant):
                    yield VariantAttention(f"{variant.name}, seed {variant.runs[0].seed}", examples)


def _examples(variant: Variant) -> list[Example]:
    """The examples that a variant's first run kept; none where it kept none.

    Raises:
        Unreadable: the file holds something else.
    """
    file = variant.runs[0].folder / ATTENTION if variant.runs else None
    if file is None or not file.exists():
        return []
    try:
        return [_example(example) for example in load_json(file)["examples"]]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise Unreadable(f"{file} holds no attention weights ({error}); rerun=true makes it again") from None


def _example(example: dict[str, Any]) -> Example:
    verdict = "right" if example["right"] else "wrong"
    parts = {
        part: (_scale(weights), _tokens(example["tokens"], weights)) for part, weights in example["received"].items()
    }
    return Example(f"{verdict}: true {example['true']}, predicted {example['predicted']}", parts)


def _scale(weights: list[float]) -> str:
    """What the darkest shade of a sequence stands for, beside the weight of each token if all had the same."""
    return f"darkest {max(weights):.2g}, {1 / len(weights):.2g} each if even"


def _tokens(texts: list[str], weights: list[float]) -> list[Token]:
    highest = max(weights) or 1.0
    return [Token(text, weight, 0.75 * weight / highest) for text, weight in zip(texts, weights, strict=True)]
