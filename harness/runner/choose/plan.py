"""What ``choose`` runs next, and when it is over: decisions alone, without launcher, records or clock.

The stages: the same number of tuning trials for each candidate; the same first seeds for all; then one look after the
other, with more seeds for the candidates that are not decided and for the one that leads. A batch that does not fit
into what is left of the budget is not begun.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from harness.analysis.statistics import Standing

Stage = Literal["tuning", "seeds"]
Reason = Literal["decided", "looks", "budget", "too small", "no candidate"]
MOST_FAILED = 2
"""A candidate is given up after so many failed runs with different seeds."""


@dataclass(frozen=True)
class Plan:
    """What is fixed before the first run.

    ``looks`` are the numbers of seeds at which one looks, ascending; ``trials`` the number of tuning trials of each
    candidate, 0: no tuning; ``budget`` is in seconds. ``tuning_seed`` is that of the trials: no other run has it,
    because the settings were chosen to do well with it.
    """

    candidates: tuple[str, ...]
    looks: tuple[int, ...]
    trials: int
    budget: float
    tuning_seed: int | None = 0

    @property
    def first_seed(self) -> int:
        """The first seed that counts."""
        return 1 if self.tuning_seed == 0 else 0


@dataclass(frozen=True)
class Run:
    """One run: the trial, or the seed, with this ``number``."""

    candidate: str
    stage: Stage
    number: int


@dataclass(frozen=True)
class Contender:
    """How a candidate stands: its finished and failed seeds, and its standing among those that meet the requirements.

    ``excluded`` says why it cannot be the answer: a requirement that it misses, or a tuning without a result.
    """

    name: str
    finished: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    excluded: str | None = None
    standing: "Standing | None" = None

    @property
    def given_up(self) -> bool:
        """Whether too many of its runs failed."""
        return len(self.failed) >= MOST_FAILED

    @property
    def going(self) -> bool:
        """Whether it can still be the answer."""
        return self.excluded is None and not self.given_up

    @property
    def undecided(self) -> bool:
        """Whether more seeds may decide what it is."""
        if not self.going:
            return False
        if self.standing is None or self.standing.verdict == "few seeds":
            return True
        return self.standing.verdict == "open" and self.standing.seeds_needed is not None


class Bench(Protocol):
    """Where runs happen and are known: the launcher and the records, or a simulation."""

    def run(self, runs: Sequence[Run], hopeless: Callable[[], bool] = lambda: False) -> bool:
        """Do these runs; False if not all were begun, because the time ended or the others would be ``hopeless``."""

    def predicted(self, runs: Sequence[Run]) -> float | None:
        """The seconds that these runs will take together; None where no run of a candidate is known yet."""

    def left(self) -> float:
        """The seconds that are left of the budget."""

    def ended(self, run: Run) -> bool:
        """Whether nothing is to be done for a run: it finished or failed, or its candidate does not fit."""

    def trials(self, tune: Callable[[], int]) -> int:
        """The number of trials with which an earlier command of this choice ended its tuning, else ``tune()``, kept."""

    def asked(self, look: int, names: Callable[[], list[str]]) -> list[str]:
        """Who gets the seeds of a look: what an earlier command of this choice decided, else ``names()``, kept."""

    def contenders(self) -> list[Contender]:
        """How each candidate stands, in the order of the plan."""


@dataclass(frozen=True)
class Ending:
    """Why no more runs follow: ``waiting`` are those that did not fit, ``seconds`` what they would take."""

    reason: Reason
    waiting: tuple[Run, ...] = ()
    seconds: float | None = None


Tell = Callable[[str, Sequence[Run]], None]
"""Shows what is being decided, before its runs begin."""


def missing_seeds(contenders: Iterable[Contender], target: int, tuning_seed: int | None) -> list[Run]:
    """The runs that each contender lacks to ``target`` finished seeds, the lowest seeds first.

    A seed that failed is replaced by the next ones, one at a time, until the contender is given up.
    """
    runs = []
    for contender in contenders:
        lacking = target - len(contender.finished)
        lacking = min(lacking, 1) if contender.failed else lacking
        seed = 0
        while lacking > 0:
            if seed != tuning_seed and seed not in contender.finished and seed not in contender.failed:
                runs.append(Run(contender.name, "seeds", seed))
                lacking -= 1
            seed += 1
    return sorted(runs, key=lambda run: run.number)  # seed by seed; stable, so in the order of the contenders


def contenders_of_look(contenders: Sequence[Contender]) -> list[Contender]:
    """Who gets more seeds: the undecided, and the one that leads them; nobody where all is decided."""
    going = [one for one in contenders if one.going]
    if len(going) < 2 or not any(one.undecided for one in going):
        return []
    return [one for one in going if one.undecided or (one.standing and one.standing.verdict == "best")]


def decide(plan: Plan, bench: Bench, tell: Tell) -> Ending:
    """Run the seeds of look after look, until all is decided or the next batch does not fit.

    Who gets the seeds of a look is decided once, by the verdicts of the look before, so that there are as many looks as
    planned; an interruption changes nothing of it.
    """
    for look, target in enumerate(plan.looks, start=1):
        names = bench.asked(look, lambda look=look: _asked(bench.contenders(), look))  # type: ignore[misc]
        if not names:
            return _over(bench, "decided")
        too_late: Reason = "too small" if look == 1 else "budget"
        while runs := missing_seeds(_going(bench, names), target, plan.tuning_seed):  # once more where a run failed
            batch = _first_that_fit(bench, runs) if look == 1 else runs
            seconds = bench.predicted(batch)
            if bench.left() <= 0 or (seconds is not None and seconds > bench.left()):
                return Ending(too_late, tuple(runs), bench.predicted(runs))
            tell(f"look {look} of {len(plan.looks)}, to {target} seeds", batch)
            if not bench.run(batch):
                waiting = tuple(run for run in runs if not bench.ended(run))
                return Ending(too_late, waiting, bench.predicted(waiting))
    return _over(bench, "looks" if contenders_of_look(bench.contenders()) else "decided")


def _asked(contenders: Sequence[Contender], look: int) -> list[str]:
    """Who takes part in a look: at the first all candidates, later those that are not decided and their leader."""
    asked = [one for one in contenders if one.going] if look == 1 else contenders_of_look(contenders)
    return [one.name for one in asked]


def _going(bench: Bench, names: Sequence[str]) -> list[Contender]:
    return [one for one in bench.contenders() if one.name in names and one.going]


def _over(bench: Bench, reason: Reason) -> Ending:
    """The end for this reason, unless no candidate is left."""
    return Ending(reason if any(one.going for one in bench.contenders()) else "no candidate")


def _first_that_fit(bench: Bench, runs: list[Run]) -> list[Run]:
    """All these runs where they fit; else those of the lowest seed: whole seeds can be compared, parts cannot."""
    seconds = bench.predicted(runs)
    if seconds is not None and seconds <= bench.left():
        return runs
    return [run for run in runs if run.number == runs[0].number]
