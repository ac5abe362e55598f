"""The space that ``tune=`` searches: which keys it may have, and the settings to try, the same for every encoder.

A key has a list of values, ``trainer.batch_size: [16, 32]``, or a range, ``optimizer.lr: {low: 1e-4, high: 0.03, log:
true}``. One key is tried value by value, or at points that divide its range evenly. Several lists are tried in all
combinations where there are enough trials. Everything else is drawn at random: random search finds better settings than
a grid of as many trials where few of the keys matter (Bergstra & Bengio 2012).
"""

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from harness.errors import UserError

TUNABLE = ("encoder.", "head.", "input.", "optimizer.", "pooling.", "position.")
TUNABLE_KEYS = ("trainer.batch_size", "trainer.clip_norm")
"""What may be tuned: settings of the model and of its optimisation, but not the data, the budget or the measurement."""
RANGE = {"low", "high", "log"}
"""The keys of a range; ``log`` may be left out."""
FIGURES = 3
"""Numbers are rounded to so many figures, in a narrow range to those of its width: more say nothing, in long names."""
MOST_DRAWS = 50
"""So many draws for each setting that is wanted: a small space may have fewer different ones."""

Settings = dict[str, Any]
"""Dotted keys of the config to values."""


@dataclass(frozen=True)
class Range:
    """The numbers from ``low`` to ``high``; whole ones if both are whole. ``log``: evenly spread in the logarithm."""

    low: float
    high: float
    log: bool = False

    def at(self, share: float) -> float:
        """The number at a share (0 to 1) of the way from ``low`` to ``high``."""
        return self._rounded(self._between(self.low, self.high, share))

    def drawn(self, share: float) -> float:
        """The number for a random share; of whole numbers, the two ends are as likely as if they had neighbours."""
        if not self._whole:
            return self.at(share)
        return self._rounded(self._between(self.low - 0.5, self.high + 0.5, share))

    @property
    def _whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def _between(self, low: float, high: float, share: float) -> float:
        if self.log:
            return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        return low + share * (high - low)

    def _rounded(self, value: float) -> float:
        width = (self.high - self.low) / max(abs(self.low), abs(self.high))
        figures = FIGURES + max(0, math.floor(-math.log10(width)))
        rounded = round(value) if self._whole else float(f"{value:.{figures}g}")
        return min(max(rounded, self.low), self.high)


Values = list[Any] | Range


def read(space: Mapping[str, Any]) -> dict[str, Values]:
    """The values of each dotted key of a space.

    Raises:
        UserError: a key may not be tuned, a list is empty, or a range is none.
    """
    return {key: _values(key, value) for key, value in _flat(space)}


def settings_to_try(space: Mapping[str, Values], trials: int | None, seed: int) -> list[Settings]:
    """The settings to try; a function of its arguments alone, so that they are the same for every encoder.

    ``trials`` is their largest number: there are fewer where the space has fewer. None: all combinations.

    Raises:
        UserError: a range needs a number of trials, and there is none.
    """
    lists = [values for values in space.values() if isinstance(values, list)]
    combinations = math.prod(map(len, lists))
    rng = random.Random(f"tune/{seed}")
    if len(lists) == len(space):
        every = [dict(zip(space, values, strict=True)) for values in product(*lists)]
        return every if trials is None or trials >= combinations else [every[n] for n in _sample(rng, every, trials)]
    if trials is None:
        key = next(key for key, values in space.items() if isinstance(values, Range))
        raise UserError(f"tune.space.{key} is a range, so tune.trials must say how many settings to try: tune.trials=8")
    if len(space) == 1:
        ((key, values),) = space.items()
        assert isinstance(values, Range)
        return _distinct([{key: values.at(n / max(trials - 1, 1))} for n in range(trials)])
    # each key has its own generator: the draws of one do not depend on the others of the space
    generators = {key: random.Random(f"tune/{seed}/{key}") for key in space}
    found: list[Settings] = []
    for _ in range(MOST_DRAWS * trials):
        one = {key: _draw(space[key], generators[key]) for key in space}
        if one not in found:
            found.append(one)
        if len(found) == trials:
            break
    return found


def without(settings: list[Settings], keys: set[str]) -> list[Settings]:
    """The settings for an encoder that lacks these keys, each once, in the same order."""
    return _distinct([{key: value for key, value in one.items() if key not in keys} for one in settings])


def _sample(rng: random.Random, every: list[Settings], trials: int) -> list[int]:
    return sorted(rng.sample(range(len(every)), trials))


def _draw(values: Values, rng: random.Random) -> Any:
    return values.drawn(rng.random()) if isinstance(values, Range) else rng.choice(values)


def _distinct(settings: list[Settings]) -> list[Settings]:
    kept: list[Settings] = []
    for one in settings:
        if one and one not in kept:
            kept.append(one)
    return kept


def _flat(space: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys to values; a range is a value."""
    for key, value in space.items():
        name = f"{where}{key}"
        if isinstance(value, dict) and not (value.keys() & {"low", "high"}):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def _values(key: str, value: Any) -> Values:
    if not key.startswith(TUNABLE) and key not in TUNABLE_KEYS:
        may = ", ".join([f"{group}*" for group in TUNABLE] + list(TUNABLE_KEYS))
        raise UserError(f"tune.space.{key} cannot be tuned; these can: {may}")
    if isinstance(value, list):
        if not value:
            raise UserError(f"tune.space.{key} has no value; write tune.space.{key}=[A,B], or leave it out")
        return [one for place, one in enumerate(value) if one not in value[:place]]  # no trial is run twice
    if isinstance(value, dict) and value.keys() <= RANGE and _is_range(value):
        return Range(value["low"], value["high"], value.get("log", False))
    raise UserError(
        f"tune.space.{key} must be a list of values or a range {{low:A,high:B,log:true}} of numbers with low below "
        f"high (above 0 with log), and is {value!r}"
    )


def _is_range(value: dict[str, Any]) -> bool:
    low, high, log = (value.get(key, False) for key in ("low", "high", "log"))
    if not all(type(end) in (int, float) and math.isfinite(end) for end in (low, high)):
        return False
    return isinstance(log, bool) and bool(low < high) and (low > 0 or not log)
