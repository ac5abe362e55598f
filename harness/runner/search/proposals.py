"""Which settings a search tries next: Optuna's samplers are asked, and told of the trials before.

A proposal depends on the seed of the sampler and on these trials alone, so that a search that was interrupted goes on
as it would have gone on.
"""

import hashlib
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import optuna
from hydra.utils import instantiate
from omegaconf import DictConfig
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from harness.errors import UserError
from harness.runner.search.space import ENCODER, Space, count_of, value_at

ATTEMPTS = 20
"""So often a sampler may propose what was tried before, until something else is taken."""


@dataclass(frozen=True)
class Proposal:
    """The settings of a trial, by key. ``state`` is what the sampler keeps with it, and ``batch`` when it was made.

    Trials of a batch were chosen without knowing each other's scores.
    """

    settings: Mapping[str, Any]
    batch: int = 0
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What a trial gave: its score, None if it failed; ``steps`` are the scores by epoch.

    ``stopped``: it was ended early, so its score is that of fewer epochs.
    """

    score: float | None
    steps: Mapping[int, float] = field(default_factory=dict)
    stopped: bool = False


def propose(
    past: Sequence[Proposal], results: Sequence[Result], space: Space, sampler: DictConfig, direction: str, count: int
) -> list[Proposal]:
    """The next batch of ``count`` trials; fewer, or none, where nothing is left that was not tried.

    Raises:
        UserError: the trials before were of another space.
    """
    # its log has a handler of its own, with the codes of colours
    optuna.logging.disable_default_handler()
    logging.getLogger("optuna").setLevel(logging.ERROR)
    study = optuna.create_study(direction=direction)
    for proposal, result in zip(past, results, strict=True):
        study.add_trial(_told(proposal, result, space))
    seen = {_key(proposal.settings) for proposal in past}
    batch = past[-1].batch + 1 if past else 0
    proposals: list[Proposal] = []
    for number in range(len(past), len(past) + count):
        if len(seen) == space.size:
            break
        found = _ask(study, space, sampler, number, seen)
        if found is None:
            break
        settings = _settings(found, space)
        seen.add(_key(settings))
        proposals.append(Proposal(settings, batch, found.system_attrs))
    return proposals


def _ask(
    study: optuna.Study, space: Space, sampler: DictConfig, number: int, seen: set[tuple[Any, ...]]
) -> FrozenTrial | None:
    """A trial that was not tried; None where the sampler does not find one in a space without end."""
    for attempt in range(ATTEMPTS):
        study.sampler = _sampler(sampler, number, attempt)
        trial = study.ask(dict(space.tried))
        if _key(_settings(trial, space)) not in seen:
            return study.trials[trial.number]
        study.tell(trial, state=TrialState.FAIL)
    left = untried(space, seen, number)
    if left is None:
        return None
    study.enqueue_trial(left)
    trial = study.ask(dict(space.tried))
    return study.trials[trial.number]


def _settings(trial: optuna.Trial | FrozenTrial, space: Space) -> dict[str, Any]:
    """The settings of a trial's runs, with numbers as they are to be read."""
    return space.own({key: _readable(value, space.tried[key]) for key, value in trial.params.items()})


def _readable(value: Any, distribution: BaseDistribution) -> Any:
    """A number with six digits, as it is to be read in names; other values as they are."""
    if not isinstance(distribution, FloatDistribution) or distribution.step is not None:
        return value
    rounded = float(f"{value:.6g}")
    return rounded if distribution.low <= rounded <= distribution.high else value


def untried(space: Space, seen: set[tuple[Any, ...]], seed: int) -> dict[str, Any] | None:
    """Settings that were not tried; None where the space has no end, or all were."""
    if space.size is None:
        return None
    size = prod(count_of(distribution) or 1 for distribution in space.tried.values())
    start = random.Random(seed).randrange(size)
    for place in range(start, start + size):
        settings, rest = {}, place % size
        for key, distribution in space.tried.items():
            rest, own = divmod(rest, count_of(distribution) or 1)
            settings[key] = value_at(distribution, own)
        if _key(space.own(settings)) not in seen:
            return settings
    return None


def _told(proposal: Proposal, result: Result, space: Space) -> FrozenTrial:
    state = TrialState.FAIL if result.score is None else TrialState.PRUNED if result.stopped else TrialState.COMPLETE
    try:
        return create_trial(
            state=state,
            value=result.score,
            params=dict(proposal.settings),
            distributions=space.of(proposal.settings.get(ENCODER)),
            system_attrs=dict(proposal.state),
            intermediate_values=dict(result.steps),
        )
    except ValueError as error:
        raise UserError(f"the trials before were of another search space ({error})") from None


def _sampler(config: DictConfig, number: int, attempt: int) -> BaseSampler:
    """The sampler for one trial: a trial that is asked for after an interruption gets the same random numbers."""
    seed: dict[str, int] = {}
    if config.get("seed") is not None:
        digest = hashlib.sha256(f"{config.seed}/{number}/{attempt}".encode()).digest()
        seed = {"seed": int.from_bytes(digest[:4], "big")}
    made: BaseSampler = instantiate(config, **seed)
    return made


def _key(settings: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted(settings.items()))
