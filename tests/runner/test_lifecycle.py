"""A run is finalized once, however it ends: its record is written, its tracker is not left with a running run."""

import dataclasses
import json

import numpy as np
import pytest

from harness import tracking
from harness.config.compose import compose
from harness.errors import UserError
from harness.records import store
from harness.records.record import DataSummary, Hardware
from harness.runner import earlier_runs, ending, lifecycle, run_lock
from harness.runner.ending import conclude
from harness.runner.lifecycle import Live, Request, new_record
from harness.runner.messages import Epoch, Measured, Outcome
from harness.runner.run_lock import RunLock

METRICS = {"test/accuracy": 0.5, "val/accuracy": 0.25}
MEASURED = Measured(METRICS, [{"epoch": 1, "val/accuracy": 0.25}], [{}], 0, {})


class Tracker:
    """Keeps what it is told."""

    def __init__(self):
        self.calls = []

    def start(self, record):
        self.calls.append("start")
        return "id"

    def epoch(self, metrics):
        self.calls.append("epoch")

    def end_watch(self):
        self.calls.append("end_watch")

    def sync(self, record):
        self.calls.append(f"sync {record.status}")

    def discard(self):
        self.calls.append("discard")


@pytest.fixture
def tracker(monkeypatch):
    made = Tracker()
    monkeypatch.setattr(tracking, "open_tracker", lambda *_: made)
    return made


@pytest.fixture
def live(tmp_path, tracker):
    request = Request(compose(f"output_dir={tmp_path}"), "lstm/seed=0", 1000.0)
    data = DataSummary("digits", "d" * 64, "classification", classes=["0", "1"])
    with RunLock(tmp_path, "f" * 64) as lock:
        yield Live(request, new_record(request, Hardware("cpu"), data, "f" * 64, "v" * 64), lock)


def written(live):
    return store.read(live.record.folder)


def test_a_run_that_ends_well_is_written_and_synced_once(live, tracker):
    with live:
        live.track()
        live.take(Epoch({"epoch": 1, "val/accuracy": 0.25}))
        live.take(MEASURED)
        live.outcome = Outcome("finished")
    record = written(live)
    assert (record.status, record.reason, record.mlflow_run_id) == ("finished", None, "id")
    assert METRICS.items() <= record.metrics.items()
    assert tracker.calls == ["start", "epoch", "sync finished"]


def test_a_process_that_was_suspended_for_too_long_leaves_the_record_to_who_took_the_run_over(live, tracker):
    with live:
        live.lock.file.write_text(json.dumps(dataclasses.asdict(run_lock.this_process())))
        live.take(MEASURED)
        live.outcome = Outcome("finished")
    assert written(live) is None
    assert (live.record.status, tracker.calls) == ("failed", [])
    assert "another process took the run over" in live.record.reason


def test_a_lock_that_somebody_removed_costs_no_result(live, tracker):
    with live:
        live.lock.file.unlink()
        live.take(MEASURED)
        live.outcome = Outcome("finished")
    assert written(live).status == "finished"
    assert tracker.calls == ["sync finished"]


class Ended(BaseException):
    """Something that no code of ours knows."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyboardInterrupt(), "interrupted by Ctrl-C"),
        (SystemExit(3), "ended by SystemExit: 3"),
        (RuntimeError("time is up"), "ended by RuntimeError: time is up"),
        (Ended(), "ended by Ended"),
    ],
)
def test_whatever_exception_ends_a_run_it_is_killed_written_and_synced(live, tracker, error, reason):
    live.track()
    with pytest.raises(type(error)), live:
        raise error
    assert (written(live).status, written(live).reason) == ("killed", reason)
    assert tracker.calls == ["start", "sync killed"]


def test_a_refused_run_never_was(live, tracker):
    live.track()
    with pytest.raises(UserError), live:
        raise UserError("encoder: no")
    assert not live.record.folder.exists()
    assert tracker.calls == ["start", "discard"]


def test_an_interruption_while_the_tracker_starts_leaves_no_running_run(live, tracker, monkeypatch):
    def start(record):
        raise KeyboardInterrupt

    monkeypatch.setattr(tracker, "start", start)
    with pytest.raises(KeyboardInterrupt, match="no epoch was finished"), live:
        live.track()
    assert tracker.calls == ["sync killed"]
    assert written(live).status == "killed"


def interrupt_first_sync(tracker, monkeypatch):
    def sync(record):
        tracker.calls.append("sync")
        if tracker.calls.count("sync") == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(tracker, "sync", sync)


def test_an_interruption_while_the_tracker_ends_a_run_has_it_end_all_the_same(live, tracker, monkeypatch):
    interrupt_first_sync(tracker, monkeypatch)
    with pytest.raises(KeyboardInterrupt), live:
        live.take(MEASURED)
    assert tracker.calls.count("sync") == 2
    assert written(live).status == "finished"


@pytest.fixture
def swept(live):
    """A run of a sweep whose runs follow each other."""
    live.request = dataclasses.replace(live.request, in_turn=True)
    yield live
    lifecycle._to_sync.clear()


def test_a_run_of_a_sweep_is_synced_while_the_next_one_starts_and_is_held_until_then(swept, tracker, tmp_path):
    with swept:
        swept.track()
        swept.take(MEASURED)
        swept.outcome = Outcome("finished")
    swept.lock.__exit__()
    assert written(swept).status == "finished"
    assert tracker.calls == ["start", "end_watch"]
    with pytest.raises(run_lock.Held):
        RunLock(tmp_path, "f" * 64).__enter__()
    with RunLock(tmp_path, "e" * 64) as lock, Live(swept.request, swept.record, lock) as following:
        following.track()
        assert tracker.calls == ["start", "end_watch", "sync finished", "start"]
        following.outcome = Outcome("failed", "why")
    with RunLock(tmp_path, "f" * 64):
        pass
    lifecycle.let_go("e" * 64)
    assert len(tracker.calls) == 5, "it is another run"
    lifecycle.let_go(swept.record.fingerprint)
    assert tracker.calls[5:] == ["sync failed"]
    lifecycle.sync_ended()
    assert len(tracker.calls) == 6


def test_an_interruption_of_a_sweep_leaves_no_run_unsynced(swept, tracker, monkeypatch):
    interrupt_first_sync(tracker, monkeypatch)
    with swept:
        swept.take(MEASURED)
    with pytest.raises(KeyboardInterrupt):  # while the next run starts
        lifecycle.sync_ended()
    lifecycle.sync_ended()  # as at the end of the sweep
    lifecycle.sync_ended()
    assert tracker.calls == ["end_watch", "sync", "sync"]
    assert not swept.lock.file.exists()


def test_an_interruption_while_the_record_is_written_does_not_lose_it(live, tracker, monkeypatch):
    real, calls = store.write, []

    def write(record):
        calls.append(record)
        if len(calls) == 1:
            raise KeyboardInterrupt
        real(record)

    monkeypatch.setattr(store, "write", write)
    with pytest.raises(KeyboardInterrupt, match="is finished"), live:
        live.take(MEASURED)
    assert written(live).status == "finished"
    assert METRICS.items() <= written(live).metrics.items()


@pytest.mark.parametrize("value", [float("nan"), np.float32(0.5)])
def test_a_number_that_json_does_not_have_fails_the_run_and_a_record_says_so(live, value):
    with live:
        live.take(Measured({"test/accuracy": value}, [], [{}], 0, {}))
        live.outcome = Outcome("finished")
    assert written(live).status == "failed"
    assert "its record could not be written" in written(live).reason
    assert "test/accuracy" not in written(live).metrics


def test_a_disk_that_is_full_just_when_such_numbers_are_left_out_ends_this_run_alone(live, tracker, monkeypatch):
    real, calls = store.write, []

    def write(record):
        calls.append(record)
        if len(calls) == 2:
            raise OSError("no space left")
        real(record)

    monkeypatch.setattr(store, "write", write)
    with live:
        live.take(Measured({"test/accuracy": float("nan")}, [], [{}], 0, {}))
        assert not live.written
        assert live.record.status == "failed"
        assert live.record.reason.endswith("its record could not be written (no space left)")
    # there was room again at the end of the run: its record is no finished one without numbers
    assert tracker.calls[-1] == "sync failed"
    assert written(live).status == "failed"
    assert "test/accuracy" not in written(live).metrics


def test_the_checkpoint_to_resume_from_goes_only_once_the_record_is_written(live, monkeypatch):
    def full(record):
        raise OSError("no space left")

    with live:
        checkpoint = live.record.folder / "last.ckpt"
        checkpoint.write_text("")
        monkeypatch.setattr(store, "write", full)
        live.take(MEASURED)
        assert checkpoint.exists()
        monkeypatch.undo()
        assert conclude(live.record, Outcome("finished"), 1000.0)
        assert not checkpoint.exists()


def test_pictures_that_cannot_be_drawn_fail_no_run(live, monkeypatch, capsys):
    def broken(record):
        raise RuntimeError("no font")

    monkeypatch.setattr(ending.artifacts, "make", broken)
    with live:
        live.take(MEASURED)
    assert written(live).status == "finished"
    assert "pictures could not be drawn (RuntimeError: no font)" in capsys.readouterr().err


def test_a_finished_run_that_was_not_served_says_how_it_can_be(live, tracker, capsys):
    with live:
        live.take(MEASURED)
    config = live.request.config.model_copy(
        update={"measure": live.request.config.measure.model_copy(update={"serve": True})}
    )
    asked = dataclasses.replace(live.request, config=config)
    assert earlier_runs.finished_before(live.request, live.record).skipped
    assert "--measure" not in capsys.readouterr().err
    assert earlier_runs.finished_before(asked, live.record).skipped
    assert f"export {live.record.folder} --format onnx --measure measures" in capsys.readouterr().err
    trial = config.model_copy(update={"tune": config.tune.model_copy(update={"trial": 0})})
    profile = config.model_copy(update={"mode": "profile"})
    for other in (trial, profile):  # which are never served
        earlier_runs.finished_before(dataclasses.replace(asked, config=other), live.record)
    assert capsys.readouterr().err == ""
    (live.record.folder / "serving.json").write_text("{}")
    earlier_runs.finished_before(asked, live.record)
    assert capsys.readouterr().err == ""


def test_a_trial_of_a_search_is_compared_in_the_experiment_that_asks_for_it_again_and_in_no_other(live, tracker):
    def asked(name, trial=None):
        """The record that a command with this name gets of the run, and that of the run itself."""
        request = dataclasses.replace(
            live.request, config=live.request.config.model_copy(update={"name": name, "trial": trial})
        )
        own = new_record(request, Hardware("cpu"), live.record.data, live.record.fingerprint, live.record.variant)
        return earlier_runs.finished_before(request, own), written(live)

    live.record.config["trial"] = 2
    with live:
        live.take(MEASURED)
    copied, original = asked("other")
    assert (copied.name, copied.search_trial, original.asked_again) == ("other", None, False)
    found, original = asked(live.record.name)
    assert (found.search_trial, original.search_trial, original.asked_again) == (None, 2, True)
    trial, _ = asked("searched", trial=5)  # a loser of this search, for all that is known
    assert (store.read(trial.folder).search_trial, store.read(trial.folder).asked_again) == (5, False)
