"""Examples drawn until there are enough different ones: so nothing that test or validation asks stands in train."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from harness.checks import is_whole
from harness.data.dataset import SPECIAL, Dataset, from_sequences
from harness.errors import UserError

GIVE_UP = 200
"""Draws in a row that were all there before, after which there is taken to be nothing else."""

Example = tuple[Any, Any]
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
    """Three splits of so many examples, no sequence twice; ``more`` goes to ``from_sequences``.

    ``draw`` makes one example from a generator: token ids, counted from 2 for the first of ``vocabulary``, or an array
    of features; and its label. ``question`` gives what of a sequence decides the answers, where that is not all of it:
    no question then is in two splits. With ``at_every_step``, where a step's label depends on what is before it alone,
    validation and test do not count the steps up to which a sequence stands in train.

    Raises:
        UserError: there are not as many different sequences.
    """
    sizes = {"train": train, "validation": validation, "test": test}
    for key, size in sizes.items():
        if not is_whole(size, least=1):
            raise UserError(f"data.{key} is how many sequences {name} has there, 1 or more, and is {size!r}")
    rng = np.random.default_rng(seed)
    found = different(name, draw, sum(sizes.values()), rng)
    parts = _by_question(found, question, [*sizes.values()], rng) if question else _any(found, [*sizes.values()], rng)
    if at_every_step:
        parts[1:] = [_less_known_beginnings(part, parts[0]) for part in parts[1:]]
    words = [*SPECIAL, *vocabulary] if len(vocabulary) else ()
    columns: list[Any] = [tuple(zip(*part, strict=True)) for part in parts]
    return from_sequences(*columns, vocabulary=words, source=name, **more)


def different(name: str, draw: Draw, wanted: int, rng: np.random.Generator) -> Iterator[Example]:
    """Examples of different sequences, in the order drawn, without an end.

    Raises:
        UserError: draw after draw was there before; ``wanted`` are told to be needed.
    """
    found: set[bytes] = set()
    repeats = 0
    while True:
        x, y = draw(rng)
        key = np.asarray(x).tobytes()
        if key not in found:
            found.add(key)
            repeats = 0
            yield x, y
        elif (repeats := repeats + 1) > GIVE_UP:
            raise UserError(
                f"data: {name} with these settings has hardly more than {len(found)} different sequences, and "
                f"{wanted} are wanted in all; raise data.length, or lower data.train, data.validation and data.test"
            )


def _any(found: Iterator[Example], sizes: list[int], rng: np.random.Generator) -> list[list[Example]]:
    """Splits of these sizes."""
    drawn = list(islice(found, sum(sizes)))
    # shuffled: what is drawn late is what is not yet used up, so longer, and not all of it is to be test
    shuffled = iter([drawn[row] for row in rng.permutation(len(drawn))])
    return [list(islice(shuffled, size)) for size in sizes]


def _by_question(
    found: Iterator[Example], question: Callable[[Any], bytes], sizes: list[int], rng: np.random.Generator
) -> list[list[Example]]:
    """Splits of these sizes, of which each has questions of its own, drawn for it when they first come up."""
    parts: list[list[Example]] = [[] for _ in sizes]
    part_of: dict[bytes, int] = {}
    while [len(part) for part in parts] != sizes:
        x, y = next(found)
        own = part_of.setdefault(question(x), int(rng.choice(len(sizes), p=np.array(sizes) / sum(sizes))))
        if len(parts[own]) < sizes[own]:
            parts[own].append((x, y))
    return parts


def _less_known_beginnings(part: list[Example], train: list[Example]) -> list[Example]:
    """The same examples, with no label at the steps up to which a sequence of ``train`` is the same."""
    known = {np.asarray(x[: step + 1]).tobytes() for x, _ in train for step in range(len(x))}
    return [
        (x, [None if np.asarray(x[: step + 1]).tobytes() in known else label for step, label in enumerate(y)])
        for x, y in part
    ]


def at_least(name: str, least: int, **settings: int) -> None:
    """Refuse settings that are not whole numbers of at least so much.

    Raises:
        UserError: one is not.
    """
    for key, value in settings.items():
        if not is_whole(value, least):
            raise UserError(f"data.{key} of {name} is a whole number of {least} or more, not {value!r}")


def between(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return int(rng.integers(low, high + 1))
