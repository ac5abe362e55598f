"""What a search tries: the overrides of its command as Optuna's distributions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from harness.config import per_encoder
from harness.errors import UserError
from harness.runner.batches_sweeper import Job, is_seed, values_of

ENCODER = "encoder"


@dataclass(frozen=True)
class Space:
    """What the jobs of a search share (``fixed``), what its trials try, by key, and the seeds that each trial has."""

    fixed: Job
    tried: Mapping[str, BaseDistribution]
    seeds: Job

    @property
    def size(self) -> int | None:
        """The number of different trials; None where it has no end."""
        encoder = self.tried.get(ENCODER)
        options = [str(one) for one in encoder.choices] if isinstance(encoder, CategoricalDistribution) else [None]
        counts = [[count_of(one) for key, one in self.of(option).items() if key != ENCODER] for option in options]
        known = [[count for count in of_option if count is not None] for of_option in counts]
        return sum(map(prod, known)) if known == counts else None

    def of(self, encoder: str | None) -> dict[str, BaseDistribution]:
        """What a trial with this encoder tries: not the settings of others alone, such as ``+per.cnn.kernel_size``."""
        settings = {key: per_encoder.read(f"{key}=...") for key in self.tried}
        return {key: self.tried[key] for key, one in settings.items() if one is None or encoder in (None, one.encoder)}

    def own(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of a trial that its runs have."""
        return {key: settings[key] for key in self.of(settings.get(ENCODER))}

    def jobs(self, settings: Mapping[str, Any]) -> list[Job]:
        """The overrides of a trial's runs, one for each seed."""
        job = [*self.fixed, *(f"{key}={value}" for key, value in settings.items())]
        return [[*job, seed] for seed in self.seeds] or [job]


def read_space(overrides: Sequence[str], parser: OverridesParser) -> Space:
    """The space that these overrides describe; a later override of a key replaces an earlier one.

    Raises:
        UserError: nothing is searched, or a key has an interval where it takes none.
        HydraException: an override cannot be parsed.
    """
    by_key = {override.get_key_element(): override for override in parser.parse_overrides(list(overrides))}
    fixed: Job = []
    seeds: Job = []
    tried: dict[str, BaseDistribution] = {}
    for key, override in by_key.items():
        if is_seed(f"{key}="):
            if override.is_interval_sweep():
                raise UserError(f"{key} takes whole numbers, such as seed=0,1,2: every trial is trained with each seed")
            seeds = list(dict.fromkeys(values_of(override)))
        elif override.is_sweep_override():
            tried[key] = distribution_of(override)
        else:
            fixed += values_of(override)
    if not tried:
        raise UserError(
            "hydra/sweeper=optuna has nothing to search; give a key several values, such as "
            "encoder.hidden_size=64,128,256, or an interval, such as 'optimizer.lr=interval(1e-4,1e-1)'"
        )
    return Space(fixed, tried, seeds)


def distribution_of(override: Override) -> BaseDistribution:
    """The values of an override: ``a,b`` and ``choice(a,b)``, ``range(start,stop,step)``, ``interval(low,high)``.

    As everywhere in Hydra, a range ends below its stop. The tag ``log`` makes an interval logarithmic.

    Raises:
        UserError: there is no such value.
    """
    value = override.value()
    if isinstance(value, IntervalSweep) and value.start is not None and value.end is not None:
        whole = isinstance(value.start, int) and isinstance(value.end, int)
        low, high, log = value.start, value.end, "log" in value.tags
        if low > high or (log and low <= 0):
            above_0 = ", above 0 for a logarithmic one" if log else ""
            raise UserError(f"{override.input_line}: an interval goes from the smaller to the larger number{above_0}")
        return IntDistribution(int(low), int(high), log) if whole else FloatDistribution(float(low), float(high), log)
    if isinstance(value, RangeSweep):
        return _of_range(override)
    key = override.get_key_element()
    choices = [text.removeprefix(f"{key}=") for text in values_of(override)]
    if not choices:
        raise UserError(f"{override.input_line} matches nothing; give it one or more values")
    return CategoricalDistribution(list(dict.fromkeys(choices)))


def _of_range(override: Override) -> BaseDistribution:
    values: list[Any] = list(override.sweep_iterator())
    values.sort()
    if not values:
        raise UserError(f"{override.input_line} has no value: a range ends below its stop")
    step = values[1] - values[0] if len(values) > 1 else 1
    if all(isinstance(value, int) for value in values):
        return IntDistribution(values[0], values[-1], step=step)
    # the last value as the first one and steps, which Optuna counts
    return FloatDistribution(values[0], values[0] + step * (len(values) - 1), step=step)


def count_of(distribution: BaseDistribution) -> int | None:
    """The number of values of a distribution; None where it has no end."""
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return int((distribution.high - distribution.low) // distribution.step + 1)
    assert isinstance(distribution, FloatDistribution)
    if distribution.low == distribution.high:
        return 1
    return round((distribution.high - distribution.low) / distribution.step) + 1 if distribution.step else None


def value_at(distribution: BaseDistribution, place: int) -> Any:
    """The value at a place, counted from 0, of a distribution whose values can be counted."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[place]
    assert isinstance(distribution, (IntDistribution, FloatDistribution))
    return distribution.low + place * (distribution.step or 0)  # of no step there is one value
