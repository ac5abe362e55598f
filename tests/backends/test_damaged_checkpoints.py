"""A damaged checkpoint costs the epochs that it held, and nothing else: it is named, kept and not resumed."""

import errno
import json
import random
import time
import zipfile

import pytest
from conftest import QUICK
from experiments import ready, words
from histories import without_seconds

from harness.backends.resuming import SET_ASIDE, resumable
from harness.measure import StepTimer
from harness.records import store
from harness.runner import worker
from harness.tracking.contents import files_of

SUFFIX = {"pytorch": "ckpt", "tensorflow": "npz"}
SETTINGS = (
    "encoder=gru", "encoder.hidden_size=3", "input.size=5", "input.dropout=0.2", "trainer.batch_size=7",
    "trainer.epochs=4", "trainer.monitor=val/loss", "optimizer.lr=0.03",
)  # fmt: skip


def cut(content):
    return content[: random.Random(0).randrange(1, len(content))]


def lost_block(content):
    middle = len(content) // 2
    return content[:middle] + bytes(512) + content[middle + 512 :]


DAMAGE = {
    "empty": lambda content: b"",
    "cut": cut,
    "other bytes": lambda content: random.Random(1).randbytes(len(content)),
    "zeros": lambda content: bytes(len(content)),
    "a lost block": lost_block,
    "another file": lambda content: json.dumps({"epoch": 3}).encode(),
}


class Interrupted(Exception):
    pass


def trained(backend, folder, interrupted_after=None):
    """The epochs that were trained, and the result of ``fit``, None if it was interrupted."""
    data, epochs = words(), []

    def done(numbers):
        epochs.append(numbers["epoch"])
        if numbers["epoch"] == interrupted_after:
            raise Interrupted

    made = ready(data, *SETTINGS, backend=backend)
    try:
        history, best = made.fit(data, StepTimer(time.perf_counter, made.sync, warmup_steps=0), folder, done)
        return epochs, (without_seconds(history), best)
    except Interrupted:
        return epochs, None


@pytest.fixture(scope="module", params=SUFFIX)
def backend(request):
    """The name of a backend."""
    if request.param == "tensorflow":
        pytest.importorskip("tensorflow")
    return request.param


@pytest.fixture(scope="module")
def whole(backend, tmp_path_factory):
    """The result of a training that nothing disturbed."""
    return trained(backend, tmp_path_factory.mktemp("whole"))[1]


@pytest.mark.parametrize(("damage", "which"), [*((damage, "last") for damage in DAMAGE), ("cut", "best")])
def test_a_damaged_checkpoint_is_named_and_kept_and_the_training_starts_again(
    backend, whole, damage, which, tmp_path, capfd
):
    name = f"{which}.{SUFFIX[backend]}"
    assert trained(backend, tmp_path, interrupted_after=2) == ([1, 2], None)
    content = DAMAGE[damage]((tmp_path / name).read_bytes())
    (tmp_path / name).write_bytes(content)
    capfd.readouterr()
    epochs, result = trained(backend, tmp_path)
    assert epochs == [1, 2, 3, 4]
    assert result == whole
    (said,) = [line for line in capfd.readouterr().err.splitlines() if "damaged" in line]
    assert said == (
        f"{tmp_path / name} is damaged: it is kept as set-aside-1-{name}, "
        "and the training starts again from its first epoch"
    )
    assert (tmp_path / f"set-aside-1-{name}").read_bytes() == content


def test_two_damaged_checkpoints_have_two_names_and_what_a_kill_left_half_written_is_removed(backend, tmp_path, capfd):
    last = tmp_path / f"last.{SUFFIX[backend]}"
    last.write_bytes(b"one")
    (tmp_path / f".{last.name}.4711").write_bytes(b"half")
    trained(backend, tmp_path, interrupted_after=1)
    last.write_bytes(b"two")
    assert trained(backend, tmp_path)[0] == [1, 2, 3, 4]
    assert [(tmp_path / f"set-aside-{number}-{last.name}").read_bytes() for number in (1, 2)] == [b"one", b"two"]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(("name", "hardware"), [("pytorch", "cpu"), ("pytorch", "ddp_cpu"), ("tensorflow", "cpu")])
def test_the_same_command_finishes_with_all_epochs_and_says_once_what_it_set_aside(name, hardware, command):
    if name == "tensorflow":
        pytest.importorskip("tensorflow")
    worker.close_all()  # a server that an earlier test started writes to that test's standard error
    settings = (f"backend={name}", f"hardware={hardware}", "encoder=bag_of_embeddings", "tracking=none", *QUICK)
    expected = command(*settings).record
    best = expected.folder / f"best.{SUFFIX[name]}"
    last = best.with_name(f"last.{SUFFIX[name]}")
    last.write_bytes(cut(best.read_bytes()))
    (expected.folder / store.RECORD).unlink()
    ended = command(*settings)
    assert ended.code == 0
    assert ended.err.count("is damaged") == 1
    assert f"{last} is damaged: it is kept as set-aside-1-{last.name}" in ended.err
    assert (ended.record.status, ended.record.resumed_epochs) == ("finished", 0)
    assert without_seconds(ended.record.history) == without_seconds(expected.history)
    assert last.with_name(f"set-aside-1-{last.name}").exists()
    assert not last.exists()


def test_mlflow_gets_no_checkpoint_that_was_set_aside(tmp_path):
    for name in ("best.ckpt", f"{SET_ASIDE}1-last.ckpt", "confusion.json"):
        (tmp_path / name).write_text("x")
    assert [file.name for file, _ in files_of(tmp_path)] == ["confusion.json"]


def test_a_file_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    """Without this order a power failure could leave an empty file under the name."""
    order, sync, replace = [], store.os.fsync, store.os.replace
    monkeypatch.setattr(store.os, "fsync", lambda descriptor: (order.append("sync"), sync(descriptor)))
    monkeypatch.setattr(store.os, "replace", lambda *paths: (order.append("rename"), replace(*paths)))
    store.write_text(tmp_path / "a.txt", "new")
    assert order == ["sync", "rename", "sync"]
    assert (tmp_path / "a.txt").read_text() == "new"

    def interrupted():
        with store.whole_file(tmp_path / "a.txt") as temporary:
            temporary.write_text("part")
            raise Interrupted

    with pytest.raises(Interrupted):
        interrupted()
    assert (tmp_path / "a.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_both_backends_write_checkpoints_whole(backend, tmp_path, monkeypatch):
    written, whole_file = [], store.whole_file

    def recorded(path):
        written.append(path.name)
        return whole_file(path)

    monkeypatch.setattr(store, "whole_file", recorded)
    trained(backend, tmp_path, interrupted_after=1)
    assert written == [f"last.{SUFFIX[backend]}", f"best.{SUFFIX[backend]}"]


def test_a_checkpoint_that_the_system_cannot_read_now_is_not_taken_for_a_damaged_one(tmp_path):
    for name in ("last.ckpt", "best.ckpt"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("data", "whole")

    def too_many_open(path):
        raise OSError(errno.EMFILE, "Too many open files")

    with pytest.raises(OSError, match="Too many open files"):
        resumable(tmp_path / "last.ckpt", tmp_path / "best.ckpt", too_many_open)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.ckpt", "last.ckpt"]
