"""A tracker that MLflow fails asks again: after a pause while the run trains, and when it ends."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from filelock import FileLock
from made_records import made

from harness import tracking
from harness.config.schema import TrackingConfig
from harness.records import store as records
from harness.tracking import late_sync, tracker, unsynced

URI = "http://me:secret@127.0.0.1:9"
HISTORY = [{"epoch": number, "val/accuracy": number / 10} for number in range(1, 7)]


class Server:
    """A store that answers or does not, and keeps what it is told, by what asked."""

    def __init__(self):
        self.answers, self.told, self.asked, self.time = True, [], 0, 0.0

    def tell(self, *what):
        self.asked += 1
        if not self.answers:
            raise ConnectionError("no answer")
        self.told.append(what)


@pytest.fixture
def server(monkeypatch):
    server = Server()

    class Run:
        """In the place of ``TrackedRun``."""

        def __init__(self, *_):
            self.run_id, self.is_open = "", False

        def open(self, record):
            server.tell("open")
            self.run_id, self.is_open = "id", True
            return "id"

        def log_steps(self, steps):
            server.tell("epochs", [step["epoch"] for step in steps])

        def sync(self, record):
            server.tell("sync", record.label, self.is_open)
            return True

        def discard(self):
            server.tell("discard")

    monkeypatch.setattr(tracker, "TrackedRun", Run)
    monkeypatch.setattr(late_sync, "TrackedRun", Run)
    monkeypatch.setattr(tracker, "check_answers", lambda uri: server.answers or server.tell())
    monkeypatch.setattr(tracker, "time", SimpleNamespace(monotonic=lambda: server.time))
    return server


def record_of(folder, encoder="lstm", **more):
    record = made(encoder, run_dir=f"runs/digits/{encoder}", history=HISTORY, tracked_in="http://127.0.0.1:9", **more)
    record.config["tracking"] = {"uri": URI}
    record.folder = folder / record.run_dir
    record.folder.mkdir(parents=True, exist_ok=True)
    records.write(record)
    return record


def opened(folder, sweep=None, by_driver=False):
    settings = TrackingConfig(uri=None if by_driver else URI, system_metrics_seconds=None)
    return tracking.open_tracker(settings, folder, sweep, by_driver)


def notes(folder):
    return sorted(str(file.parent.name) for file in (folder / "unsynced").glob("*/*.json"))


def test_epochs_that_a_server_missed_are_sent_together_when_it_answers_again(server, tmp_path, capsys):
    run = opened(tmp_path)
    assert run.start(record_of(tmp_path)) == "id"
    run.epoch(HISTORY[0])
    server.answers = False
    server.time += tracker.SENT_EVERY
    run.epoch(HISTORY[1])
    server.asked = 0
    run.epoch(HISTORY[2])
    assert server.asked == 0  # it is not asked at each epoch: each would wait for the time-out
    server.time += tracker.ASKED_AGAIN_AFTER
    run.epoch(HISTORY[3])
    assert server.asked == 1
    server.answers = True
    run.epoch(HISTORY[4])
    server.time += tracker.ASKED_AGAIN_AFTER
    run.epoch(HISTORY[5])
    assert server.told == [("open",), ("epochs", [1]), ("epochs", [2, 3, 4, 5, 6])]
    assert capsys.readouterr().err == (
        "MLflow at http://***@127.0.0.1:9 failed (no answer); the run continues, and MLflow is asked again, at the "
        "latest when it ends\n"
    )


def test_epochs_that_follow_each_other_fast_are_sent_together_and_the_last_ones_at_the_end(server, tmp_path):
    record, run = record_of(tmp_path), opened(tmp_path)
    run.start(record)
    for numbers in HISTORY[:3]:
        run.epoch(numbers)
    assert server.told == [("open",), ("epochs", [1])]
    server.time += tracker.SENT_EVERY
    for numbers in HISTORY[3:]:
        run.epoch(numbers)
    assert server.told[2:] == [("epochs", [2, 3, 4])]
    run.sync(record)
    assert server.told[3:] == [("epochs", [5, 6]), ("sync", record.label, True)]
    run.sync(record)
    assert server.told[5:] == [("sync", record.label, True)]


def test_after_a_failure_each_epoch_is_sent_at_once(server, tmp_path):
    """At its end, such a run is found again, by its record: that of a killed run has no epochs."""
    run = opened(tmp_path)
    run.start(record_of(tmp_path))
    server.answers = False
    run.epoch(HISTORY[0])
    server.answers, server.time = True, tracker.ASKED_AGAIN_AFTER
    for numbers in HISTORY[1:4]:
        run.epoch(numbers)
    assert server.told == [("open",), ("epochs", [1, 2]), ("epochs", [3]), ("epochs", [4])]


def test_a_run_that_could_not_be_opened_is_opened_while_it_trains(server, tmp_path):
    run = opened(tmp_path)
    server.answers = False
    assert run.start(record_of(tmp_path)) is None
    run.epoch(HISTORY[0])
    server.answers, server.time = True, tracker.ASKED_AGAIN_AFTER
    run.epoch(HISTORY[1])
    assert server.told == [("open",), ("epochs", [1, 2])]


def test_a_run_that_the_server_missed_is_synced_whole_at_its_end(server, tmp_path, capsys):
    """By a new ``TrackedRun``, which asks what MLflow has of it; an undisturbed run goes on with its own."""
    record = record_of(tmp_path)
    run = opened(tmp_path)
    run.start(record)
    server.answers = False
    run.epoch(HISTORY[0])
    server.answers = True
    run.sync(record)
    assert server.told[-1] == ("sync", record.label, False)
    assert "report --sync" not in capsys.readouterr().err
    assert notes(tmp_path) == []
    undisturbed = opened(tmp_path)
    undisturbed.start(record)
    undisturbed.sync(record)
    assert server.told[-1] == ("sync", record.label, True)


def test_a_run_that_ends_without_an_answer_is_noted_and_its_sweep_brings_it(server, tmp_path, capsys):
    of_sweep, of_other, alone = (record_of(tmp_path, name) for name in ("lstm", "gru", "cnn"))
    server.answers = False
    for record, sweep in ((of_sweep, "s1"), (of_other, "s2"), (alone, None)):
        run = opened(tmp_path, sweep)
        run.start(record)
        run.sync(record)
        said = capsys.readouterr().err
        assert said.count("MLflow at http://***@127.0.0.1:9 failed") == 1
        assert "still lacks this run (no answer); its record is kept; run `python -m harness report --sync`" in said
    assert notes(tmp_path) == ["s1", "s2"]  # of a run alone nobody would read a note
    server.answers = True
    synced = tracking.sync_left(tmp_path, "s1")
    assert (synced.done, synced.left) == (1, 0)
    assert server.told == [("sync", of_sweep.label, False)]
    assert notes(tmp_path) == ["s2"]
    assert tracking.sync([of_other, alone]) == 2
    assert notes(tmp_path) == []


def test_a_store_that_fails_twice_after_each_other_is_not_asked_for_the_rest(server, tmp_path):
    for name in ("lstm", "gru", "cnn", "rnn"):
        unsynced.keep(record_of(tmp_path, name), "s1")
    server.answers = False
    synced = tracking.sync_left(tmp_path, "s1")
    assert (synced.done, synced.left, server.asked) == (0, 4, 2)
    assert synced.why == "MLflow at http://127.0.0.1:9 does not answer: no answer"
    assert len(notes(tmp_path)) == 4


def test_what_another_process_is_syncing_is_left_to_it(server, tmp_path):
    unsynced.keep(record_of(tmp_path), "s1")
    with FileLock(tmp_path / ".unsynced.lock"):
        assert tracking.sync_left(tmp_path, "s1", waits=False) == tracking.late_sync.Synced()
    assert server.told == []
    assert tracking.sync_left(tmp_path, "s1", waits=False).done == 1


def test_a_report_that_syncs_waits_for_another_process_that_does(server, tmp_path):
    record = record_of(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        with FileLock(tmp_path / ".unsynced.lock"):
            waiting = pool.submit(tracking.sync, [record])
            time.sleep(0.3)
            told = list(server.told)
        assert (waiting.result(10), told) == (1, [])
    assert server.told == [("sync", record.label, False)]


def test_a_note_of_a_later_end_of_a_run_stays(tmp_path):
    record = record_of(tmp_path)
    unsynced.keep(record, "s1")
    earlier = made("lstm", run_dir=record.run_dir, folder=record.folder)
    earlier.ended = "2025-12-31T23:59:59.000+00:00"
    unsynced.drop(earlier)
    assert notes(tmp_path) == ["s1"]
    unsynced.drop(record)
    assert notes(tmp_path) == []


def test_a_note_of_a_run_that_was_deleted_is_removed(server, tmp_path):
    record = record_of(tmp_path)
    unsynced.keep(record, "s1")
    records.remove(record.folder)
    assert tracking.sync_left(tmp_path, "s1") == tracking.late_sync.Synced()
    assert (notes(tmp_path), server.told) == ([], [])


def test_a_job_of_a_cluster_leaves_a_database_to_its_command_and_writes_to_a_server(server, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    record = record_of(tmp_path)
    run = opened(tmp_path, "s1", by_driver=True)
    assert run.start(record) is None
    run.epoch(HISTORY[0])
    run.discard()
    assert notes(tmp_path) == []
    run.sync(record)
    assert (notes(tmp_path), server.told) == (["s1"], [])
    for uri in (URI, f"sqlite:///{tmp_path}/other.db"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        opened(tmp_path, "s1", by_driver=True).start(record)
    assert server.told == [("open",)]
