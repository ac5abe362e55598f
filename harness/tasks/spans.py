"""Spans of tags: which tags mark them, and their F1 as seqeval counts.

A tag is ``prefix-kind`` or, outside of all spans, ``O``. Known schemes, by their prefixes:

| scheme | begin | inside | end | single | reference |
|---|---|---|---|---|---|
| BIO (IOB2), IOB1, IOE | B, or I | I | I, or E | B, or I | Ramshaw & Marcus 1995; Tjong Kim Sang & Veenstra 1999 |
| BIOES (IOBES) | B | I | E | S | the same under several names |
| BILOU | B | I | L | U | Ratinov & Roth 2009 |
| BMES, BMEWO | B | M | E | S, or W | Xue 2003 |
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from harness.data.dataset import IGNORED

SCHEMES = ("BIOES", "BILOU", "BMEOS", "BMEOW")
"""The prefixes of each scheme, and O; BIO and IOE are parts of the first."""
AS_BIOES = {"L": "E", "U": "S", "M": "I", "W": "S"}
"""Prefixes that seqeval's default mode does not know, and those that mean the same."""
TAG = re.compile(r"([BIESLUMW])(-.*)?", re.DOTALL)
OTHER_SPELLING = re.compile(r"[BI]_.+|.+[-_][BI]|B-.*", re.DOTALL | re.IGNORECASE)
"""Tags that look like spans to a reader: ``B_PER``, ``PER-B``, or ``B-PER`` among tags of no scheme."""


def as_bioes(tags: Sequence[str]) -> list[str] | None:
    """The tags of a scheme with the prefixes of BIOES, in their order; None if they are tags of no scheme.

    Bare prefixes are spans of one kind without a name, as seqeval reads them, if one is ``B``, or if they are ``I`` and
    ``O``; bare prefixes beside tags with a kind are no scheme.
    """
    matches = [TAG.fullmatch(tag) for tag in tags if tag != "O"]
    if not matches or not all(matches):
        return None
    prefixes, bare = {match[1] for match in matches if match}, [match[2] is None for match in matches if match]
    if not any(prefixes <= set(scheme) for scheme in SCHEMES):
        return None
    if any(bare) and not (all(bare) and ("B" in prefixes or prefixes == {"I"})):
        return None
    return [AS_BIOES.get(tag[0], tag[0]) + tag[1:] for tag in tags]


def unread_spans(tags: Sequence[str]) -> str | None:
    """Where tags look like spans and are of no scheme, one of them that does not fit; else None."""
    if as_bioes(tags) is not None or not any(OTHER_SPELLING.fullmatch(tag) for tag in tags):
        return None
    return next((tag for tag in tags if tag != "O" and as_bioes(["B-", tag]) is None), tags[0])


def f1_span(batches: Iterable[tuple[np.ndarray, np.ndarray]], tags: Sequence[str]) -> float:
    """F1 over the spans of all rows, from batches of logits ``NLC`` and labels ``NL``, as seqeval counts by default.

    A span is correct if its kind, beginning and end are correct (as in the CoNLL shared tasks: where a span of its kind
    was not begun, any tag of it begins one). ``tags`` are names by id, in the prefixes of BIOES; those beyond the
    classes are of labels that train never saw. 0 if no span is correct.
    """
    from seqeval.metrics import f1_score

    true, predicted = [], []
    for logits, labels in batches:
        for answer_L, label_L in zip(logits.argmax(-1), labels, strict=True):
            counted_L = label_L != IGNORED
            true.append([tags[number] for number in label_L[counted_L]])
            predicted.append([tags[number] for number in answer_L[counted_L]])
    return float(f1_score(true, predicted, zero_division=0))
