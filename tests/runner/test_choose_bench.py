"""The runs of a choice within its budget, with a launcher that is simulated."""

from types import SimpleNamespace

import pytest
from made_records import made

from harness.runner.choose import bench as benches
from harness.runner.choose import sweeper as sweepers
from harness.runner.choose.bench import LaunchedBench
from harness.runner.choose.plan import Run
from harness.runner.choose.spending import Spending
from harness.runner.choose.sweeper import ChooseSweeper
from harness.runner.job_outcomes import JobOutcome

SECONDS = {"lstm": 10.0, "gru": 4.0}


class Launcher:
    """Jobs that take their seconds by the clock; ``odd`` has the outcomes of runs that do not simply finish."""

    def __init__(self, clock, parallel=False):
        self.clock, self.parallel = clock, parallel
        self.launched: list[list[Run]] = []
        self.limits: list[float] = []
        self.odd: dict[Run, JobOutcome] = {}

    def __call__(self, runs, limit):
        self.launched.append(list(runs))
        self.limits.append(limit)
        times = [SECONDS[run.candidate] for run in runs]
        self.clock.passes(max(times) if self.parallel else sum(times))
        return [self.odd.get(run) or JobOutcome(finished(run)) for run in runs]


def finished(run, **more):
    return made(run.candidate, run.number, metrics={"speed/total_seconds": SECONDS[run.candidate]}, **more)


def failed(run, reason):
    return JobOutcome(made(run.candidate, run.number, None, status="failed", reason=reason))


def seed(candidate, number=1):
    return Run(candidate, "seeds", number)


@pytest.fixture
def make(tmp_path, clock, monkeypatch, request):
    monkeypatch.setattr(benches.time, "monotonic", clock)

    def made_bench(budget, parallel=False, untimed=0.0):
        launcher = Launcher(clock, parallel)
        spending = Spending(tmp_path / "choose.json", clock)
        counted = spending.counted()
        counted.__enter__()
        request.addfinalizer(lambda: counted.__exit__(None, None, None))
        settings = {"one_by_one": not parallel, "untimed": untimed, "sweep": "g"}
        return LaunchedBench(launcher, lambda *known: [], spending, budget, **settings), launcher

    return made_bench


def test_finished_runs_are_kept_with_their_time(make):
    bench, launcher = make(100)
    assert bench.predicted([seed("lstm")]) is None
    assert bench.run([seed("lstm"), seed("gru")])
    assert launcher.launched == [[seed("lstm")], [seed("gru")]], "one after the other, each by itself"
    assert launcher.limits == [105, 95]
    assert bench.left() == 86
    assert bench.records.keys() == {seed("lstm"), seed("gru")}
    assert bench.spending.finished == {seed("lstm"): 10, seed("gru"): 4}
    assert bench.predicted([seed("lstm", 2), seed("lstm", 3), seed("gru", 2)]) == 24


def test_candidates_take_turns_in_an_order_of_each_seed(make):
    bench, _ = make(100)
    bench.sweep = "s1"
    runs = [Run(name, "seeds", number) for name in "abcd" for number in range(1, 6)]
    orders = ["".join(run.candidate for run in bench.in_turn(runs) if run.number == number) for number in range(1, 6)]
    assert all(sorted(order) == list("abcd") for order in orders)
    assert len(set(orders)) > 2
    assert [run.number for run in bench.in_turn(runs)] == sorted([1, 2, 3, 4, 5] * 4)
    assert bench.in_turn(reversed(runs)) == bench.in_turn(runs)


def test_a_launcher_of_its_own_gets_a_batch_at_once_and_its_speed_is_learned(make):
    bench, launcher = make(100, parallel=True)
    bench.run([seed("lstm"), seed("gru")])
    assert launcher.launched == [[seed("lstm"), seed("gru")]]
    assert bench.parallel == 1.4  # 14 seconds of runs in 10
    assert bench.predicted([seed("lstm", 2), seed("gru", 2)]) == 10
    assert bench.predicted([seed("lstm", number) for number in range(7)]) == 50
    assert bench.predicted([seed("lstm", 2)]) == 10


def test_runs_that_do_not_fit_any_more_are_not_begun(make):
    bench, launcher = make(16)
    assert bench.run([seed("lstm"), seed("gru")])
    assert not bench.run([seed("gru", 2), seed("lstm", 2)])
    assert launcher.launched == [[seed("lstm")], [seed("gru")]], "2 seconds are left, and 5 % more"
    assert not bench.ended(seed("gru", 2))


def test_runs_that_have_become_hopeless_are_not_begun_where_they_run_one_by_one(make):
    bench, launcher = make(100)
    assert not bench.run([seed("lstm"), seed("gru")], lambda: bool(bench.records))
    assert launcher.launched == [[seed("lstm")]]
    together, launcher = make(100, parallel=True)
    assert together.run([seed("lstm"), seed("gru")], lambda: bool(together.records))
    assert launcher.launched == [[seed("lstm"), seed("gru")]]


def test_a_run_that_the_budget_stops_is_no_failure(make):
    bench, launcher = make(8)
    launcher.odd[seed("lstm")] = failed(seed("lstm"), "time-out: the run took longer than run_timeout")
    assert not bench.run([seed("lstm")])
    assert (bench.failures, bench.stopped) == ({}, {seed("lstm")})
    assert launcher.limits == [8.4]


def test_a_time_out_of_the_users_own_is_a_failure(make):
    bench, launcher = make(100)
    launcher.odd[seed("lstm")] = failed(seed("lstm"), "time-out: the run took longer than run_timeout")
    assert bench.run([seed("lstm")])
    assert bench.failures == {seed("lstm"): "time-out: the run took longer than run_timeout"}


def test_failures_and_refusals_are_told_apart(make):
    bench, launcher = make(100)
    launcher.odd = {
        seed("lstm"): JobOutcome(user_error="additive_attention pools"),
        seed("gru"): failed(seed("gru"), "out of memory"),
        seed("gru", 2): JobOutcome(error="ValueError: no"),
        seed("gru", 3): JobOutcome(damaged="3.json is not the outcome of a run"),
    }
    assert bench.run(list(launcher.odd))
    assert bench.excluded == {"lstm": "additive_attention pools"}
    assert list(bench.failures.values()) == ["out of memory", "ValueError: no", "3.json is not the outcome of a run"]
    assert bench.ended(seed("gru"))
    assert bench.ended(seed("lstm", 7)), "no run of it is waited for"
    assert bench.spending.finished == {}


def test_what_an_earlier_command_finished_is_found_at_once(make):
    bench, _ = make(20)
    bench.run([seed("lstm"), Run("gru", "tuning", 0), seed("gru")])
    again, launcher = make(20)
    launcher.odd = {seed(name): JobOutcome(finished(seed(name), skipped=True)) for name in SECONDS}
    again.restore("seeds")
    assert launcher.launched == [[seed("lstm"), seed("gru")]]
    assert again.records.keys() == {seed("lstm"), seed("gru")}
    assert again.predicted([seed("lstm", 2)]) == 10, "it is kept how long it took"
    assert again.parallel == 1
    assert again.spending.by_stage.keys() == {"seeds", "tuning", "start"}


def test_a_seed_takes_longer_than_a_trial_by_what_only_seeds_measure(make):
    bench, _ = make(100, untimed=3)
    bench.run([Run("lstm", "tuning", 0)])
    assert bench.predicted([Run("lstm", "tuning", 1)]) == 10
    assert bench.predicted([seed("lstm")]) == 13
    bench.run([seed("lstm")])
    assert bench.predicted([seed("lstm", 2)]) == 10


def test_a_resumed_run_does_not_say_how_long_a_run_takes(make):
    bench, launcher = make(100)
    launcher.odd[seed("lstm")] = JobOutcome(finished(seed("lstm"), resumed_epochs=3))
    bench.run([seed("lstm")])
    assert bench.predicted([seed("lstm", 2)]) is None


def test_the_imports_that_the_first_run_waits_for_are_expected_of_no_other_run(make):
    bench, launcher = make(200)
    slow = {"speed/total_seconds": 40.0, "speed/startup_seconds": 38.0}
    launcher.odd[seed("lstm")] = JobOutcome(made("lstm", 1, metrics=slow))
    bench.run([seed("lstm")])
    assert bench.predicted([seed("lstm", 2)]) == 40, "no other run is known"
    warm = {"speed/total_seconds": 4.0, "speed/startup_seconds": 1.0}
    launcher.odd[seed("gru")] = JobOutcome(made("gru", 1, metrics=warm))
    bench.run([seed("gru")])
    assert bench.predicted([seed("lstm", 2)]) == 3
    assert bench.predicted([seed("gru", 2)]) == 4


def test_a_trial_that_a_candidate_lacks_is_not_run(make):
    bench, _ = make(100)
    bench.exists = lambda run: run.number < 2
    assert not bench.ended(Run("gru", "tuning", 1))
    assert bench.ended(Run("gru", "tuning", 2))


@pytest.mark.parametrize(("seconds", "timeout"), [(20.0, 40), (60.0, None)])
def test_a_run_whose_machine_was_lost_is_launched_once_more_in_the_time_that_is_left(
    monkeypatch, clock, seconds, timeout
):
    runs = [seed("gru"), seed("lstm")]
    lost = JobOutcome(lost="gru/seed=1 was lost: its node ended")
    batches = [[lost, JobOutcome(finished(runs[1]))], [JobOutcome(finished(runs[0]))]]
    sweeper = ChooseSweeper("1h", "latency", [3])
    sweeper.jobs_of = {"gru": ["encoder=gru", "tune=wide", "+tune.space.x=[1,2]"], "lstm": ["encoder=lstm"]}
    launched, dropped = [], []

    def launch(jobs, tunings):
        sweeper.numbers_of_batch = [10 * len(launched) + place for place in range(len(jobs))]
        launched.append(jobs)
        clock.passes(seconds)
        return batches.pop(0)

    monkeypatch.setattr(sweepers, "time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(sweeper, "launch", launch)
    monkeypatch.setattr(sweeper, "config", None, raising=False)
    monkeypatch.setattr(sweepers, "drop_outcome", lambda _config, number: dropped.append(number))
    outcomes = sweeper.launch_runs(runs, limit=60.0)
    assert outcomes[1].record.choices["encoder"] == "lstm"
    if timeout is None:
        assert (outcomes[0], len(launched), dropped) == (lost, 1, [])
        return
    assert outcomes[0].record.choices["encoder"] == "gru"
    # nothing was tuned: the run is that of a sweep without tuning
    assert launched[1:] == [[["encoder=gru", "seed=1", "tune=none", f"run_timeout={timeout}"]]]
    assert dropped == [0]
    assert sweeper.numbers == {runs[0]: 10, runs[1]: 1}
