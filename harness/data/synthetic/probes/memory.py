"""Probes of memory: symbols to repeat, after a gap or from among noise."""

from typing import Any

import numpy as np

from harness.data.dataset import Dataset
from harness.data.synthetic.sampling import Example, check_at_least, dataset

BLANK, GO = "_", ">"


def _symbols(symbols: int) -> list[str]:
    return [str(number) for number in range(symbols)]


def _labels(remembered: np.ndarray, length: int) -> list[str | None]:
    """The symbols as labels of the last steps; all other steps do not count."""
    return [None] * (length - len(remembered)) + [str(symbol) for symbol in remembered]


def copying(length: int = 5, gap: int = 10, symbols: int = 8, **sizes: Any) -> Dataset:
    """The copying memory task: ``length`` symbols, ``gap`` blanks, then a signal to repeat the symbols in order.

    After Hochreiter & Schmidhuber 1997, in the form of Arjovsky, Shah & Bengio 2016, who use sequences of 10 out of 8
    symbols and gaps of 100 to 500. The labelled steps are the signal and blanks, so that an encoder without positions
    gives the same answer at all blanks.
    """
    check_at_least("copying", 1, length=length)
    check_at_least("copying", 0, gap=gap)
    check_at_least("copying", 2, symbols=symbols)
    blank, go = 2 + symbols, 3 + symbols

    def draw(rng: np.random.Generator) -> Example:
        remembered = rng.integers(0, symbols, length)
        x = np.concatenate([2 + remembered, np.full(gap, blank), [go], np.full(length - 1, blank)])
        return x, _labels(remembered, len(x))

    vocabulary = [*_symbols(symbols), BLANK, GO]
    return dataset("copying", draw, vocabulary=vocabulary, classes=_symbols(symbols), **sizes)


def selective_copying(length: int = 24, items: int = 4, symbols: int = 8, **sizes: Any) -> Dataset:
    """Selective copying: ``items`` symbols at random among ``length`` steps of noise, to repeat in order.

    Gu & Dao 2023 use 16 out of 16 symbols in 4096 steps. The distance from a symbol to its repetition varies: a fixed
    offset, which is sufficient for copying, is not sufficient here.
    """
    check_at_least("selective_copying", 1, items=items)
    check_at_least("selective_copying", items, length=length)
    check_at_least("selective_copying", 2, symbols=symbols)
    noise, go = 2 + symbols, 3 + symbols

    def draw(rng: np.random.Generator) -> Example:
        remembered = rng.integers(0, symbols, items)
        x = np.full(length + items, noise)
        x[np.sort(rng.choice(length, items, replace=False))] = 2 + remembered
        x[length:] = go
        return x, _labels(remembered, len(x))

    vocabulary = [*_symbols(symbols), BLANK, GO]
    return dataset("selective_copying", draw, vocabulary=vocabulary, classes=_symbols(symbols), **sizes)
