"""Equal tuning, from the command to the records and the comparison."""

import json
from pathlib import Path

import pytest
from conftest import QUICK
from made_records import made
from omegaconf import OmegaConf

from harness.analysis.searched import seconds_of
from harness.config.compose import compose
from harness.config.hardware import resolve_hardware
from harness.records.record import Record
from harness.runner import fingerprint, job_outcomes, sweep_summary
from harness.runner.job_outcomes import JobOutcome
from harness.runner.tuning import Search, as_overrides, run_trials

QUICKER = (*QUICK, "tracking=none", "trainer.epochs=1")
TWO_RATES = ("tune=learning_rate", "tune.space.optimizer.lr=[0.0001,0.02]")
SWEEP = ("-m", "encoder=lstm,bag_of_embeddings", "seed=3,4", *TWO_RATES, *QUICKER)


def trials_of(records: list[Record], encoder: str) -> list[Record]:
    own = [record for record in records if record.is_trial and record.choices["encoder"] == encoder]
    return sorted(own, key=lambda record: record.config["tune"]["trial"])


def results_of(records: list[Record]) -> list[Record]:
    return sorted((record for record in records if not record.is_trial), key=lambda record: record.label)


def test_every_encoder_tries_the_same_and_runs_with_what_validation_chose(command):
    ended = command(*SWEEP)
    assert ended.code == 0, ended.err
    for encoder in ("lstm", "bag_of_embeddings"):
        tried = trials_of(ended.records, encoder)
        assert [record.config["optimizer"]["lr"] for record in tried] == [0.0001, 0.02]
        assert [record.seed for record in tried] == [1000, 1000]
        scores = [record.metrics["val/accuracy"] for record in tried]
        results = [record for record in results_of(ended.records) if record.choices["encoder"] == encoder]
        assert [record.seed for record in results] == [3, 4]
        for record in results:
            assert record.tuning.scores == scores
            assert record.tuning.best == scores.index(max(scores))
            chosen = (0.0001, 0.02)[record.tuning.best]
            assert record.config["optimizer"]["lr"] == record.tuning.chosen["optimizer.lr"] == chosen
            assert record.metrics["cost/tuning_seconds"] == pytest.approx(
                sum(one.metrics["speed/total_seconds"] - one.metrics["speed/startup_seconds"] for one in tried)
            )
            assert record.label == f"{encoder}/seed={record.seed}/optimizer.lr={chosen}"
    assert [record.label for record in trials_of(ended.records, "lstm")] == [
        "lstm/seed=1000/optimizer.lr=0.0001/tune.trial=0", "lstm/seed=1000/optimizer.lr=0.02/tune.trial=1",
    ]  # fmt: skip
    assert "tuned   lstm: optimizer.lr=0.02 (accuracy " in ended.err
    assert "tune.trial" not in ended.out, "trials are no results"
    (report,) = (file.read_text() for file in Path("outputs/reports/digits").glob("*/report.md"))
    assert "tune.trial" not in report
    again = command(*SWEEP)
    assert again.code == 0, again.err
    assert len(again.records) == len(ended.records) == 8
    assert again.out.count("skipped") == 4


def test_no_trial_has_seen_the_test_split(command):
    """Nothing of it is in the record or the folder, even where the command asks for its curve."""
    ended = command("-m", "seed=1", *TWO_RATES, *QUICKER, "trainer.report_test_each_epoch=true")
    assert ended.code == 0, ended.err
    tried = [record for record in ended.records if record.is_trial]
    assert len(tried) == 2
    for record in tried:
        assert not [name for entry in (record.metrics, *record.history) for name in entry if name.startswith("test/")]
        assert "latency/p50_ms" not in record.metrics
        assert record.metrics["speed/train_sequences_per_second"] > 0
        assert not (record.folder / "confusion.json").exists()
    (result,) = results_of(ended.records)
    assert "test/accuracy_each_epoch" in result.history[0]


def test_a_diverged_trial_fails_no_sweep_and_an_encoder_without_a_trial_is_named(command):
    space = ("tune=learning_rate", "optimizer=sgd", "tune.space.optimizer.lr=[1e30,0.1]")
    ended = command("-m", "encoder=self_attention", "seed=1", *space, *QUICKER)
    assert ended.code == 0, ended.err
    (result,) = results_of(ended.records)
    assert result.tuning.scores[0] is None
    assert result.config["optimizer"]["lr"] == 0.1
    assert [record.status for record in ended.records if record.is_trial].count("failed") == 1
    none = command("-m", "encoder=self_attention", "seed=1,2", *space[:2], "tune.space.optimizer.lr=[1e30]", *QUICKER)
    assert none.code == 1
    assert "self_attention: its only trial did not finish, so it is not evaluated" in none.err


def test_tuned_runs_stand_beside_untuned_ones(command):
    ended = command("-m", "encoder=bag_of_embeddings", "seed=1", "tune=none,learning_rate", *QUICKER)
    assert ended.code == 0, ended.err
    assert sum(record.is_trial for record in ended.records) == 8
    tuned, untuned = sorted(results_of(ended.records), key=lambda record: record.tuning is None)
    assert (tuned.tuning.trials, untuned.tuning) == (8, None)
    assert "tuned   bag_of_embeddings/tune=learning_rate: optimizer.lr=" in ended.err
    assert untuned.config["optimizer"]["lr"] == 0.001
    (report,) = (file.read_text() for file in Path("outputs/reports/digits").glob("*/report.md"))
    lr = f"{tuned.config['optimizer']['lr']:g}"
    assert f"bag\\_of\\_embeddings, lr={lr}, tuned=8 trials" in report
    assert "bag\\_of\\_embeddings, lr=0.001, tuned=no" in report


def test_a_single_run_is_tuned_as_a_sweep_of_one(command):
    ended = command("encoder=bag_of_embeddings", *TWO_RATES, *QUICKER)
    assert ended.code == 0, ended.err
    assert len(ended.records) == 3
    (result,) = results_of(ended.records)
    written = json.loads((result.folder / "record.json").read_text())
    assert written["tuning"]["scores"] == result.tuning.scores
    assert written["tuning"]["metric"] == "val/accuracy"
    assert result.tuning.score == max(result.tuning.scores)
    shown = command("--cfg", "job", "tune=learning_rate")
    assert (shown.code, len(shown.records)) == (0, 3)


def test_a_key_that_one_encoder_lacks_is_left_out_for_it_and_said(command):
    space = ("+tune.space.encoder.hidden_size=[8,16]", "tune.space.optimizer.lr=[0.001,0.02]", "tune=learning_rate")
    ended = command("-m", "encoder=gru,bag_of_embeddings", "seed=1", *space, *QUICKER)
    assert ended.code == 0, ended.err
    assert "tune.space.encoder.hidden_size is left out for bag_of_embeddings, which does not read it" in ended.err
    assert [len(trials_of(ended.records, encoder)) for encoder in ("gru", "bag_of_embeddings")] == [4, 2]
    bag = next(record for record in results_of(ended.records) if record.choices["encoder"] == "bag_of_embeddings")
    assert bag.tuning.left_out == ["encoder.hidden_size"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("tune=learning_rate", "optimizer.lr=0.1"), "optimizer.lr=0.1 sets what tune.space.optimizer.lr searches"),
        (("+tune.space.encoder.dropuot=[0.1]",), "tune.space.encoder.dropuot: no encoder of this sweep has such a key"),
        (("+tune.space.trainer.epochs=[1,2]",), "tune.space.trainer.epochs cannot be tuned"),
        (("tune=learning_rate", "tune.trial=1"), "tune.trial=1: -m sets the number of a trial; leave it out"),
        (("tune=learning_rate", "trainer.monitor=last"), "tune chooses on validation, and trainer.monitor=last does"),
        (("tune=learning_rate", "mode=profile"), "mode=profile trains nothing that could be tuned"),
        (("tune=learning_rate", "hydra/sweeper=basic"), "tune needs the harness's own sweeper"),
        (("tune=learning_rate", "tune.trials=0"), "tune.trials must be a whole number of 1 or more, and is 0"),
        (("tune.space.optimizer.lr=[0.1]",), "a plus adds it: '+tune.space.optimizer.lr=[0.1]'"),
        (("tune={trial:3}",), "tune.trial is the number of a trial, which the sweep sets; leave it out"),
        (("tune=learning_rate", "tune.space.optimizer.lr={low:1,high:2}"), "add the key to an empty space instead:"),
        (("+tune.space.encoder.hidden_size=[8,0]",), "encoder.hidden_size must be a whole number of 1 or more,"),
        (("tune=learning_rate", "tune.space.optimizer.lr=[0.1,abc]"), "optimizer.lr must be a finite number above 0"),
        (("tune=learning_rate", "tune.trials=few"), "tune.trials must be a whole number of 1 or more, and is 'few'"),
        (("tune=learning_rate", "tune.seed=-1"), "tune.seed must be a whole number of 0 or more, and is -1"),
    ],
)
def test_what_cannot_be_tuned_is_refused_before_any_run(command, arguments, sentence):
    ended = command("-m", "encoder=gru", "seed=0,1", *QUICKER, *arguments)
    assert ended.code == 2
    assert sentence in ended.err
    assert "Traceback" not in ended.err
    assert "tune.trial=0:" not in ended.err, "no trial was begun"
    assert not ended.records


def test_a_hopeless_trial_is_stopped_and_its_record_says_when(command):
    rates = "tune.space.optimizer.lr=[0.02,0.03,0.01,1e-6]"
    quick = [one for one in QUICKER if not one.startswith("trainer.epochs")]
    sweep = ("-m", "encoder=lstm", "seed=1", "tune=learning_rate", "tune.prune=true", rates, *quick, "trainer.epochs=3")
    ended = command(*sweep)
    assert ended.code == 0, ended.err
    tried = trials_of(ended.records, "lstm")
    assert [record.stopped_epoch for record in tried] == [None, None, None, 1]
    assert [record.status for record in tried] == ["finished"] * 4
    assert len(tried[3].history) == 1
    (result,) = results_of(ended.records)
    assert result.tuning.stopped == [3]
    assert result.tuning.scores[3] == tried[3].metrics["val/accuracy"]


def identity(*overrides: str) -> tuple[str, str]:
    config = compose(*overrides)
    return fingerprint.of(config, resolve_hardware(config), "hash")


def test_a_trial_is_another_run_than_a_result_and_its_number_decides_nothing():
    tuned = identity("tune=learning_rate")
    trials = [identity("tune=learning_rate", f"tune.trial={number}") for number in (0, 1)]
    assert len({identity(), tuned, *trials}) == 3
    assert trials[0] == trials[1]
    assert identity("tune=learning_rate", "tune.trial=0", "tune.prune=true") not in trials
    assert identity("tune=learning_rate", "tune.trial=0", "tune.space.optimizer.lr=[0.1,0.2]") == trials[0]
    assert identity("tune=none") == identity()
    assert identity("tune=learning_rate", "tune.space.optimizer.lr=[0.1]") != tuned


def test_a_trial_that_may_be_stopped_is_another_run_in_another_space():
    """The other trials decide whether it is stopped: a stopped one must not stand for one that would be trained on."""
    trial = ("tune=learning_rate", "tune.prune=true", "tune.trial=0")
    assert identity(*trial, "tune.space.optimizer.lr=[0.1,0.2,0.3,0.001]") != identity(*trial)
    assert identity(*trial[:2], "tune.trial=1") == identity(*trial)


class Batches:
    """Stands for a sweeper: keeps the trials of each batch."""

    def __init__(self):
        self.batches = []

    def check(self, jobs):
        return []

    def launch(self, jobs):
        self.batches.append([job[-1] for job in jobs])
        return [JobOutcome(error=" ".join(job)) for job in jobs]


@pytest.mark.parametrize(
    ("prune", "batches"),
    [(False, [[0, 0, 1, 1, 2, 2, 3, 4]]), (True, [[0, 0, 1, 1, 2, 2], [3, 4]])],
)
def test_trials_that_may_be_stopped_run_in_batches_so_that_every_launcher_stops_the_same(prune, batches):
    searches = [
        Search([f"encoder={name}"], name, name, 0, [{"optimizer.lr": lr} for lr in range(1, count + 1)], [], prune)
        for name, count in (("lstm", 5), ("gru", 3))
    ]
    sweeper = Batches()
    run_trials(sweeper, searches)
    assert sweeper.batches == [[f"tune.trial={number}" for number in batch] for batch in batches]
    for search in searches:
        assert [outcome.error for outcome in search.outcomes] == [
            " ".join(search.trial(number)) for number in range(len(search.to_try))
        ]


def test_only_outcomes_of_earlier_batches_decide_which_trials_are_stopped(tmp_path):
    config = OmegaConf.create({"output_dir": str(tmp_path), "sweep": "s1", "worker": "1.0-here-1"})
    assert job_outcomes.of_earlier_batches(config) == []
    for number in (0, 1, 2, 11):
        job_outcomes.keep_outcome(config, number, JobOutcome(error=f"{number}"))
    job_outcomes.keep_batch(config, 2)
    assert [outcome.error for outcome in job_outcomes.of_earlier_batches(config)] == ["0", "1"]
    assert [outcome.error for outcome in job_outcomes.outcomes_of(config)] == ["0", "1", "2", "11"]


def test_the_time_of_a_trial_is_that_of_its_variant_and_not_of_what_its_command_waited_for():
    first = made(metrics={"speed/total_seconds": 30.0, "speed/startup_seconds": 20.0, "speed/training_seconds": 7.0})
    resumed = made(metrics={"speed/total_seconds": 5.0, "speed/startup_seconds": 2.0, "speed/training_seconds": 7.0})
    failed = made(metrics={"speed/total_seconds": 4.0})
    assert [seconds_of(trial) for trial in (first, resumed, failed)] == [10.0, 7.0, 4.0]


def test_settings_are_written_as_hydra_reads_them():
    settings = {"a": 1e-5, "b": None, "c": True, "d": [1, 2.5], "e": "it's", "f": 16}
    assert as_overrides(settings) == ["a=1e-05", "b=null", "c=true", "d=[1,2.5]", "e='it\\'s'", "f=16"]


def test_a_sweep_that_ended_in_its_trials_has_nothing_to_compare(tmp_path):
    trial = made(config={"tune": {"trial": 0}})
    assert sweep_summary.of_runs([trial], tmp_path, "digits", "s1", margin=0.01).files == []
    assert list(tmp_path.iterdir()) == []
