"""Where a job stands among the jobs of its command, and about how long the others take."""

import pytest
from made_records import made
from omegaconf import OmegaConf

from harness.runner import job_outcomes, seed_sweeper, sweep_progress, tuning
from harness.runner.job_outcomes import JobOutcome
from harness.runner.seed_sweeper import SeedSweeper


def took(seconds, **more):
    return made(metrics={"speed/total_seconds": seconds}, **more)


@pytest.mark.parametrize(
    ("number", "done", "expected"),
    [
        (1, [], "run 1 of 12"),
        (5, [took(10.0), took(20.0), took(30.0), took(40.0)], "run 5 of 12, about 3.3 min left"),  # 25 s each of 8
        (5, [took(20.0), took(25.0)], "run 5 of 12, about 3 min left"),
        (12, [took(4.0), took(6.0)], "run 12 of 12, about 5 s left"),
        (3, [took(99.0, skipped=True), took(99.0, skipped=True)], "run 3 of 12"),
        (4, [took(99.0, skipped=True), took(99.0, status="failed"), took(2.0)], "run 4 of 12, about 18 s left"),
    ],
)
def test_the_runs_that_are_left_take_as_long_as_those_that_were_trained(number, done, expected):
    assert sweep_progress.line(number, 12, done) == expected


@pytest.fixture
def config(tmp_path):
    return OmegaConf.create({"output_dir": str(tmp_path), "sweep": "s1", "worker": "1.0-here-1", "rerun": False})


@pytest.fixture
def job(monkeypatch):
    """Makes Hydra's state that of a job, with its number from 0, under a launcher."""

    def enter(number, launcher="BasicLauncher"):
        state = OmegaConf.create({"job": {"num": number}, "launcher": {"_target_": f"a.{launcher}"}})
        monkeypatch.setattr(sweep_progress.HydraConfig, "get", lambda: state)

    return enter


def test_a_job_that_runs_beside_others_says_its_number_only(config, job):
    job_outcomes.keep_planned(config, 3)
    outcomes = [JobOutcome(took(30.0)), JobOutcome(error="boom")]
    job(1)
    assert sweep_progress.of_job(config, outcomes) == ["run 2 of 3, about 1 min left"]
    for launcher in ("DevicesLauncher", "JoblibLauncher", "SlurmLauncher", "RayLauncher"):
        job(1, launcher)
        assert sweep_progress.of_job(config, outcomes) == ["run 2 of 3"]


def test_runs_that_other_commands_of_the_sweep_have_finished_take_no_time(config, job, tmp_path):
    """Of nine jobs, an earlier command has finished numbers 0, 3, 4 and 7, and its number 1 failed."""
    earlier = OmegaConf.merge(config, {"worker": "0.5-here-1"})
    for number in (0, 3, 4, 7):
        job_outcomes.keep_outcome(earlier, number, JobOutcome(took(99.0)))
    job_outcomes.keep_outcome(earlier, 1, JobOutcome(took(99.0, status="failed")))
    job_outcomes.keep_planned(config, 9)
    done = [JobOutcome(took(99.0, skipped=True)), JobOutcome(took(20.0))]
    job(2)
    assert sweep_progress.of_job(config, done) == ["run 3 of 9, about 1.3 min left"]  # 20 s for each of 2, 5, 6 and 8
    job(7)
    assert sweep_progress.of_job(config, done) == ["run 8 of 9, about 20 s left"]
    job(2)
    assert sweep_progress.of_job(config, done[1:]) == ["run 3 of 9, about 2.3 min left"], "nothing is skipped"
    again = OmegaConf.merge(config, {"rerun": True})
    assert sweep_progress.of_job(again, done) == ["run 3 of 9, about 2.3 min left"], "nothing counts as finished"


def test_a_job_says_nothing_where_its_number_says_nothing(config, job):
    job(0)
    assert sweep_progress.of_job(config, []) == [], "nobody knows how many jobs follow"
    job_outcomes.keep_planned(config, 1)
    assert sweep_progress.of_job(config, []) == [], "it is the only one"
    job_outcomes.keep_planned(config, 3)
    job(3)
    assert sweep_progress.of_job(config, []) == [], "it came back after another command had held it"
    job(2)
    assert sweep_progress.of_job(config, []) == ["run 3 of 3"]


def test_a_single_run_has_no_number(config, monkeypatch):
    monkeypatch.setattr(sweep_progress.HydraConfig, "get", lambda: OmegaConf.create({"job": {"num": "???"}}))
    assert sweep_progress.of_job(OmegaConf.merge(config, {"sweep": None}), []) == []


class Sweeper(SeedSweeper):
    """A sweeper whose jobs are not composed; it keeps how many jobs were planned at each launch."""

    def __init__(self, config):
        super().__init__()
        self.config, self.seen = config, []

    def jobs(self, arguments):
        return [[f"encoder={name}", f"seed={seed}"] for seed in range(2) for name in ("rnn", "gru", "cnn")]

    def check(self, jobs):
        return []

    def launch(self, jobs, order=None, tunings=()):
        self.seen.append((len(jobs), job_outcomes.planned(self.config)))
        self.launched += len(jobs)
        return [JobOutcome(error="boom") for _ in jobs]


def test_a_sweep_plans_all_combinations(config, monkeypatch):
    monkeypatch.setattr(seed_sweeper, "tune", lambda sweeper, jobs, composed: [tuning.Tuned(one) for one in jobs])
    sweeper = Sweeper(config)
    sweeper.sweep([])
    assert sweeper.seen == [(6, 6)]


def test_a_sweep_plans_its_trials_too_and_leaves_out_what_they_could_not_choose_for(config, monkeypatch):
    """Two of three encoders have a key of the space; no trial of theirs finishes, so that only the third is run."""
    to_try = {"rnn": 5, "gru": 2}

    def searches(sweeper, variants, composed):
        return [
            tuning.Search(job, name, name, 0, [{"optimizer.lr": lr} for lr in range(1, to_try[name] + 1)], [])
            if (name := job[0].removeprefix("encoder=")) in to_try else None
            for job in variants
        ]  # fmt: skip

    monkeypatch.setattr(tuning, "searches_of", searches)
    monkeypatch.setattr(tuning, "validate_jobs", lambda composed: None)
    sweeper = Sweeper(config)
    monkeypatch.setattr(sweeper, "check", lambda jobs: [None] * len(jobs))
    sweeper.sweep([])
    assert sweeper.seen == [(7, 7 + 6), (2, 7 + 4 + 2)]  # four jobs have a reason instead of a run, and a number
