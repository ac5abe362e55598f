"""``harness choose`` as a whole, with planted encoders: one good, one as good but dearer, one crippled."""

import json
import pickle
import re
import threading

import pytest
from mlflow import MlflowClient
from omegaconf import OmegaConf

from harness.runner.choose import choice
from harness.runner.choose.bench import LaunchedBench
from harness.runner.choose.sweeper import ChooseSweeper
from harness.runner.sweep import Sweep

ENCODERS = """
import torch
from torch import nn

class Good(nn.Module):
    unused, sees = 0, 1.0
    def __init__(self, in_dim):
        super().__init__()
        self.out_dim, self.layer = 16, nn.Linear(in_dim, 16)
        self.more = nn.Linear(16, self.unused) if self.unused else None
    def forward(self, x_BLD, mask_BL):
        return torch.tanh(self.layer(self.sees * x_BLD)) * mask_BL[:, :, None]

class Dear(Good):
    unused = 64

class Crippled(Good):
    unused, sees = 128, 0.0

class Broken(Good):
    def forward(self, x_BLD, mask_BL):
        raise RuntimeError("on purpose")
"""
COMMAND = (
    "choose", "encoder=custom", "encoder._target_=planted.Dear,planted.Good,planted.Crippled", "looks=3",
    "margin=0.1", "cost=parameters", "trainer.epochs=1", "hardware.threads=1",
    "measure.latency_seconds=0.01", "measure.latency_passes=5", "measure.inference_seconds=0.01",
    "measure.inference_batches=2", "measure.attention_examples=0", "tracking.system_metrics_seconds=null",
)  # fmt: skip

TRIALS = "tune.space.optimizer.lr=[0.003,0.03]"


@pytest.fixture
def choose(command, tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text(ENCODERS)
    monkeypatch.setattr(choice, "seconds_of_process", lambda: 0.0)  # that of the tests is long
    return lambda *more: command(*COMMAND, *more)


def answer_of(ended):
    """The answer, without the time that it took."""
    return re.search(r"Take .*?(?=Spent )", " ".join(ended.out.split()))[0]


def test_the_cheaper_of_two_good_ones_is_named_and_the_answer_is_the_same_everywhere(choose, tmp_path):
    first = choose("budget=1h", TRIALS)
    assert first.code == 0, first.err
    assert "Take Good" in first.out
    assert "lowest parameters" in " ".join(first.out.split())
    trials = [record for record in first.records if record.is_trial]
    seeds = [record for record in first.records if not record.is_trial]
    assert (len(trials), {record.seed for record in trials}) == (6, {1000})
    assert sorted(record.seed for record in seeds) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert {record.tuning.trials for record in seeds} == {2}
    # what it did is said before it does it
    progress = [line for line in first.err.splitlines() if line.startswith("choose: ")]
    assert progress[0].startswith("choose: tuning: a first of 2 trials each: 3 runs; ")
    assert progress[1].startswith("choose: tuning: trial 2 of 2: 3 runs, about ")
    assert progress[2].startswith("choose: look 1 of 1, to 3 seeds: 9 runs, about ")
    # the page and the parent run tell the same
    (folder,) = (tmp_path / "outputs" / "reports" / "digits").iterdir()
    markdown, page = ((folder / file).read_text() for file in ("report.md", "report.html"))
    client = MlflowClient(f"sqlite:///{tmp_path}/outputs/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    (note,) = [run.data.tags["mlflow.note.content"] for run in runs if "mlflow.parentRunId" not in run.data.tags]
    for text in ("Take Good", "All is decided.", "One look, at 3 seeds", "The test split chose", "Spent "):
        assert text in markdown
        assert text in page
        assert text in note
    # the same command again: no run twice, the same answer
    before = {record.run_dir: record.ended for record in first.records}
    again = choose("budget=1h", TRIALS)
    assert again.code == 0
    assert {record.run_dir: record.ended for record in again.records} == before
    assert answer_of(again) == answer_of(first)
    # another command finds the same runs; nobody is so small
    nobody = choose("budget=2h", TRIALS, "require=cost/parameters<10")
    assert {record.run_dir: record.ended for record in nobody.records} == before
    assert nobody.code == 1
    assert "No variant meets cost/parameters<10: the nearest is Good" in " ".join(nobody.out.split())
    assert "No candidate is left." in nobody.out


def test_an_interruption_gives_the_answer_so_far_and_the_same_command_resumes(choose, tmp_path, monkeypatch):
    run, begun = LaunchedBench.run, []

    def interrupted(self, runs):
        begun.append(runs)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return run(self, runs)

    with monkeypatch.context() as patched:
        patched.setattr(LaunchedBench, "run", interrupted)
        stopped = choose("budget=1h", "tune=none", "optimizer.lr=0.03")
    assert stopped.code == 130
    assert "Stopped before all was decided; the same command resumes." in stopped.out
    assert "the same command resumes from here" in stopped.err
    assert len(stopped.records) == 3
    spent = json.loads(next(tmp_path.glob("outputs/sweeps/*/choose.json")).read_text())["spent_seconds"]
    ended = choose("budget=1h", "tune=none", "optimizer.lr=0.03")
    assert ended.code == 0
    assert len(ended.records) == 9
    after = json.loads(next(tmp_path.glob("outputs/sweeps/*/choose.json")).read_text())["spent_seconds"]
    assert all(after[stage] >= seconds for stage, seconds in spent.items())


def test_an_interruption_of_the_tuning_says_how_far_it_is_and_counts_what_earlier_commands_finished(
    choose, monkeypatch
):
    launch, done = ChooseSweeper.launch_runs, []

    def interrupted(self, runs, limit):
        if len(done) == 5:
            raise KeyboardInterrupt
        done.extend(runs)
        return launch(self, runs, limit)

    monkeypatch.setattr(ChooseSweeper, "launch_runs", interrupted)
    for _ in range(2):  # the second command comes to none of them
        stopped = choose("budget=1h", TRIALS)
        assert stopped.code == 130
        said = " ".join(stopped.out.split())
        assert "Stopped in the tuning, with 5 trials finished: at least 1 of 2 of each of 3 candidates." in said
        assert "The budget allowed no tuning" not in said
        assert "interrupted; 5 finished runs kept; " in stopped.err


def test_a_budget_that_is_too_small_says_what_did_not_run(choose, monkeypatch):
    ended = choose("budget=1s", TRIALS)
    assert ended.code == 1
    text = " ".join(ended.out.split())
    assert "The budget of 1 s is too small for 3 seeds of all candidates, so there is no verdict. Missing: " in text
    assert "The budget allowed no tuning: 2 trials of each candidate were asked for" in text


def test_a_budget_that_is_spent_before_the_first_run_says_so(choose, monkeypatch):
    monkeypatch.setattr(choice, "seconds_of_process", lambda: 5.0)
    ended = choose("budget=1s", TRIALS)
    assert (ended.code, ended.records) == (2, [])
    assert "The budget of 1 s is too small for 3 seeds of all candidates" in ended.err
    assert "Spent 5 s of 1 s: start 5 s." in ended.err
    assert "an override has no value" not in ended.err


def test_a_candidate_that_fails_is_left_out_and_the_others_are_compared(choose):
    ended = choose("budget=1h", TRIALS, "encoder._target_=planted.Good,planted.Broken,planted.Crippled")
    assert ended.code == 1
    text = " ".join(ended.out.split())
    assert "Take Good" in text
    assert "none of its 2 trials finished: RuntimeError: on purpose" in text


def test_candidates_that_all_do_not_fit_are_one_sentence(choose):
    ended = choose("budget=1h", TRIALS, "trainer.monitor=val/mse")
    assert (ended.code, ended.records) == (2, [])
    assert ended.err.count("val/mse") == 1
    assert "Traceback" not in ended.err


def test_a_sweep_is_sent_to_its_jobs_without_the_choice():
    sweep = Sweep()
    sweep.config, sweep.choice = OmegaConf.create({"sweep": "s1"}), threading.RLock()  # what cannot be pickled
    sent = pickle.loads(pickle.dumps(sweep))
    assert (sent.config.sweep, sent.choice) == ("s1", None)
