"""Random examples without repetition, so that no question of validation or test is in train."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from harness.data.dataset import SPECIAL, Dataset, from_sequences
from harness.errors import UserError

GIVE_UP = 200
"""Known examples in a row after which there are taken to be no others."""

Example = tuple[Any, Any]
"""A sequence and its label."""
Draw = Callable[[np.random.Generator], Example]


def dataset(
    name: str,
    draw: Draw,
    *,
    train: int,
    validation: int,
    test: int,
    seed: int,
    vocabulary: Sequence[str] = (),
    question: Callable[[Any], bytes] | None = None,
    at_every_step: bool = False,
    **more: Any,
) -> Dataset:
    """Three splits of different sequences, of the given sizes; ``more`` goes to ``from_sequences``.

    ``draw`` generates one example: a sequence of token ids (2 is the first entry of ``vocabulary``) or of features, and
    its label. ``question`` returns the part of a sequence that decides its labels, if only a part does: then no
    question is in two splits. ``at_every_step`` is for labels that depend only on the steps up to theirs: validation
    and test then ignore steps whose prefix is in train.

    Raises:
        UserError: a size is not 1 or more, or there are too few different sequences.
    """
    sizes = {"train": train, "validation": validation, "test": test}
    for key, size in sizes.items():
        least = 0 if key == "validation" else 1
        if not _is_whole(size, least):
            raise UserError(f"data.{key} is the number of sequences of {name}, {least} or more, and is {size!r}")
    rng = np.random.default_rng(seed)
    examples = different(name, draw, sum(sizes.values()), rng)
    counts = list(sizes.values())
    parts = _split_by_question(examples, question, counts, rng) if question else _split(examples, counts, rng)
    if at_every_step:
        parts[1:] = [_ignore_known_prefixes(part, parts[0]) for part in parts[1:]]
    words = [*SPECIAL, *vocabulary] if len(vocabulary) else ()
    columns: list[Any] = [tuple(zip(*part, strict=True)) or ((), ()) for part in parts]
    return from_sequences(*columns, vocabulary=words, source=name, **more)


def different(name: str, draw: Draw, needed: int, rng: np.random.Generator) -> Iterator[Example]:
    """Examples of different sequences without an end, in random order; ``needed`` is their number for the message.

    Raises:
        UserError: ``GIVE_UP`` examples in a row were known already.
    """
    known: set[bytes] = set()
    repeats = 0
    while True:
        x, y = draw(rng)
        key = np.asarray(x).tobytes()
        if key not in known:
            known.add(key)
            repeats = 0
            yield x, y
        elif (repeats := repeats + 1) > GIVE_UP:
            raise UserError(
                f"data: {name} with these settings has hardly more than {len(known)} different sequences, but "
                f"{needed} are needed; raise data.length, or lower data.train, data.validation and data.test"
            )


def _split(examples: Iterator[Example], sizes: list[int], rng: np.random.Generator) -> list[list[Example]]:
    """Splits of these sizes."""
    sampled = list(islice(examples, sum(sizes)))
    # shuffled, because short sequences run out first: else the last split would have only long ones
    shuffled = iter([sampled[row] for row in rng.permutation(len(sampled))])
    return [list(islice(shuffled, size)) for size in sizes]


def _split_by_question(
    examples: Iterator[Example], question: Callable[[Any], bytes], sizes: list[int], rng: np.random.Generator
) -> list[list[Example]]:
    """Splits of these sizes that share no question: a question is assigned to a split when it first appears."""
    parts: list[list[Example]] = [[] for _ in sizes]
    part_of: dict[bytes, int] = {}
    while [len(part) for part in parts] != sizes:
        x, y = next(examples)
        part = part_of.setdefault(question(x), int(rng.choice(len(sizes), p=np.array(sizes) / sum(sizes))))
        if len(parts[part]) < sizes[part]:
            parts[part].append((x, y))
    return parts


def _ignore_known_prefixes(part: list[Example], train: list[Example]) -> list[Example]:
    """The same examples, without a label at steps where the sequence up to this step begins a sequence of ``train``."""
    known = {np.asarray(x[: step + 1]).tobytes() for x, _ in train for step in range(len(x))}
    return [
        (x, [None if np.asarray(x[: step + 1]).tobytes() in known else label for step, label in enumerate(y)])
        for x, y in part
    ]


def check_at_least(name: str, least: int, **settings: int) -> None:
    """Refuse settings that are not whole numbers of at least ``least``.

    Raises:
        UserError: the message names the setting.
    """
    for key, value in settings.items():
        if not _is_whole(value, least):
            raise UserError(f"data.{key} of {name} is a whole number of {least} or more, not {value!r}")


def _is_whole(value: Any, least: int) -> bool:
    """Whether a value is a whole number of at least ``least``; True and False are not numbers."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def between(rng: np.random.Generator, low: int, high: int) -> int:
    """A random whole number from low to high, both included."""
    return int(rng.integers(low, high + 1))
