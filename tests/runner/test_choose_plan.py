"""What ``choose`` runs, with variants that are simulated: nothing is trained, and the clock is a number."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import pytest

from harness.analysis.sequential import level_per_look
from harness.analysis.statistics import rank
from harness.analysis.variances import Sample, Scale
from harness.runner.choose.plan import Contender, Ending, Plan, Run, decide, missing_seeds
from harness.runner.choose.tuning_stage import TUNING_SHARE, tune

LOOKS = (3, 4, 5, 6, 7, 8, 9, 10)
ITEMS = 25_000


@dataclass
class Simulated:
    """Variants with a true mean and spread of their accuracy, the seconds of a run, and seeds that fail."""

    means: dict[str, float]
    spread: float = 0.003
    seconds: dict[str, float] = field(default_factory=dict)
    looks: tuple[int, ...] = LOOKS
    failing: Callable[[Run], bool] = lambda run: False
    excluded: dict[str, str] = field(default_factory=dict)
    budget: float = 1e9
    margin: float = 0.01
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    spent: float = 0.0
    values: dict[str, dict[int, float]] = field(default_factory=dict)
    failed: dict[str, list[int]] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    decided: int | None = None
    takes_part: dict[int, list[str]] = field(default_factory=dict)

    def run(self, runs: Sequence[Run], hopeless: Callable[[], bool] = lambda: False) -> bool:
        for run in runs:
            if hopeless():
                return False
            assert run not in self.runs, "no run twice"
            self.runs.append(run)
            self.spent += self.seconds.get(run.candidate, 1.0)
            if run.stage == "tuning":
                continue
            if self.failing(run):
                self.failed.setdefault(run.candidate, []).append(run.number)
            else:
                value = round(float(self.rng.normal(self.means[run.candidate], self.spread)) * ITEMS) / ITEMS
                self.values.setdefault(run.candidate, {})[run.number] = value
        return True

    def predicted(self, runs: Sequence[Run]) -> float | None:
        known = {run.candidate for run in self.runs}
        if any(run.candidate not in known for run in runs):
            return None
        return sum(self.seconds.get(run.candidate, 1.0) for run in runs)

    def left(self) -> float:
        return self.budget - self.spent

    def ended(self, run: Run) -> bool:
        return run in self.runs

    def trials(self, tune: Callable[[], int]) -> int:
        self.decided = tune() if self.decided is None else self.decided
        return self.decided

    def asked(self, look: int, names: Callable[[], list[str]]) -> list[str]:
        if look not in self.takes_part:
            self.takes_part[look] = names()
        return self.takes_part[look]

    def contenders(self) -> list[Contender]:
        going = [name for name in self.means if name not in self.excluded and name in self.values]
        samples = [Sample(self.values[name]) for name in going]
        scale = Scale(higher_is_better=True, margin=self.margin, floor=1 / ITEMS)
        standings = dict(zip(going, rank(samples, scale, level_per_look(self.looks)), strict=True))
        return [
            Contender(
                name, tuple(self.values.get(name, {})), tuple(self.failed.get(name, [])), self.excluded.get(name),
                standings.get(name),
            )
            for name in self.means
        ]  # fmt: skip

    def verdicts(self) -> dict[str, str]:
        return {one.name: one.standing.verdict for one in self.contenders() if one.standing}


def choose(simulated: Simulated, looks: tuple[int, ...] = LOOKS) -> Ending:
    simulated.looks = looks
    plan = Plan(tuple(simulated.means), looks, 0, simulated.budget)
    return decide(plan, simulated, lambda what, runs: simulated.told.append(what))


def test_clear_differences_are_decided_at_the_first_look() -> None:
    simulated = Simulated({"a": 0.90, "b": 0.85, "c": 0.80})
    assert choose(simulated) == Ending("decided")
    assert simulated.verdicts() == {"a": "best", "b": "worse", "c": "worse"}
    assert len(simulated.runs) == 9
    assert [run.number for run in simulated.runs] == [1, 1, 1, 2, 2, 2, 3, 3, 3], "seed by seed"
    assert simulated.told == ["look 1 of 8, to 3 seeds"] * 2, "one seed of all shows what the rest takes"


def test_only_open_candidates_and_the_leader_get_more_seeds() -> None:
    simulated = Simulated({"a": 0.900, "b": 0.888, "c": 0.70}, spread=0.006, rng=np.random.default_rng(3))
    ending = choose(simulated)
    seeds = {name: len(values) for name, values in simulated.values.items()}
    assert seeds["c"] == 3
    assert seeds["a"] == seeds["b"] > 3
    assert ending.reason == ("looks" if seeds["a"] == 10 else "decided")


def test_what_stays_open_ends_with_the_last_look() -> None:
    simulated = Simulated({"a": 0.900, "b": 0.890}, spread=0.02, rng=np.random.default_rng(1))
    assert choose(simulated, (3, 5)).reason == "looks"
    assert {name: len(values) for name, values in simulated.values.items()} == {"a": 5, "b": 5}


def test_equal_candidates_are_called_worse_in_at_most_five_of_a_hundred_choices() -> None:
    rng = np.random.default_rng(2)
    tables, wrong, runs = 200, 0, 0
    for _ in range(tables):
        simulated = Simulated(dict.fromkeys("abcd", 0.88), spread=0.004, rng=rng)
        choose(simulated, (3, 5, 7, 10))
        wrong += "worse" in simulated.verdicts().values()
        runs += len(simulated.runs)
    assert wrong <= 0.05 * tables
    assert runs < 0.9 * tables * 4 * 10, "what is decided gets no more seeds"


@pytest.mark.parametrize("draw", range(10))
def test_a_planted_best_leaves_itself_and_its_equal(draw: int) -> None:
    simulated = Simulated(
        {"best": 0.90, "equal": 0.90, "c": 0.87, "d": 0.87, "e": 0.87}, rng=np.random.default_rng(draw)
    )
    assert choose(simulated).reason == "decided"
    verdicts = simulated.verdicts()
    assert {verdicts.pop("best"), verdicts.pop("equal")} == {"best", "equivalent"}
    assert set(verdicts.values()) == {"worse"}


def test_a_batch_that_does_not_fit_is_not_begun() -> None:
    simulated = Simulated(
        {"a": 0.900, "b": 0.893}, spread=0.006, budget=9.5, seconds={"a": 1.0, "b": 1.0}, rng=np.random.default_rng(3)
    )
    ending = choose(simulated)
    assert ending.reason == "budget"
    assert ending.waiting == (Run("a", "seeds", 5), Run("b", "seeds", 5))
    assert ending.seconds == 2.0
    assert simulated.spent == 8.0


def test_a_budget_for_less_than_three_seeds_runs_whole_seeds_and_says_what_waits() -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8}, budget=25.0, seconds={"a": 1.0, "b": 10.0})
    ending = choose(simulated)
    assert [run.number for run in simulated.runs] == [1, 1, 2, 2]
    assert ending == Ending("too small", (Run("a", "seeds", 3), Run("b", "seeds", 3)), 11.0)
    assert set(simulated.verdicts().values()) == {"few seeds"}


def test_no_time_at_all_begins_nothing() -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8}, budget=0.0)
    ending = choose(simulated)
    assert (ending.reason, len(ending.waiting), simulated.runs) == ("too small", 6, [])


def test_time_that_ends_within_a_batch_ends_the_choice() -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8})
    simulated.run = lambda runs, hopeless=None: False  # type: ignore[method-assign]
    assert choose(simulated).reason == "too small"


def test_candidates_that_all_fail_end_the_choice() -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8}, failing=lambda run: True)
    assert choose(simulated) == Ending("no candidate")
    assert len(simulated.runs) == 2 * 2, "two failures give a candidate up"


def test_one_failed_seed_is_replaced_and_counted() -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8}, failing=lambda run: run == Run("b", "seeds", 2))
    assert choose(simulated) == Ending("decided")
    assert simulated.values["b"].keys() == {1, 3, 4}
    assert simulated.verdicts() == {"a": "best", "b": "worse"}


def test_a_candidate_that_keeps_failing_is_given_up_and_the_others_go_on() -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8, "c": 0.7}, failing=lambda run: run.candidate == "b" and run.number > 1)
    assert choose(simulated) == Ending("decided")
    assert simulated.failed == {"b": [2, 3]}
    assert {name: len(values) for name, values in simulated.values.items()} == {"a": 3, "b": 1, "c": 3}


def test_what_misses_a_requirement_gets_no_more_seeds_and_decides_nothing() -> None:
    simulated = Simulated({"slow": 0.95, "a": 0.90, "b": 0.85}, excluded={"slow": "latency/p50_ms 7 ms"})
    assert choose(simulated) == Ending("decided")
    assert simulated.verdicts() == {"a": "best", "b": "worse"}


def test_requirements_that_nobody_meets_end_the_choice() -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8})
    contenders = simulated.contenders
    simulated.contenders = lambda: [  # type: ignore[method-assign]
        Contender(one.name, one.finished, excluded="too slow" if len(one.finished) >= 3 else None)
        for one in contenders()
    ]
    assert choose(simulated) == Ending("no candidate")
    assert len(simulated.runs) == 6


def test_a_single_candidate_needs_no_verdict() -> None:
    simulated = Simulated({"a": 0.9})
    assert choose(simulated) == Ending("decided")
    assert len(simulated.runs) == 3


def test_no_run_has_the_seed_of_the_trials() -> None:
    for tuning_seed, expected in ((None, [0, 1, 2]), (0, [1, 2, 3]), (1, [0, 2, 3]), (1000, [0, 1, 2])):
        assert [run.number for run in missing_seeds([Contender("a")], 3, tuning_seed)] == expected


def test_missing_seeds_skip_those_that_failed_and_replace_one_at_a_time() -> None:
    contenders = [Contender("a", finished=(1, 3), failed=(2,)), Contender("b", finished=(1, 2, 3))]
    assert missing_seeds(contenders, 5, 0) == [Run("a", "seeds", 4), Run("b", "seeds", 4), Run("b", "seeds", 5)]


def tuned(simulated: Simulated, trials: int = 8) -> int:
    plan = Plan(tuple(simulated.means), LOOKS, trials, simulated.budget)
    return tune(plan, simulated, lambda what, runs: simulated.told.append(what))


@pytest.mark.parametrize(
    ("budget", "trials"),
    [
        (1000.0, 8),  # plenty
        (100.0, 5),  # half of 100 is for tuning
        (50.0, 2),  # 10 are spent, 30 kept for three seeds
        (45.0, 0),  # one trial chooses nothing
        (20.0, 0),
    ],
)
def test_trials_that_the_budget_allows(budget: float, trials: int) -> None:
    assert tuned(Simulated({"a": 0.9}, seconds={"a": 10.0}, budget=budget)) == trials
    assert TUNING_SHARE == 0.5


def test_every_candidate_gets_the_same_trials() -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8})
    assert tuned(simulated) == 8
    assert simulated.runs == [Run(name, "tuning", number) for number in range(8) for name in "ab"]
    assert simulated.told == ["tuning: a first of 8 trials each", "tuning: trials 2 to 8 of 8"]


def test_a_small_budget_gives_all_candidates_fewer_trials() -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8}, seconds={"a": 1.0, "b": 4.0}, budget=50.0)
    assert tuned(simulated) == 5, "5 x 5 s are half of the budget"
    assert simulated.spent == 25.0


class Warming(Simulated):
    """Candidates whose first trial takes ``slow`` seconds, and every later run 1 s; predicted by the median."""

    slow = 10.0

    def run(self, runs: Sequence[Run], hopeless: Callable[[], bool] = lambda: False) -> bool:
        for run in runs:
            if not super().run([run], hopeless):
                return False
            self.spent += self._took(run) - 1.0
        return True

    def _took(self, run: Run) -> float:
        return self.slow if run == Run(run.candidate, "tuning", 0) else 1.0

    def predicted(self, runs: Sequence[Run]) -> float | None:
        took = {name: [self._took(run) for run in self.runs if run.candidate == name] for name in self.means}
        if not all(took[run.candidate] for run in runs):
            return None
        return float(sum(np.median(took[run.candidate]) for run in runs))


def test_the_time_of_slow_first_trials_does_not_fix_the_number_of_trials() -> None:
    """Of 120 s, two first trials take 20 s, and seeds as slow would take 60 s: so 40 s are for two more of each.

    These take 4 s. By the median of the three, 1 s, there is then time for all eight.
    """
    simulated = Warming({"a": 0.9, "b": 0.8}, budget=120.0)
    assert tuned(simulated) == 8
    assert simulated.told[1:] == ["tuning: trials 2 to 3 of 8", "tuning: trials 4 to 8 of 8"]
    assert simulated.runs == [Run(name, "tuning", number) for number in range(8) for name in "ab"]
    assert (simulated.decided, simulated.spent) == (8, 20.0 + 14.0)


def test_the_time_is_looked_at_until_there_is_none_for_one_more_trial_of_each() -> None:
    """Of 100 s, 50 are for tuning. Two first trials take 20 s, and every later round 2 s."""
    simulated = Warming({"a": 0.9, "b": 0.8}, budget=100.0)
    assert tuned(simulated, trials=100) == 16
    assert simulated.told[1:] == [
        "tuning: trial 2 of 100",  # 60 s are kept for seeds, so 20 s are left for a round that may take 20 s
        "tuning: trials 3 to 4 of 100",  # 28 s for rounds of 11 s, the median
        "tuning: trials 5 to 16 of 100",  # 24 s for rounds of 2 s
    ]
    assert simulated.spent == 50.0


@pytest.mark.parametrize("most", range(1, 16, 2))
def test_a_tuning_that_is_killed_goes_on_to_the_same_number_of_trials(most: int) -> None:
    killed = Fixed({"a": 0.9, "b": 0.8}, budget=20.0)
    killed.most = most
    with suppress(Interrupted):
        tuned(killed)
    killed.most = Fixed.most
    assert tuned(killed) == 5, "5 x 2 s are half of the budget"
    assert killed.runs == [Run(name, "tuning", number) for number in range(5) for name in "ab"]


def test_a_budget_without_room_for_a_second_trial_tunes_nothing() -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8}, budget=9.0)
    assert tuned(simulated) == 0
    assert len(simulated.runs) == 2


def test_first_trials_end_where_those_until_now_leave_no_time_for_a_second_one() -> None:
    """Seven candidates of 8 s in 120 s. After three, second trials and three seeds of these take 24 + 72 s of the 96 s
    that are left; after four, 32 + 96 s of 88 s.
    """
    simulated = Simulated(dict.fromkeys("abcdefg", 0.9), seconds=dict.fromkeys("abcdefg", 8.0), budget=120.0)
    assert tuned(simulated) == 0
    assert [run.candidate for run in simulated.runs] == ["a", "b", "c", "d"]
    assert simulated.left() == 88.0
    runs = list(simulated.runs)
    assert (tuned(simulated), simulated.runs) == (0, runs), "the same command again begins none of the others"


def test_first_trials_go_on_where_the_last_one_may_leave_time() -> None:
    """Three candidates of 8 s: after all, 96 s are left, and a second trial of all with three seeds takes just 96 s."""
    seconds = dict.fromkeys("abc", 8.0)
    simulated = Simulated(dict.fromkeys("abc", 0.9), seconds=seconds, budget=120.0)
    assert tuned(simulated) == 2
    simulated = Simulated(dict.fromkeys("abc", 0.9), seconds=seconds, budget=119.0)
    assert (tuned(simulated), len(simulated.runs)) == (0, 3)


def test_one_run_alone_ends_no_first_trials_because_it_also_waits_for_imports_and_data() -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8}, seconds={"a": 50.0, "b": 1.0}, budget=120.0)
    assert (tuned(simulated), [run.candidate for run in simulated.runs]) == (0, ["a", "b"])


def test_a_number_of_trials_that_was_decided_before_stays() -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8}, budget=9.0, decided=4)
    assert tuned(simulated) == 4


@pytest.mark.parametrize("trials", [0, 1])
def test_fewer_than_two_trials_choose_nothing(trials: int) -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8})
    assert (tuned(simulated, trials), simulated.runs) == (0, [])


def test_trials_that_time_cuts_short_count_only_where_all_candidates_have_them() -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8})
    run = simulated.run
    # the time ends after seven runs: a has four trials, b has three
    simulated.run = (  # type: ignore[method-assign]
        lambda runs, hopeless=None: run(runs[: 7 - len(simulated.runs)]) and False
    )
    assert tuned(simulated) == 3


def test_a_candidate_that_lacks_a_key_of_the_space_has_fewer_trials_or_none() -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8, "c": 0.7})
    has, ended = {"a": 8, "b": 2, "c": 0}, simulated.ended
    simulated.ended = lambda run: run.number >= has[run.candidate] or ended(run)  # type: ignore[method-assign]
    assert tuned(simulated) == 8
    assert {name: sum(run.candidate == name for run in simulated.runs) for name in has} == has


def test_a_candidate_that_does_not_fit_gets_one_trial() -> None:
    simulated = Simulated({"a": 0.9, "b": 0.8}, excluded={"b": "it pools"})
    assert tuned(simulated) == 8
    assert [run.number for run in simulated.runs if run.candidate == "b"] == [0]


def test_a_resumed_choice_goes_on_with_the_look_that_it_was_at() -> None:
    simulated = Simulated({"a": 0.90, "b": 0.893}, spread=0.006, budget=9.5, rng=np.random.default_rng(3))
    first = choose(simulated)
    runs = list(simulated.runs)
    assert choose(simulated) == first
    assert simulated.runs == runs, "nothing fits, so nothing is run"
    simulated.budget = 1e9
    choose(simulated)
    assert simulated.told[-1].startswith("look ")
    assert simulated.told[2] == "look 2 of 8, to 4 seeds"
    assert "look 3 of 8, to 5 seeds" in simulated.told


class Interrupted(Exception):
    """The command was killed."""


class Fixed(Simulated):
    """Variants whose value depends on the seed alone, in whichever order they run; ``most`` runs, then it is killed."""

    most = 10**9

    def run(self, runs: Sequence[Run], hopeless: Callable[[], bool] = lambda: False) -> bool:
        for run in runs:
            if len(self.runs) == self.most:
                raise Interrupted
            self.rng = np.random.default_rng([ord(run.candidate), run.number, 5])
            super().run([run])
        return True


MEANS = {"a": 0.900, "b": 0.896, "c": 0.893, "d": 0.891}


def test_each_look_is_one_look_though_the_leader_changes() -> None:
    simulated = Fixed(MEANS, spread=0.008)
    choose(simulated)
    assert len(simulated.told) > 4
    assert len(set(simulated.told[1:])) == len(simulated.told[1:]), "the first look has two batches, the others one"


@pytest.mark.parametrize("most", range(1, 24, 2))
def test_a_choice_that_is_killed_and_resumed_runs_the_same(most: int) -> None:
    whole, killed = Fixed(MEANS, spread=0.008), Fixed(MEANS, spread=0.008)
    ending = choose(whole)
    killed.most = most
    with pytest.raises(Interrupted):
        choose(killed)
    assert len(killed.runs) == most < len(whole.runs)
    killed.most = Fixed.most
    assert choose(killed) == ending
    assert set(killed.runs) == set(whole.runs)
    assert killed.verdicts() == whole.verdicts()
