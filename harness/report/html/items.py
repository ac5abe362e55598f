"""The test items that the best variants of a group disagree on, as the page shows them."""

from dataclasses import dataclass

from harness.analysis.disagreements import ALL_RIGHT, Answer, Disagreements, Item
from harness.report import item_texts, items

BEGINNING = 240
"""How many characters of a text are shown at once; a click shows the rest."""
MOST_TRUTHS = 40
"""From more classes than this, none is chosen from a list."""


@dataclass(frozen=True)
class Row:
    """An item: ``right`` and ``wrong`` have the places of the variants most of whose runs are so.

    Of each answer there are its class of CSS, the answer, and how many runs gave it.
    """

    number: int
    beginning: str
    rest: str
    truth: str
    right: str
    wrong: str
    answers: list[tuple[str, str, str]]


@dataclass(frozen=True)
class DisagreementsPart:
    """What the template shows. ``filters``: whether rows can be filtered; ``truths`` are the classes to choose from."""

    heading: str
    sentence: str
    caption: str
    variants: list[str]
    rows: list[Row]
    with_texts: bool
    filters: bool
    truths: list[str]


def part(found: Disagreements) -> DisagreementsPart:
    """The part of the page."""
    record = max((variant.record for variant in found.variants), key=lambda record: record.started)
    texts = item_texts.texts(record, [item.row for item in found.items])
    truths = sorted({item.truth for item in found.items}) if record.data.task == "classification" else []
    return DisagreementsPart(
        items.HEADING, items.agreement_sentence(found.agreement) if found.agreement else "", items.caption(found),
        [variant.name for variant in found.variants], [_row(item, texts.get(item.row, "")) for item in found.items],
        bool(texts), found.agreement is not None, truths if len(truths) <= MOST_TRUTHS else [],
    )  # fmt: skip


def _row(item: Item, text: str) -> Row:
    beginning = text
    if len(text) > BEGINNING:
        beginning = text[:BEGINNING].rpartition(" ")[0] or text[:BEGINNING]
    kinds = [_kind(given, item) for given in item.answers]
    right, wrong = (
        " ".join(str(place) for place, kind in enumerate(kinds) if kind == wanted) for wanted in ("right", "wrong")
    )
    answers = [(kind, given.text, items.runs(given)) for kind, given in zip(kinds, item.answers, strict=True)]
    return Row(item.row, beginning, text[len(beginning) :], item.truth, right, wrong, answers)


def _kind(given: Answer, item: Item) -> str:
    """Whether most of the runs are ``right`` or ``wrong``; empty where it is even, or the answer is right."""
    if given.right is None or given.right == 0.5:
        return ""
    if given.right > 0.5:
        return "right"
    return "" if given.text in (item.truth, ALL_RIGHT) else "wrong"  # runs that are wrong in different ways
