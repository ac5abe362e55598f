"""A probe of a stack: brackets that must close in the right order."""

from typing import Any

import numpy as np

from harness.data.dataset import Dataset
from harness.data.synthetic.sampling import Example, between, check_at_least, dataset
from harness.errors import UserError

TRIES = 1000
"""Random beginnings before the settings are refused."""
BRACKETS = ["()", "[]", "{}", "<>"]


def dyck(length: int = 32, min_length: int = 4, depth: int = 6, brackets: int = 2, **sizes: Any) -> Dataset:
    """Bounded brackets: which bracket must close next, after the beginning of a Dyck-(k, m) word.

    The languages are those of Hewitt et al. 2020 with k = ``brackets`` kinds and at most m = ``depth`` open brackets.
    The bracket to close was opened 2, 4, ... or up to ``length / 2`` steps before the last step, all equally likely, so
    that the last few steps rarely contain the answer. The brackets that are open at the end are equally many of each
    kind, in random order: token counts give no hint, and an encoder that ignores order is at chance, 1/k.
    """
    check_at_least("dyck", 2, brackets=brackets)
    check_at_least("dyck", 1, min_length=min_length)
    if brackets > len(BRACKETS) or depth <= brackets or min_length > length or length < brackets + 2:
        raise UserError(
            f"data: dyck needs 2 to {len(BRACKETS)} brackets, a depth above brackets, a length of brackets + 2 or more "
            f"and a min_length of at most length, not brackets={brackets}, depth={depth}, length={length} and "
            f"min_length={min_length}"
        )
    farthest = min(length // 2, length - brackets) // 2

    def draw(rng: np.random.Generator) -> Example:
        distance = 2 * between(rng, 1, farthest)
        for _ in range(TRIES):
            before = _shape(rng, between(rng, max(min_length, distance + brackets), length) - distance - 1, depth)
            left = 2 * sum(before) - len(before) + 1
            if left >= depth or left % brackets:
                continue
            closed = _shape(rng, distance, depth - left)
            if 2 * sum(closed) == distance:
                return _typed(rng, [*before, True, *closed], left, brackets)
        raise UserError(
            f"data: hardly any beginning of {min_length} to {length} brackets leaves equally many of each kind open; "
            "raise data.length, or lower data.min_length"
        )

    names = BRACKETS[:brackets]
    vocabulary = [*(name[0] for name in names), *(name[1] for name in names)]
    return dataset("dyck", draw, vocabulary=vocabulary, classes=[name[1] for name in names], **sizes)


def _shape(rng: np.random.Generator, length: int, depth: int) -> list[bool]:
    """Whether each step opens a bracket: a random walk of the depth between 0 and ``depth``."""
    height, opens = 0, []
    for _ in range(length):
        opens.append(bool(height == 0 or (height < depth and rng.random() < 0.5)))
        height += 1 if opens[-1] else -1
    return opens


def _typed(rng: np.random.Generator, opens: list[bool], left: int, brackets: int) -> Example:
    """Token ids, and the bracket that must close next; ``left`` brackets are open at the end."""
    stack, tokens = [], [0] * len(opens)
    for step, opening in enumerate(opens):
        if opening:
            tokens[step] = int(rng.integers(brackets))
            stack.append(step)
        else:
            tokens[step] = brackets + tokens[stack.pop()]
    for step, kind in zip(stack, rng.permutation(np.arange(left) % brackets), strict=True):
        tokens[step] = int(kind)
    return [2 + token for token in tokens], BRACKETS[tokens[stack[-1]]][1]
