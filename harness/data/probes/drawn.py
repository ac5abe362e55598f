"""Examples drawn until there are enough different ones: so no sequence of test or validation stands in train."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from harness.checks import is_whole
from harness.data.dataset import SPECIAL, Dataset, from_sequences
from harness.records import Mistake

GIVE_UP = 200
"""Draws in a row that were all there before, after which there is taken to be nothing else."""

Example = tuple[Any, Any]
Draw = Callable[[np.random.Generator], Example]


def dataset(
    name: str, draw: Draw, *, train: int, validation: int, test: int, seed: int, vocabulary: Sequence[str] = (),
    **more: Any,
) -> Dataset:
    """Three splits of so many examples, no sequence twice; ``more`` goes to ``from_sequences``.

    ``draw`` makes one example from a generator: token ids, counted from 2 for the first of ``vocabulary``, or an array
    of features; and its label.

    Raises:
        Mistake: there are not as many different sequences.
    """
    sizes = {"train": train, "validation": validation, "test": test}
    for key, size in sizes.items():
        if not is_whole(size, least=1):
            raise Mistake(f"data.{key} is how many sequences {name} has there, 1 or more, and is {size!r}")
    rng = np.random.default_rng(seed)
    found = distinct(name, draw, sum(sizes.values()), rng)
    # shuffled: what is drawn late is what is not yet used up, so longer, and not all of it is to be test
    examples = [found[row] for row in rng.permutation(len(found))]
    parts: list[Any] = []
    start = 0
    for size in sizes.values():
        parts.append(tuple(zip(*examples[start : start + size], strict=True)))
        start += size
    words = [*SPECIAL, *vocabulary] if len(vocabulary) else ()
    return from_sequences(*parts, vocabulary=words, source=name, **more)


def distinct(name: str, draw: Draw, wanted: int, rng: np.random.Generator) -> list[Example]:
    """So many examples of different sequences, in the order drawn.

    Raises:
        Mistake: draw after draw was there before.
    """
    found: dict[bytes, Example] = {}
    repeats = 0
    while len(found) < wanted:
        x, y = draw(rng)
        key = np.asarray(x).tobytes()
        repeats = repeats + 1 if key in found else 0
        if repeats > GIVE_UP:
            raise Mistake(
                f"data: {name} with these settings has hardly more than {len(found)} different sequences, and "
                f"{wanted} are wanted in all; raise data.length, or lower data.train, data.validation and data.test"
            )
        found.setdefault(key, (x, y))
    return list(found.values())


def at_least(name: str, least: int, **settings: int) -> None:
    """Refuse settings that are not whole numbers of at least so much.

    Raises:
        Mistake: one is not.
    """
    for key, value in settings.items():
        if not is_whole(value, least):
            raise Mistake(f"data.{key} of {name} is a whole number of {least} or more, not {value!r}")


def between(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return int(rng.integers(low, high + 1))
