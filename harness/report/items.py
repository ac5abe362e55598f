"""The test items that the best variants disagree on, in words and as Markdown."""

from collections.abc import Iterator

from harness.analysis.disagreements import Agreement, Answer, Disagreements
from harness.analysis.listed import listed
from harness.data.labels import SEVERAL

MOST_IN_MARKDOWN = 10
HEADING = "Test items that the best variants disagree on"


def agreement_sentence(found: Agreement) -> str:
    """How often the best two are right on the same items, with McNemar's table."""
    several = max(len(variant.runs) for variant in (found.one, found.other)) > 1
    task = found.one.record.data.task
    whole = "; an item is right if all of its labels are" if task in (*SEVERAL, "multilabel") else ""
    one, other = found.one.name, found.other.name
    sentence = (
        f"Of {found.items:,} test items, {one} and {other} are both right or both wrong on {_percent(found.agree)}; "
        f"{one} alone is right on {_count(found.only_one)}, {other} alone on {_count(found.only_other)}"
        f"{' (means over all pairs of their runs)' if several else ''}{whole}."
    )
    within = ", ".join(
        f"two runs of {variant.name} agree on {_percent(share)}"
        for variant, share in zip((found.one, found.other), found.within, strict=True)
        if share is not None
    )
    return f"{sentence} {within[0].upper()}{within[1:]}." if within else sentence


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _count(count: float) -> str:
    return f"{count:,.0f}" if count >= 10 or count == round(count) else f"{count:.1f}"


def caption(found: Disagreements) -> str:
    """What the list shows."""
    names = listed([variant.name for variant in found.variants])
    shown = f"{len(found.items)} of {found.differing:,}" if found.differing > len(found.items) else f"{found.differing}"
    return (
        f"{shown} test items on which {names} differ, the largest differences first. A row is numbered as in the test "
        "split, from 0. An answer is that of most runs, with their number."
    )


def runs(given: Answer) -> str:
    """How many runs gave an answer, such as ``2 of 3``; empty where there is one run."""
    if given.runs == 1:
        return ""
    return f"mean of {given.runs}" if given.count is None else f"{given.count} of {given.runs}"


def table(found: Disagreements) -> Iterator[list[str]]:
    """The head, then a row for each item, in the short form."""
    yield ["row", "truth", *(variant.name for variant in found.variants)]
    for item in found.items[:MOST_IN_MARKDOWN]:
        answers = [f"{given.text} ({runs(given)})" if given.runs > 1 else given.text for given in item.answers]
        yield [str(item.row), item.truth, *answers]
