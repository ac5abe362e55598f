"""Two things measured in turns, A B B A A B ..., and what their ratios come to.

A machine drifts: only what was measured side by side is compared, pair by pair, and the median of the pairs is told.
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
if sys.path[0] != str(REPOSITORY):
    sys.path.insert(0, str(REPOSITORY))  # this checkout is measured, whatever else is installed

PAIRS = 5
TOO_FEW = "too few pairs"

Found = dict[str, float]
Pair = dict[str, Found]
"""What each side of a pair gave, by the side's name."""


@dataclass(frozen=True)
class Goal:
    """The range that a median has to lie in; without either end there is nothing to reach."""

    least: float | None = None
    most: float | None = None

    def met_by(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        if self.least is not None:
            return f"at least {self.least:g}"
        return "-" if self.most is None else f"at most {self.most:g}"


@dataclass(frozen=True)
class Row:
    """One line of the table: a value from each pair, a ratio or seconds, and the goal for their median."""

    what: str
    against: str
    values: Sequence[float]
    goal: Goal
    unit: str = "x"

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> bool:
        return self.goal.met_by(self.median)

    @property
    def verdict(self) -> str:
        if self.goal == Goal():
            return "-"
        if len(self.values) < PAIRS:
            return TOO_FEW
        return "yes" if self.met else "NO"

    @property
    def cells(self) -> tuple[str, ...]:
        spread = f"{self.median:.3f} {self.unit} ({min(self.values):.3f} to {max(self.values):.3f})"
        return self.what, self.against, spread, str(len(self.values)), str(self.goal), self.verdict


HEADINGS = ("what", "against", "median (range)", "pairs", "goal", "met")


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = [HEADINGS, tuple("---" for _ in HEADINGS), *(row.cells for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def in_turns(sides: dict[str, Callable[[], Found]], pairs: int, first: int = 1) -> list[Pair]:
    """Measure every side once a pair; which comes first alternates. Each pair is printed as it is done.

    ``first`` is the number of the first pair, where others were measured before.
    """
    done: list[Pair] = []
    for number in range(first, first + pairs):
        names = list(sides) if number % 2 else list(reversed(sides))
        found = {name: sides[name]() for name in names}
        done.append({name: found[name] for name in sides})
        told = (f"{name}: " + ", ".join(f"{key} {value:,.5g}" for key, value in found[name].items()) for name in sides)
        print(f"  pair {number}: {'; '.join(told)}", flush=True)
    return done


def ratios(pairs: Sequence[Pair], key: str, over: str, under: str) -> list[float]:
    """Of each pair, what the side ``over`` gave divided by what the side ``under`` gave."""
    return [pair[over][key] / pair[under][key] for pair in pairs]


Rows = Callable[[int, bool, Sequence[str]], list[Row]]
"""What a benchmark is: ``rows(pairs, quick, overrides)``; ``quick`` takes sizes that try it out and measure nothing."""


def main(rows: Rows, description: str | None) -> None:
    """Run one benchmark by itself and print its rows."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: to see that it runs, not to measure")
    parser.add_argument("overrides", nargs="*", help="what to set besides, as for python -m harness")
    chosen = parser.parse_args()
    print(table(rows(chosen.pairs, chosen.quick, chosen.overrides)), end="")
