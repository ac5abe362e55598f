import shutil

import pytest
from made_records import made, write

from harness import tracking
from harness.errors import UserError
from harness.records import store
from harness.runner.run_reference import find_run

IDS = ["0" * 31 + "a", "0" * 31 + "b"]


def runs(tmp_path, *records):
    """Records below an output folder, each in the folder that its ``run_dir`` names."""
    for record in records:
        record.folder = tmp_path / record.run_dir
        record.folder.mkdir(parents=True)
        store.write(record)
    return tmp_path


def scored(encoder, seed, validation, test=0.5, **more):
    metrics = {"val/accuracy": validation, "val/loss": 1 - validation} | more.pop("metrics", {})
    return made(encoder, seed, test, metrics=metrics, run_dir=f"runs/digits/{encoder}-{seed}", **more)


@pytest.fixture
def two_encoders(tmp_path):
    """``gru`` is better on validation in the mean, ``lstm`` has the best single run, and the best on test."""
    lstm = scored("lstm", 0, 0.95, 0.99), scored("lstm", 1, 0.5, 0.99)
    return runs(tmp_path, *lstm, scored("gru", 0, 0.8), scored("gru", 1, 0.9))


@pytest.mark.parametrize("reference", ["runs/digits/gru-0", "digits/gru-0", "runs/digits/gru-0/record.json"])
def test_a_folder_is_found_from_here_and_from_the_output_folder(two_encoders, monkeypatch, reference):
    assert find_run(reference, two_encoders) == two_encoders / "runs/digits/gru-0"
    assert find_run(str(two_encoders / "runs/digits/gru-0"), two_encoders / "other").name == "gru-0"


def test_the_best_is_chosen_by_the_mean_on_validation_and_then_its_best_seed(two_encoders, capsys):
    assert find_run("best:digits", two_encoders) == two_encoders / "runs/digits/gru-1"
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"best:digits is {two_encoders}/runs/digits/gru-1: gru, the best of 2 variants on validation "
        "(val/accuracy 0.85, the mean over 2 seeds; of these, seed 1 is best (0.9))"
    )


def test_of_equally_good_ones_that_with_the_lowest_loss_is_taken_and_said_to_be_one_of_several(tmp_path, capsys):
    losses = {"gru": (0.3, 0.2, 0.1), "bag": (0.9, 0.8, 0.9), "lstm": (0.4, 0.4, 0.4)}
    runs(tmp_path, *(
        scored(encoder, seed, 1.0 if encoder != "lstm" or seed else 0.9, metrics={"val/loss": loss})
        for encoder, own in losses.items() for seed, loss in enumerate(own)
    ))  # fmt: skip
    assert find_run("best:digits", tmp_path).name == "gru-2"
    assert capsys.readouterr().err.endswith(
        "/gru-2: gru, the best of 3 variants on validation, as good as 1 other, whose val/loss is not lower "
        "(val/accuracy 1, the mean over 3 seeds; of these, seed 2 is best (1), as good as 2 others, whose val/loss is "
        "not lower)\n"
    )


def test_the_best_follows_the_score_that_all_runs_monitored(tmp_path):
    by_loss = {"config": {"trainer.monitor": "val/loss"}}
    runs(
        tmp_path,
        scored("lstm", 0, 0.9, metrics={"val/loss": 2.0}, **by_loss),
        scored("gru", 0, 0.8, metrics={"val/loss": 1.0}, **by_loss),
    )
    assert find_run("best:digits", tmp_path).name == "gru-0"


def test_runs_that_monitored_different_scores_are_compared_by_that_of_the_task(tmp_path):
    runs(
        tmp_path,
        scored("lstm", 0, 0.9, metrics={"val/loss": 2.0}, config={"trainer.monitor": "last"}),
        scored("gru", 0, 0.8, metrics={"val/loss": 1.0}, config={"trainer.monitor": "val/loss"}),
    )
    assert find_run("best:digits", tmp_path).name == "lstm-0"


def test_an_error_is_better_the_smaller_it_is(tmp_path):
    runs(
        tmp_path,
        scored("lstm", 0, 0.9, data={"task": "regression"}, metrics={"val/mse": 2.0}),
        scored("gru", 0, 0.8, data={"task": "regression"}, metrics={"val/mse": 1.0}),
    )
    assert find_run("best:digits", tmp_path).name == "gru-0"


def test_trials_failed_runs_and_profiles_are_not_the_best(tmp_path, capsys):
    runs(
        tmp_path,
        scored("lstm", 0, 0.1),
        scored("lstm", 1, 0.9, status="failed", reason="out of memory"),
        scored("gru", 0, 0.9, config={"tune": {"trial": 0}}),
        scored("rnn", 0, 0.9, mode="profile"),
    )
    assert find_run("best:digits", tmp_path).name == "lstm-0"
    assert "the only variant (val/accuracy 0.1, seed 0)" in capsys.readouterr().err


def test_runs_on_different_data_are_not_compared(tmp_path):
    runs(tmp_path, scored("lstm", 0, 0.9), scored("gru", 0, 0.8, data={"hash": "5e7"}))
    with pytest.raises(UserError) as refused:
        find_run("best:digits", tmp_path)
    message = str(refused.value)
    assert message.startswith("best:digits: the runs of this experiment are on 2 data sets or versions of packages")
    assert f"{tmp_path}/runs/digits/lstm-0" in message
    assert f"{tmp_path}/runs/digits/gru-0" in message


@pytest.mark.parametrize(
    ("record", "reference", "sentence"),
    [
        (scored("lstm", 0, 0.9), "best:digit", "no run below .* is of the experiment 'digit'; take one of digits"),
        (scored("lstm", 0, 0.9), "best:", "no run below .* is of the experiment ''; take one of digits"),
        (scored("lstm", 0, 0.9, status="failed", reason="no memory"), "best:digits", r"none of the 1 .* \(no memory\)"),
        (made(run_dir="runs/digits/lstm-0"), "best:digits", r"no score on validation \(val/accuracy\)"),
        (scored("lstm", 0, 0.9), "lstm-1", "there is no run 'lstm-1': name the folder .*; such as .*digits/lstm-0"),
        (scored("lstm", 0, 0.9), "digitz", "there is no run 'digitz': .*; such as best:digits"),
        (scored("lstm", 0, 0.9), "nothing like it", "such as .*digits/lstm-0"),
        (scored("lstm", 0, 0.9), "digits", r"digits is not the folder of a run, but has 1 in it; .*lstm-0\)"),
        (scored("lstm", 0, 0.9), IDS[0], f"no record below .* has the MLflow run id {IDS[0]}, and MLflow does not"),
    ],
)  # fmt: skip
def test_an_unknown_reference_names_what_there_is(tmp_path, record, reference, sentence):
    runs(tmp_path, record)
    with pytest.raises(UserError, match=sentence):
        find_run(reference, tmp_path)


def test_a_text_in_place_of_a_run_is_no_run(tmp_path):
    runs(tmp_path, scored("lstm", 0, 0.9))
    with pytest.raises(UserError, match="there is no run 'film film"):
        find_run("film " * 2000, tmp_path)


def test_the_copies_of_mlflow_are_no_runs(tmp_path):
    record = scored("lstm", 0, 0.9)
    runs(tmp_path, record)
    shutil.copytree(record.folder, tmp_path / "mlartifacts" / "digits" / "1" / "artifacts")
    with pytest.raises(UserError, match=r"has 1 in it; name one of them \(.*runs/digits/lstm-0\)"):
        find_run(str(tmp_path), tmp_path)


def test_an_empty_output_folder_and_an_empty_folder_are_said(tmp_path):
    with pytest.raises(UserError, match="there are no runs below"):
        find_run("lstm", tmp_path)
    with pytest.raises(UserError, match=r"has no record.json, so it is not the folder of a run"):
        find_run(str(tmp_path), tmp_path)
    with pytest.raises(UserError, match="is of the experiment 'lstm'; there is no experiment"):
        find_run("best:lstm", tmp_path)


def test_a_damaged_record_is_left_out_and_named(two_encoders, capsys):
    (two_encoders / "runs/digits/gru-1/record.json").write_text("{")
    assert find_run("best:digits", two_encoders).name == "gru-0"
    assert "left out: " in capsys.readouterr().err


@pytest.mark.parametrize("reference", [IDS[1], f"runs:/{IDS[1]}", f"runs:/{IDS[1]}/model"])
def test_an_mlflow_run_id_of_a_record_needs_no_mlflow(tmp_path, reference):
    runs(tmp_path, scored("lstm", 0, 0.9, mlflow_run_id=IDS[0]), scored("gru", 0, 0.8, mlflow_run_id=IDS[1]))
    assert find_run(reference, tmp_path).name == "gru-0"
    assert not (tmp_path / "mlflow.db").exists()


def test_an_mlflow_run_id_that_no_record_has_is_looked_up_in_the_store(tmp_path, monkeypatch):
    """As after the records of a run were made again: MLflow knows the folder."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    output = write(tmp_path, [])
    record = scored("lstm", 0, 0.9, config={"rerun": False, "tracking": {"uri": None}})
    runs(output, record)
    tracking.sync([record])
    run_id = store.read(record.folder).mlflow_run_id
    record.mlflow_run_id = None
    store.write(record)
    assert find_run(run_id, output) == record.folder
    with pytest.raises(UserError, match="and MLflow does not know it"):
        find_run(IDS[0], output)
    store.remove(record.folder)
    with pytest.raises(UserError, match=r"is kept in runs/digits/lstm-0, which is not below .* with --output-dir"):
        find_run(run_id, output)
