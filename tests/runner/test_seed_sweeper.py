"""The order of a sweep's runs, and how its jobs are made from a command."""

from types import SimpleNamespace

import pytest
from hydra.errors import HydraException
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from harness.config.compose import compose_whole
from harness.runner import job_outcomes
from harness.runner.choose.sweeper import ChooseSweeper
from harness.runner.seed_sweeper import SeedSweeper, seed_by_seed

VALUES = st.lists(st.integers(0, 99), unique=True, min_size=1, max_size=6)


def combinations(seeds, variants):
    return [[f"seed={seed}", f"encoder.hidden_size={variant}"] for seed in seeds for variant in variants]


@given(seeds=VALUES, variants=VALUES, sweep=st.text(max_size=12))
def test_each_seed_takes_all_variants_once_before_the_next_seed(seeds, variants, sweep):
    jobs = combinations(seeds, variants)
    order = seed_by_seed(jobs, sweep)
    assert sorted(order) == list(range(len(jobs)))
    assert [jobs[place][0] for place in order] == [f"seed={seed}" for seed in seeds for _ in variants]
    assert seed_by_seed(jobs, sweep) == order


def test_the_variants_of_each_seed_of_each_sweep_have_an_order_of_their_own():
    jobs = combinations(range(3), range(11))
    orders = [
        tuple(place % 11 for place in seed_by_seed(jobs, sweep)[start : start + 11])
        for sweep in ("s1", "s2") for start in (0, 11, 22)
    ]  # fmt: skip
    assert len(set(orders)) == 6
    assert tuple(range(11)) not in orders


def test_every_variant_is_first_as_often_as_any_other():
    """Over 3,000 seeds: 1,000 each are expected, with a standard deviation of 26."""
    order = seed_by_seed(combinations(range(3000), range(3)), "s1")
    first = [place % 3 for place in order[::3]]
    assert all(abs(first.count(variant) - 1000) < 4 * 26 for variant in range(3))


def test_runs_without_a_seed_of_their_own_are_shuffled_together():
    jobs = [[f"encoder.hidden_size={size}"] for size in range(7)]
    assert sorted(seed_by_seed(jobs, "s1")) == list(range(7))
    assert seed_by_seed(jobs, "s1") != list(range(7))


@pytest.fixture
def sweeper():
    """A sweeper that only makes jobs from overrides."""

    class Loader:
        config_loader = None

    made = SeedSweeper(params={"optimizer.lr": "0.1,0.2", "seed": "9"})
    made.hydra_context = Loader
    return made


def test_jobs_are_all_combinations_with_the_seed_varied_slowest(sweeper):
    jobs = sweeper.jobs(["encoder=rnn,gru", "seed=0,1", "rerun=true", "encoder.hidden_size=range(1,3)"])
    assert len(jobs) == 2 * 2 * 2 * 2
    assert jobs[:3] == [
        ["seed=0", "optimizer.lr=0.1", "encoder=rnn", "rerun=True", "encoder.hidden_size=1"],
        ["seed=0", "optimizer.lr=0.1", "encoder=rnn", "rerun=True", "encoder.hidden_size=2"],
        ["seed=0", "optimizer.lr=0.1", "encoder=gru", "rerun=True", "encoder.hidden_size=1"],
    ]
    assert jobs[-1] == ["seed=1", "optimizer.lr=0.2", "encoder=gru", "rerun=True", "encoder.hidden_size=2"]


class Loader:
    """Composes a job's overrides alone."""

    def load_sweep_config(self, _config, overrides):
        return compose_whole(*overrides)


def test_a_setting_of_one_encoder_makes_no_further_jobs_of_the_others(sweeper):
    sweeper.params, sweeper.config = {}, None
    sweeper.hydra_context = SimpleNamespace(config_loader=Loader())
    jobs = sweeper.jobs(["encoder=rnn,gru", "seed=0,1", "+per.rnn.hidden_size=8,16", "pooling=max"])
    assert jobs == [
        [f"seed={seed}", f"encoder={encoder}", "pooling=max", *own]
        for seed in (0, 1)
        for encoder, own in (("rnn", ["encoder.hidden_size=8"]), ("rnn", ["encoder.hidden_size=16"]), ("gru", []))
    ]


def test_candidates_of_a_choice_are_named_by_the_settings_of_their_own_encoder():
    sweeper = ChooseSweeper("1h", "latency", [3])
    sweeper.config = OmegaConf.create({"hydra": {"sweeper": {}}})
    sweeper.hydra_context = SimpleNamespace(config_loader=Loader())
    assert sweeper.candidates(["encoder=cnn,gru", "+per.cnn.kernel_size=3,5"]) == {
        "cnn, encoder.kernel_size=3": ["encoder=cnn", "encoder.kernel_size=3"],
        "cnn, encoder.kernel_size=5": ["encoder=cnn", "encoder.kernel_size=5"],
        "gru": ["encoder=gru"],
    }


def test_a_value_that_is_given_twice_is_one_job(sweeper):
    sweeper.params = {}
    assert sweeper.jobs(["encoder=rnn,gru,rnn", "seed=0,0"]) == [["seed=0", "encoder=rnn"], ["seed=0", "encoder=gru"]]


def test_an_interval_has_no_combinations(sweeper):
    with pytest.raises(HydraException, match="INTERVAL_SWEEP"):
        sweeper.jobs(["optimizer.lr=interval(0,1)"])


class Launcher:
    """Keeps what it is given to launch."""

    def __init__(self):
        self.batches = []

    def launch(self, jobs, initial_job_idx):
        self.batches.append((initial_job_idx, jobs))
        return []


def test_jobs_are_numbered_on_over_batches_and_shown_in_the_order_in_which_they_were_given(tmp_path, sweeper):

    sweeper.config = OmegaConf.create({"output_dir": str(tmp_path), "sweep": "s1", "worker": "1.0-here-1"})
    sweeper.launcher, sweeper.max_batch_size = Launcher(), 2
    outcomes = sweeper.launch([["a=1"], ["a=2"], ["a=3"]], order=[2, 0, 1])
    sweeper.launch([["a=4"]])
    assert sweeper.launcher.batches == [(0, [["a=3"], ["a=1"]]), (2, [["a=2"]]), (3, [["a=4"]])]
    assert ["/1.json is not" in outcomes[0].damaged, "/2.json" in outcomes[1].damaged] == [True, True]
    for number in range(4):
        job_outcomes.keep_outcome(sweeper.config, number, job_outcomes.JobOutcome(error=f"{number}"))
    assert [outcome.error for outcome in job_outcomes.outcomes_of(sweeper.config)] == ["1", "2", "0", "3"]
