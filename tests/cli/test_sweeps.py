"""Sweeps: their order, their id, failed runs and searches."""

import re

import pytest
from conftest import QUICK
from mlflow import MlflowClient

from harness.cli import report
from harness.config.compose import conf_dir
from harness.runner.job_outcomes import MOST_NAMED, JobOutcome, not_begun
from harness.runner.sweep import identify


def test_seeds_are_one_variant_and_another_width_is_another(command):
    ended = command("-m", *QUICK, "seed=0,1", "encoder.hidden_size=16,32")
    variants = {record.variant for record in ended.records}
    assert len(ended.records) == 4
    assert len(variants) == 2
    assert len({record.fingerprint for record in ended.records}) == 4
    losses = {record.metrics["test/loss"] for record in ended.records}
    assert len(losses) == 4


def test_a_run_that_fails_says_why_and_the_others_run(command, tmp_path):
    (tmp_path / "bad.py").write_text(
        "import os, signal\n"
        "from torch import nn\n"
        "class Bad(nn.Module):\n"
        "    def __init__(self, in_dim, how):\n"
        "        super().__init__()\n"
        "        self.out_dim, self.how, self.layer = in_dim, how, nn.Linear(in_dim, in_dim)\n"
        "    def forward(self, x_BLD, mask_BL):\n"
        "        if self.how == 'raise': raise RuntimeError('on purpose')\n"
        "        if self.how == 'crash': os.kill(os.getpid(), signal.SIGSEGV)\n"
        "        if self.how == 'kill': os.kill(os.getpid(), signal.SIGKILL)\n"
        "        if self.how == 'hang': import time; time.sleep(60)\n"
        "        return self.layer(x_BLD) * mask_BL[:, :, None]\n"
    )
    ended = command(
        "-m", "encoder=custom", "encoder._target_=bad.Bad", "+encoder.how=raise,crash,kill,hang,fine", "run_timeout=5",
        "tracking=none", *(one for one in QUICK if "tracking" not in one),
    )  # fmt: skip
    assert ended.code == 1
    reasons = {record.config["encoder"]["how"]: record.reason for record in ended.records}
    assert reasons["raise"] == "RuntimeError: on purpose"
    assert reasons["crash"] == "crashed: signal SIGSEGV"
    assert "SIGKILL" in reasons["kill"]
    assert reasons["hang"].startswith("time-out")
    assert reasons["fine"] is None
    assert all(reason is None or reason in " ".join(ended.out.split()) for reason in reasons.values())


def test_fail_fast_begins_no_further_run(command, tmp_path):
    ended = command("-m", "optimizer.lr=1e30,0.001", "fail_fast=true", "optimizer=sgd", *QUICK)
    assert ended.code == 1
    assert [record.status for record in ended.records] == ["failed"]
    assert "training diverged" in ended.record.reason
    waiting = "self_attention/seed=0/optimizer.lr=0.001"
    assert f"fail_fast: 1 run was not begun after a run had failed: {waiting}\n" in ended.err


def test_many_runs_that_were_not_begun_are_counted_and_the_first_are_named():
    waiting = [JobOutcome(not_begun=f"lstm/seed={seed}") for seed in range(MOST_NAMED + 3)]
    outcomes = [JobOutcome(error="boom"), *waiting]
    sentence = not_begun(outcomes)
    assert sentence.startswith("fail_fast: 23 runs were not begun after a run had failed: lstm/seed=0, lstm/seed=1, ")
    assert sentence.endswith(", lstm/seed=19 and 3 more")
    assert not_begun(outcomes[:1]) is None


def test_a_sweeps_id_is_never_read_as_a_number():
    ids = [identify([f"seed={number}"]) for number in range(3000)]
    assert all(one[0] == "s" and len(one) == 12 for one in ids)
    assert identify(["a=1", "b=2"]) == identify(["b=2", "a=1"]) != identify(["a=1"])


def test_a_sweep_takes_each_seed_through_all_variants_before_the_next(command):
    """So that what drifts with time is alike within the pairs that are compared."""
    ended = command("-m", "encoder=rnn,bag_of_embeddings", "seed=3,1", *QUICK, "trainer.epochs=1", "tracking=none")
    assert ended.code == 0, ended.err
    began = sorted(ended.records, key=lambda record: record.started)
    assert [record.seed for record in began] == [3, 3, 1, 1]
    stands = [line for line in ended.err.splitlines() if line.startswith("run ")]
    assert [line.partition(",")[0] for line in stands] == [f"run {number} of 4" for number in (1, 2, 3, 4)]
    assert all(re.search(r", about [\d.]+ (s|min|h) left$", line) for line in stands[1:])
    assert {record.choices["encoder"] for record in began[:2]} == {"rnn", "bag_of_embeddings"}


def test_a_sweep_shows_its_runs_in_the_order_of_the_command_and_runs_each_seed_in_another(command):
    encoders = ("rnn", "bag_of_embeddings", "cnn")
    quick = (*QUICK, "trainer.epochs=1", "tracking=none")
    ended = command("-m", f"encoder={','.join(encoders)}", "seed=2,0", "hydra.sweeper.max_batch_size=2", *quick)
    assert ended.code == 0, ended.err
    began = [record.label for record in sorted(ended.records, key=lambda record: record.started)]
    expected = [f"{encoder}/seed={seed}" for seed in (2, 0) for encoder in encoders]
    assert [label[-1] for label in began] == ["2"] * 3 + ["0"] * 3
    assert began != expected, "the order of this sweep is another one"
    shown = sorted(expected, key=ended.out.index)
    assert shown == expected
    again = command("-m", f"encoder={','.join(encoders)}", "seed=2,0", "hydra.sweeper.max_batch_size=0", *quick)
    assert again.code == 2
    assert again.err.splitlines()[-1] == (
        "hydra.sweeper.max_batch_size must be a whole number of 1 or more, or null, and is 0"
    )


def test_the_flag_of_a_sweep_stands_anywhere_and_other_flags_stay_where_they_were(command, tmp_path):
    (tmp_path / "mine" / "encoder").mkdir(parents=True)
    shipped = (conf_dir() / "encoder" / "rnn.yaml").read_text()
    (tmp_path / "mine" / "encoder" / "own.yaml").write_text(shipped)
    quick = [override for override in QUICK if not override.startswith("tra")]
    sets = ["encoder=own,bag_of_embeddings", "seed=0,1", *quick, "trainer.epochs=1", "tracking=none"]
    ended = command("--config-dir", "mine", *sets, "-m")
    assert ended.code == 0, ended.err
    began = sorted(ended.records, key=lambda record: record.started)
    assert [record.seed for record in began] == [0, 0, 1, 1]
    assert {record.choices["encoder"] for record in began[:2]} == {"own", "bag_of_embeddings"}
    again = command("--config-dir", "mine", *sets[:2], "--multirun", *sets[:1:-1])
    assert again.out.count("skipped") == 4
    assert len(list(tmp_path.glob("outputs/sweeps/*"))) == 1, "another order of overrides is the same sweep"


def test_a_launcher_that_fails_is_a_failure_and_no_error_of_the_user(command, monkeypatch):
    def fail(*_arguments, **_settings):
        raise RuntimeError("the cluster is gone")

    monkeypatch.setattr("hydra.core.plugins.Plugins.instantiate_launcher", fail)
    ended = command("-m", "seed=0,1", *QUICK)
    assert ended.code == 1
    assert "the cluster is gone" in ended.err


def test_a_run_that_fails_does_not_end_a_search(command):
    pytest.importorskip("optuna", minversion="4")
    search = ("hydra/sweeper=optuna", "hydra.sweeper.direction=maximize", "hydra.sweeper.n_trials=2")
    ended = command("-m", *search, "optimizer=sgd", "optimizer.lr=choice(1e30)", *QUICK, "tracking=none")
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert {record.status for record in ended.records} == {"failed"}


def test_a_sweep_with_a_job_that_left_no_record_is_failed_in_mlflow(command, tmp_path):
    ended = command("-m", *QUICK, "encoder=lstm", "encoder.hidden_size=16,0")
    assert ended.code == 2
    client = MlflowClient(f"sqlite:///{tmp_path}/outputs/mlflow.db")
    experiment = client.get_experiment_by_name("digits").experiment_id
    (parent,) = client.search_runs([experiment], "tags.kind = 'sweep'")
    assert parent.info.status == "FAILED"


def test_what_is_brought_to_mlflow_later_does_not_begin_its_sweep_again(command, tmp_path):
    command("-m", *QUICK, "trainer.epochs=1", "seed=0,1")
    client = MlflowClient(f"sqlite:///{tmp_path}/outputs/mlflow.db")
    experiment = client.get_experiment_by_name("digits").experiment_id
    child = client.search_runs([experiment], "tags.kind = 'run'")[0]
    client.delete_run(child.info.run_id)
    assert report.main(["--sync"]) == 0
    (parent,) = client.search_runs([experiment], "tags.kind = 'sweep'")
    assert parent.info.status == "FINISHED"
    assert len(client.search_runs([experiment], "tags.kind = 'run'")) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-m", "encoder=lstm,grru", "encoder.bogus=1"), "nothing reads encoder.bogus"),
        (("-m", "output_dir=123", "seed=0,1"), "output_dir must be text, and is 123"),
        (("--cfg", "job", "--package", "nosuch"), ""),
    ],
)
def test_what_hydra_cannot_follow_is_the_users_to_fix(command, arguments, sentence):
    ended = command(*arguments)
    assert ended.code == 2
    assert sentence in ended.err
    assert "Traceback" not in ended.err


def test_the_same_overrides_over_another_config_folder_are_another_sweep(command, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder / "encoder").mkdir(parents=True)
        (tmp_path / folder / "encoder" / "own.yaml").write_text("defaults: [gru, _self_]\nhidden_size: 16\n")
    for folder in ("a", "b"):
        quick = (*QUICK, "trainer.epochs=1", "tracking=none")
        ended = command(f"--config-dir={folder}", "-m", *quick, "encoder=own", "seed=0,1")
        assert ended.code == 0, ended.err
    assert len(list((tmp_path / "outputs" / "sweeps").iterdir())) == 2


@pytest.mark.parametrize("override", ["report.margin=0.01,0.02", "report.require=[],[p50_ms]"])
def test_a_sweep_ends_in_one_comparison_with_one_margin_and_one_set_of_requirements(command, override):
    ended = command("-m", override, *QUICK)
    assert ended.code == 2
    key = override.partition("=")[0]
    assert ended.err == f"{key} cannot be swept over: a sweep ends in one comparison; give it one value\n"
    assert ended.records == []


def test_a_sweep_has_one_output_folder(command, tmp_path):
    ended = command("-m", *QUICK, "output_dir=a,b")
    assert ended.code == 2
    assert "output_dir cannot be swept over" in ended.err
    assert not (tmp_path / "a").exists()
