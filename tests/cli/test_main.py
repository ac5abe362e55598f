"""The command line: runs, records and exit codes."""

import dataclasses
import json

import pytest
from commands import run
from conftest import QUICK
from histories import without_seconds

from harness import __main__
from harness.cli import report
from harness.runner import worker


def test_a_run_leaves_a_whole_record_and_a_table(command):
    ended = command(*QUICK)
    record = ended.record
    assert ended.code == 0
    assert "test/accuracy" in ended.out
    assert record.run_dir.removeprefix(str(record.run_dir).split("outputs")[0]) in ended.out
    assert "python -m harness ui" in ended.out
    assert record.status == "finished"
    assert [entry["epoch"] for entry in record.history] == [1, 2]
    assert record.choices["encoder"] == "self_attention"
    assert record.environment.hardware.threads == 1
    expected = {
        *("test/accuracy", "test/f1_macro", "test/loss", "val/accuracy", "val/loss", "train/loss", "best/epoch"),
        *("speed/train_tokens_per_second", "speed/train_sequences_per_second", "speed/train_step_ms_p50"),
        *("speed/train_step_ms_p95", "speed/data_wait_fraction", "speed/epoch_seconds", "speed/total_seconds"),
        *("speed/startup_seconds", "speed/inference_sequences_per_second", "latency/p50_ms", "latency/p95_ms"),
        *("latency/p99_ms", "memory/host_train_peak_mib", "memory/host_inference_peak_mib", "memory/host_peak_mib"),
        *("speed/end_to_end_tokens_per_second", "cost/parameters", "cost/encoder_parameters", "cost/forward_flops"),
        *("cost/epochs", "cost/steps", "speed/training_seconds"),
    }
    assert expected <= set(record.metrics)
    # 1,167 training rows in batches of 32, twice
    assert (record.metrics["cost/epochs"], record.metrics["cost/steps"]) == (2, 74)
    assert [entry["cost/steps"] for entry in record.history] == [37, 74]
    assert record.metrics["speed/training_seconds"] == record.history[-1]["speed/training_seconds"]
    assert record.metrics["speed/training_seconds"] == pytest.approx(2 * record.metrics["speed/epoch_seconds"])
    assert record.metrics["speed/startup_seconds"] < record.metrics["speed/total_seconds"]


def test_the_same_command_is_skipped_and_rerun_gives_the_same_numbers_to_the_last_digit(command):
    ended = command(*QUICK)
    first = ended.record
    again = command(*QUICK, "--all")
    assert "skipped" in again.out
    assert again.record.ended == first.ended
    for out, shows_all in ((ended.out, False), (again.out, True)):
        assert [metric in out for metric in ("test/accuracy", "cost/forward_flops")] == [True, shows_all]
        assert ("the same command with --all, or record.json" in out) is not shows_all
    forced = command(*QUICK, "rerun=true").record
    assert forced.ended != first.ended
    assert without_seconds(forced.history) == without_seconds(first.history)
    assert forced.metrics["test/loss"] == first.metrics["test/loss"]


def test_names_and_paths_do_not_decide_a_result(command, tmp_path):
    first = command(*QUICK).record
    elsewhere = f"cache_dir={tmp_path}/elsewhere"
    same = command(*QUICK, "name=other", "run_timeout=100", elsewhere, "report.margin=0.02")
    assert "skipped" in same.out
    copied = next(record for record in same.records if record.name == "other")
    assert copied.metrics == first.metrics
    assert (copied.fingerprint, copied.copied_from) == (first.fingerprint, first.run_dir)
    assert (copied.folder / "best.ckpt").exists()
    again = command(*QUICK, "name=other")
    assert "skipped" in again.out
    assert len(again.records) == 2
    assert command(*QUICK, "name=third").code == 0
    assert report.main(["--name", "third"]) == 0


@pytest.mark.parametrize("how", ["interrupted", "crashed"])
def test_a_run_whose_record_is_whole_stays_finished_whatever_becomes_of_its_process(command, monkeypatch, how):
    def lose(*arguments, **settings):
        """Train, and lose the process while it draws pictures."""
        ended = train(*arguments, **settings)
        if how == "interrupted":
            raise KeyboardInterrupt
        return dataclasses.replace(ended, code=-9)

    train = worker.Server.run
    monkeypatch.setattr(worker.Server, "run", lose)
    ended = command(*QUICK)
    assert ended.code == (130 if how == "interrupted" else 0)
    assert ended.record.status == "finished"
    assert ended.record.metrics["test/accuracy"] > 0
    if how == "interrupted":
        assert "is finished; the same command resumes from here" in ended.err
    monkeypatch.undo()


def test_an_interruption_before_the_first_epoch_leaves_nothing_to_resume(command, monkeypatch):
    def interrupt(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(worker.Server, "run", interrupt)
    ended = command(*QUICK, "encoder=gru")
    assert ended.code == 130
    said = ended.err.splitlines()[-1]
    assert said == "interrupted; gru/seed=0/trainer.epochs=2: no epoch was finished; the same command begins again"


def test_the_report_of_an_interrupted_sweep_says_how_many_runs_it_lacks(command, monkeypatch, tmp_path):
    def interrupt_the_second(*arguments, **settings):
        if trained:
            raise KeyboardInterrupt
        trained.append(True)
        return train(*arguments, **settings)

    train, trained = worker.Server.run, []
    monkeypatch.setattr(worker.Server, "run", interrupt_the_second)
    ended = command("-m", "seed=0,1,2,3", *QUICK)
    assert ended.code == 130
    why = "the command was interrupted before these runs ended; run it again to resume."
    said = f"3 of 4 runs of this command are missing: {why}"
    assert said in " ".join(ended.out.split())
    (report_md,) = (tmp_path / "outputs" / "reports").rglob("report.md")
    assert said in " ".join(report_md.read_text().split())


def test_a_custom_encoder_in_an_empty_folder(command, tmp_path):
    (tmp_path / "my_file.py").write_text(
        "from torch import nn\n"
        "class MyEncoder(nn.Module):\n"
        "    def __init__(self, in_dim, kernel):\n"
        "        super().__init__()\n"
        "        self.out_dim = 7\n"
        "        self.layer = nn.Conv1d(in_dim, 7, kernel, padding='same')\n"
        "    def forward(self, x_BLD, mask_BL):\n"
        "        x_BLD = x_BLD * mask_BL[:, :, None]\n"
        "        y_BLE = self.layer(x_BLD.transpose(1, 2)).transpose(1, 2)\n"
        "        return y_BLE * mask_BL[:, :, None]\n"
    )
    ended = command("encoder=custom", "encoder._target_=my_file.MyEncoder", "+encoder.kernel=3", *QUICK)
    assert ended.code == 0, ended.err
    assert ended.record.metrics["cost/encoder_parameters"] == 7 * 128 * 3 + 7
    assert "cost/forward_flops" not in ended.record.metrics  # it does not say its cost: absent, not 0

    source = (tmp_path / "my_file.py").read_text()
    (tmp_path / "my_file.py").write_text(source.replace("y_BLE * mask", "2 * y_BLE * mask"))
    command("encoder=custom", "encoder._target_=my_file.MyEncoder", "+encoder.kernel=3", *QUICK)
    fingerprints = {json.loads(path.read_text())["fingerprint"] for path in tmp_path.rglob("record.json")}
    assert len(fingerprints) == 2, "changed code is another run"


def test_custom_data_in_an_empty_folder(command, tmp_path):
    (tmp_path / "my_data.py").write_text(
        "from harness.data import from_sequences\n"
        "def load(rows):\n"
        "    x = [[2, 3, 2], [3], [3, 3], [2, 2]] * rows\n"
        "    part = (x, ['even', 'odd', 'even', 'odd'] * rows)\n"
        "    words = ['[PAD]', '[UNK]', 'a', 'b']\n"
        "    return from_sequences(part, part, part, classes=['even', 'odd'], vocabulary=words)\n"
    )
    ended = command("data=custom", "data._target_=my_data.load", "+data.rows=30", *QUICK)
    assert ended.code == 0, ended.err
    assert ended.record.data.sizes == {"train": 120, "validation": 120, "test": 120}


def test_a_precision_that_hydra_reads_as_a_number_is_the_same(command):
    ended = command("hardware.precision=32", *QUICK)
    assert ended.code == 0, ended.err
    assert ended.record.environment.hardware.precision == "32"


@pytest.mark.parametrize(
    ("arguments", "started"),
    [
        ("encoder=lstm seed=1", "pytorch"),
        ("-m encoder=lstm,gru backend=pytorch", "pytorch"),
        ("encoder=tfidf_logreg", "sklearn"),  # its file chooses the backend
        ("-m encoder=lstm,tfidf_logreg", "pytorch"),
        ("encoder=tfidf_logreg backend=pytorch", "pytorch"),
        ("-m backend=pytorch,tensorflow", None),  # the first run knows which
        ("backend=torch", None),
        ("backend=tensorflow", None),  # which is not installed
        ("--help", None),
        ("encoder=lstm --all", "pytorch"),
        ("encoder=lstm --cfg job", None),
        ("-m hydra/launcher=joblib seed=0,1", None),  # its runs are in other processes
    ],
)
def test_the_backends_imports_begin_with_the_command_where_its_runs_are_here(monkeypatch, arguments, started):
    servers = []
    monkeypatch.setattr(worker, "server_of_backend", servers.append)
    monkeypatch.setattr(__main__, "find_spec", lambda library: library in ("torch", "sklearn"))
    __main__.start_server(arguments.split())
    assert servers == ([started] if started else [])


def test_progress_is_printed_from_the_first_second_on_and_standard_output_has_only_the_table(tmp_path):
    ended = run(tmp_path, *QUICK, "tracking=none")
    assert ended.returncode == 0, ended.stderr
    progress = [line.split(": ")[-1] for line in ended.stderr.splitlines()]
    assert progress[:2] == ["preparing data", "loading pytorch and building the model"]
    assert [line[:9] for line in ended.stderr.splitlines()[2:]] == ["epoch 1/2", "epoch 2/2", "measuring"]
    assert max(map(len, ended.stderr.splitlines()[2:])) <= 80
    assert "test/accuracy" in ended.stdout
    assert "epoch 1/2" not in ended.stdout


def test_two_plus_signs_set_a_key_that_exists(command):
    ended = command("++trainer.epochs=1", *(one for one in QUICK if "epochs" not in one), "++encoder.hidden_size=64")
    assert ended.code == 0, ended.err
    assert len(ended.record.history) == 1
