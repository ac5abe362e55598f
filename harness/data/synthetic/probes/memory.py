"""What takes a memory: symbols that are to be said again, after a gap or from among noise."""

from typing import Any

import numpy as np

from harness.data.dataset import Dataset
from harness.data.synthetic.sampling import Example, at_least, dataset

BLANK, GO = "_", ">"


def _symbols(symbols: int) -> list[str]:
    return [str(number) for number in range(symbols)]


def _labels(said: np.ndarray, length: int) -> list[str | None]:
    """Labels for the last steps, where the symbols are asked for; all others do not count."""
    return [None] * (length - len(said)) + [str(symbol) for symbol in said]


def copying(length: int = 5, gap: int = 10, symbols: int = 8, **sizes: Any) -> Dataset:
    """The copying memory task: ``length`` symbols, ``gap`` blanks, then a sign to say them again, in order.

    After Hochreiter & Schmidhuber 1997, in the form of Arjovsky, Shah & Bengio 2016, who take 10 of 8 symbols and gaps
    of 100 to 500. Labels stand where the answer is due; all steps there are the sign and blanks, so that whoever does
    not know its place in the sequence gives one answer to all of them.
    """
    at_least("copying", 1, length=length)
    at_least("copying", 0, gap=gap)
    at_least("copying", 2, symbols=symbols)
    blank, go = 2 + symbols, 3 + symbols

    def draw(rng: np.random.Generator) -> Example:
        said = rng.integers(0, symbols, length)
        x = np.concatenate([2 + said, np.full(gap, blank), [go], np.full(length - 1, blank)])
        return x, _labels(said, len(x))

    vocabulary = [*_symbols(symbols), BLANK, GO]
    return dataset("copying", draw, vocabulary=vocabulary, classes=_symbols(symbols), **sizes)


def selective_copying(length: int = 24, items: int = 4, symbols: int = 8, **sizes: Any) -> Dataset:
    """Selective copying: ``items`` symbols at random among ``length`` steps of noise, to be said again in order.

    Gu & Dao 2023 take 16 of 16 symbols in 4096 steps. Where a symbol stands tells nothing of when it is due: a fixed
    offset, all that copying takes, is not enough.
    """
    at_least("selective_copying", 1, items=items)
    at_least("selective_copying", items, length=length)
    at_least("selective_copying", 2, symbols=symbols)
    noise, go = 2 + symbols, 3 + symbols

    def draw(rng: np.random.Generator) -> Example:
        said = rng.integers(0, symbols, items)
        x = np.full(length + items, noise)
        x[np.sort(rng.choice(length, items, replace=False))] = 2 + said
        x[length:] = go
        return x, _labels(said, len(x))

    vocabulary = [*_symbols(symbols), BLANK, GO]
    return dataset("selective_copying", draw, vocabulary=vocabulary, classes=_symbols(symbols), **sizes)
