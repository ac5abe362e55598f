"""Equal tuning: every variant of a sweep tries the same settings with one seed, and validation chooses.

The trials of all variants run trial by trial, so that those of one variant are apart: a drift of the machine favours no
variant.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig, OmegaConf

from harness.analysis.searched import seconds_of
from harness.analysis.targets import monitored
from harness.backends.history import direction
from harness.config import search_space
from harness.config.libraries import is_read
from harness.config.rules import check_tunable
from harness.config.search_space import Settings, Values
from harness.config.validation import check_part, validate_jobs
from harness.errors import UserError
from harness.notices import notify
from harness.records.metrics import number, short_name
from harness.records.settings import flatten, key_of
from harness.records.tuning import Tuning
from harness.runner import job_outcomes, run_names
from harness.runner.batches_sweeper import BatchesSweeper, Job, is_seed
from harness.runner.job_outcomes import JobOutcome
from harness.runner.median_stopping import FEWEST


@dataclass
class Search:
    """What one variant tries. ``job`` are its overrides without the seed, ``seed`` is that of the trials.

    ``prune``: whether hopeless trials are stopped.
    """

    job: Job
    encoder: str
    name: str
    seed: int
    to_try: list[Settings]
    left_out: list[str]
    prune: bool = False
    outcomes: list[JobOutcome] = field(default_factory=list)

    def trial(self, number: int) -> Job:
        """The overrides of one trial."""
        own = ["trainer.report_test_each_epoch=false", f"tune.trial={number}"]  # no trial reads the test split
        return [*self.job, f"seed={self.seed}", *as_overrides(self.to_try[number]), *own]


@dataclass(frozen=True)
class Tuned:
    """A job with its chosen settings, and what chose them.

    ``tuning`` is None where nothing is tuned. ``failed`` says why no settings could be chosen.
    """

    job: Job
    tuning: Tuning | None = None
    failed: str | None = None


def tune(sweeper: BatchesSweeper, jobs: Sequence[Job], composed: Sequence[DictConfig]) -> list[Tuned]:
    """Run the trials of all variants of these jobs that are to be tuned; returns each job with its chosen settings.

    ``composed`` are the jobs' configs.

    Raises:
        UserError: a space has a key that no encoder has, or that the command sets too.
    """
    one_each = {_without_seed(job): config for job, config in zip(jobs, composed, strict=True)}
    own = searches_of(sweeper, [list(variant) for variant in one_each], list(one_each.values()))
    searches = dict(zip(one_each, own, strict=True))
    if active := [search for search in own if search]:
        job_outcomes.keep_planned(sweeper.config, sum(len(search.to_try) for search in active) + len(jobs))
        run_trials(sweeper, active)
    chosen = {variant: _chosen(search) for variant, search in searches.items()}
    return [_tuned(job, *chosen[_without_seed(job)]) for job in jobs]


def searches_of(sweeper: BatchesSweeper, jobs: Sequence[Job], composed: Sequence[DictConfig]) -> list[Search | None]:
    """What each of these variants tries, from its overrides without a seed and its config; None: it is not tuned.

    Raises:
        UserError: a space has a key that no encoder has, or that the command sets too.
    """
    swept = run_names.read_swept(sweeper.config) or []
    spaces = [search_space.read(_settings(config)["space"]) for config in composed]
    searches = [
        _search(job, config, space, swept) if space else None
        for job, config, space in zip(jobs, composed, spaces, strict=True)
    ]
    if active := [search for search in searches if search]:
        _refuse_unknown(spaces, active)
        run_names.add_swept(sweeper.config, [*{key for space in spaces for key in space}, "tune.trial"])
    return searches


def run_trials(sweeper: BatchesSweeper, searches: Sequence[Search]) -> None:
    """Run the trials of all searches, the first of each, then the second of each, and so on.

    They are one batch, unless trials may be stopped: then each batch has a few trials of every search, and those of the
    batches before it decide which are stopped.

    Raises:
        UserError: a setting of the space cannot be trained with.
    """
    most = max(len(search.to_try) for search in searches)
    order = [(n, search) for n in range(most) for search in searches if n < len(search.to_try)]
    jobs = [search.trial(n) for n, search in order]
    validate_jobs(sweeper.check(jobs))
    size = FEWEST if any(search.prune for search in searches) else most
    for first in range(0, most, size):
        batch = [place for place, (n, _) in enumerate(order) if first <= n < first + size]
        outcomes = sweeper.launch([jobs[place] for place in batch])
        for place, outcome in zip(batch, outcomes, strict=True):
            order[place][1].outcomes.append(outcome)


def tuning_of(search: Search) -> Tuning | None:
    """What the trials of a search chose; None if none finished."""
    records = [outcome.record for outcome in search.outcomes]
    finished = {n: record for n, record in enumerate(records) if record and record.status == "finished"}
    if not finished:
        return None
    metric = monitored(next(iter(finished.values())))
    sign = -1 if direction(metric) == "max" else 1
    # few validation rows give many equal scores: of these the one with the lowest loss, then the first, as for epochs
    ranks = {
        n: (sign * record.metrics[metric], record.metrics.get("val/loss", 0.0), n) for n, record in finished.items()
    }  # fmt: skip
    best = min(ranks, key=ranks.__getitem__)
    return Tuning(
        metric=metric,
        seed=search.seed,
        scores=[finished[n].metrics[metric] if n in finished else None for n in range(len(records))],
        best=best,
        chosen=search.to_try[best],
        seconds=sum(seconds_of(record) for record in records if record),
        stopped=[n for n, record in finished.items() if record.stopped_epoch is not None],
        left_out=search.left_out,
    )


def as_overrides(settings: Settings) -> Job:
    """Settings as Hydra's overrides."""
    return [f"{key}={_as_text(value)}" for key, value in settings.items()]


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_as_text, value))}]"
    if isinstance(value, str):
        return "'" + value.replace("'", "\\'") + "'"
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else json.dumps(value)


def _settings(config: DictConfig) -> dict[str, Any]:
    """The settings of the tuning, which are used before any run checks its config."""
    settings: Any = OmegaConf.to_container(config.tune, resolve=True)
    check_part("tune", settings)
    if settings["trial"] is not None:
        raise UserError("tune.trial is the number of a trial, which the sweep sets; leave it out")
    return dict(settings)


def _without_seed(job: Job) -> tuple[str, ...]:
    return tuple(override for override in job if not is_seed(override))


def _search(job: Job, config: DictConfig, space: dict[str, Values], swept: Sequence[str]) -> Search:
    """What the variant of a job tries: the space, without the keys that its encoder lacks. ``swept`` names variants.

    Raises:
        UserError: the command sets a key of the space, or nothing can be tuned.
    """
    settings = _settings(config)
    check_tunable(config.mode, config.trainer.monitor)
    for override in job:
        if (key := key_of(override)) in space:
            raise UserError(f"{override} sets what tune.space.{key} searches; leave one of the two out")
    # only what has a value is a key, and a part of the config is none
    present = {key for key, _ in flatten(OmegaConf.to_container(config, resolve=False))}
    present = {key for key in present if is_read(str(config.backend.name), key)}
    lacking = sorted(key for key in space if key not in present)
    to_try = search_space.settings_to_try(space, settings["trials"], settings["seed"])
    encoder = str(config.hydra.runtime.choices.encoder)
    name = "/".join([encoder, *(override for override in job if _is_named(override, swept))])
    to_try = search_space.without(to_try, set(lacking))
    return Search(job, encoder, name, settings["seed"], to_try, lacking, settings["prune"])


def _refuse_unknown(spaces: Sequence[dict[str, Values]], searches: Sequence[Search]) -> None:
    """Refuse a key that every variant lacks, and say which encoder lacks a key that others have."""
    for key in dict.fromkeys(key for space in spaces for key in space):
        lacking = [search.encoder for search in searches if key in search.left_out]
        if len(lacking) == len(searches):
            raise UserError(f"tune.space.{key}: no encoder of this sweep has such a key; leave it out")
        if lacking:
            names = ", ".join(dict.fromkeys(lacking))
            notify(f"tune.space.{key} is left out for {names}, which does not read it")


def _chosen(search: Search | None) -> tuple[Tuning | None, str | None]:
    """What a search chose, or why it could not, which are both said."""
    if search is None or not search.to_try:
        return None, None
    tuning = tuning_of(search)
    if tuning is None:
        count = len(search.to_try)
        none = f"none of its {count} trials finished" if count > 1 else "its only trial did not finish"
        why = f"{search.name}: {none}, so it is not evaluated"
        notify(why)
        return None, why
    settings = " ".join(as_overrides(tuning.chosen))
    score = f"{short_name(tuning.metric)} {number(tuning.metric, tuning.score)} on validation"
    text = f"tuned   {search.name}: {settings} ({score}, best of {tuning.trials} trials in {tuning.seconds:.0f} s)"
    notify(text)
    return tuning, None


def _is_named(override: str, swept: Sequence[str]) -> bool:
    """Whether an override distinguishes a variant from the others of the sweep, besides the encoder."""
    return key_of(override) in swept and key_of(override) != "encoder"


def _tuned(job: Job, tuning: Tuning | None, failed: str | None) -> Tuned:
    return Tuned([*job, *as_overrides(tuning.chosen)] if tuning else job, tuning, failed)
