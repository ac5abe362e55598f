"""The tuning of ``choose``: the same number of trials for each candidate, as many as there is time for."""

from collections.abc import Iterable, Sequence

from harness.runner.choose.plan import Bench, Contender, Plan, Run, Tell, missing_seeds

TUNING_SHARE = 0.5
"""Tuning takes at most this share of the budget, so that seeds can follow."""


def tune(plan: Plan, bench: Bench, tell: Tell) -> int:
    """Run the tuning trials; returns how many each candidate has, the same for all; 0: too few to choose from."""
    if plan.trials < 2:
        return 0
    decided = bench.trials(lambda: _tune_while_there_is_time(plan, bench, tell))
    _run_trials(plan, bench, tell, decided)  # those that failed in an earlier command
    return _enough(min(decided, _complete(plan, bench)))


def _tune_while_there_is_time(plan: Plan, bench: Bench, tell: Tell) -> int:
    """Run the first trial of all, then as many as there is time for; returns how many each has, or 0.

    Once the first ones show that there is no time for a second trial of all, the others are not begun: they would
    choose nothing, and take the time of the seeds. The first trials of a command are slow, so the time is looked at
    again, by the later trials too, until there is none for one more of each.
    """

    def hopeless() -> bool:
        ran = _timed(plan, bench, _going(bench))
        return len(ran) > 1 and _allowed(plan, bench, ran, 1) == 0  # the time of the first alone has all imports

    if missing := [run for run in trials_of(plan.candidates, range(1)) if not bench.ended(run)]:
        tell(f"tuning: a first of {plan.trials} trials each", missing)
        bench.run(missing, hopeless)
    while _run_trials(plan, bench, tell, _allowed(plan, bench, _going(bench), max(1, _complete(plan, bench)))):
        continue
    return _enough(_complete(plan, bench))


def _going(bench: Bench) -> list[Contender]:
    return [one for one in bench.contenders() if one.going]


def _run_trials(plan: Plan, bench: Bench, tell: Tell, number: int) -> bool:
    """Run the trials that candidates lack to this ``number``; returns whether there were any, and all were run."""
    going = [one.name for one in _going(bench)]
    rest = [run for run in trials_of(going, range(number)) if not bench.ended(run)]
    if not rest:
        return False
    first, last = rest[0].number + 1, rest[-1].number + 1
    tell(f"tuning: {f'trials {first} to {last}' if first < last else f'trial {first}'} of {plan.trials}", rest)
    return bench.run(rest)


def _complete(plan: Plan, bench: Bench) -> int:
    """How many trials every candidate has."""
    going = [one.name for one in _going(bench)]
    complete = 0
    while complete < plan.trials and going and all(bench.ended(run) for run in trials_of(going, [complete])):
        complete += 1
    return complete


def _timed(plan: Plan, bench: Bench, contenders: Iterable[Contender]) -> list[Contender]:
    """Those of which a run has ended, which says how long further ones take."""
    return [one for one in contenders if bench.predicted([Run(one.name, "seeds", plan.first_seed)]) is not None]


def _allowed(plan: Plan, bench: Bench, contenders: Sequence[Contender], done: int) -> int:
    """The number of trials of each of these candidates for which there is time; they have ``done`` of them already.

    The time of the first seeds is kept for them.
    """
    # one that has nothing to tune has not run yet, and counts nothing
    seeds = bench.predicted(missing_seeds(_timed(plan, bench, contenders), plan.looks[0], plan.tuning_seed)) or 0.0
    room = min(bench.left() - seeds, bench.left() - (1 - TUNING_SHARE) * plan.budget)
    names = [one.name for one in contenders]
    while done < plan.trials:
        once = bench.predicted([run for run in trials_of(names, [done]) if not bench.ended(run)])
        if once is None or once > room:
            break
        room -= once
        done += 1
    return _enough(done)


def _enough(trials: int) -> int:
    """This number of trials, or 0 where they are too few to choose from."""
    return trials if trials > 1 else 0


def trials_of(names: Iterable[str], numbers: Iterable[int]) -> list[Run]:
    """The tuning trials of these numbers, each for all candidates before the next."""
    names = list(names)
    return [Run(name, "tuning", number) for number in numbers for name in names]
