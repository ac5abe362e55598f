"""Shared fixtures: a command run in this process, quick settings, real data, backends and fake clocks."""

import gc
import importlib.util
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from absl import logging as absl_logging
from browser import start as start_browser

os.environ["HF_HUB_OFFLINE"] = "1"  # before any library reads it: no test uses the network

from harness import __main__
from harness.cli import main as cli
from harness.errors import UserError
from harness.records import store
from harness.records.record import Hardware, Record
from harness.runner import lifecycle
from harness.runner.sweep import Sweep
from harness.tracking import database

# when Hydra sets up logging, absl's handler closes its stream unless it is this one: it would be pytest's capture
absl_logging.get_absl_handler().python_handler.setStream(sys.__stderr__)

# a shell's background jobs ignore Ctrl-C, and so would the commands that tests interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).parent.parent
QUICK = (
    "trainer.epochs=2",
    "measure.latency_seconds=0.01",
    "measure.inference_seconds=0.01",
    "tracking.system_metrics_seconds=null",
    "hardware.threads=1",
)
"""Overrides that make a run take about a second."""


def pytest_make_parametrize_id(val: Any, argname: str) -> str | None:
    """Name bytes by their argument: bytes may hold the time of collection, and every process needs the same names."""
    return argname if isinstance(val, bytes) else None


SLOWEST = (
    *("test_slurm", "test_ray", "test_postgres", "test_search"),
    *("test_fake_device", "test_survival", "test_selfcheck", "test_launchers", "test_tuning", "test_choose"),
    *("test_verdict_errors", "test_shared_sweep", "test_public_python", "test_exports", "test_logged_models"),
)
"""Files whose tests, or what these share, take longest."""


def pytest_collection_modifyitems(items):
    """Begin with the slowest files: at the end, no process waits for another, and none makes again what they share."""
    place = {name: number for number, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


def pytest_collection_finish():
    """Keep what the imports made out of later garbage collections: each would take a third of a second to visit it."""
    gc.collect()
    gc.freeze()


@dataclass
class Ended:
    """The end of a command: its exit code, its output and the records in its output folder."""

    code: int
    out: str
    err: str
    records: list[Record]

    @property
    def record(self) -> Record:
        (only,) = self.records
        return only


@pytest.fixture(scope="session")
def copy_empty_store(tmp_path_factory) -> Callable[[Path], None]:
    """Writes a copy of an empty MLflow store, which the harness creates once in 2 s."""
    empty = tmp_path_factory.mktemp("empty_store") / "mlflow.db"
    create = database.create_store  # before a test replaces it

    def copy(store: Path, write_ahead: bool = True) -> None:
        if not empty.exists():
            create(empty)
        with closing(sqlite3.connect(empty)) as source, closing(sqlite3.connect(store)) as target:
            source.backup(target)

    return copy


@pytest.fixture
def copied_stores(monkeypatch, copy_empty_store) -> None:
    """New MLflow stores of this process are copies of an empty one."""
    monkeypatch.setattr(database, "create_store", copy_empty_store)


@pytest.fixture
def command(tmp_path, monkeypatch, capfd, copied_stores) -> Iterator[Callable[..., Ended]]:
    """Run ``python -m harness ...`` in this process, in an empty folder; each run has a real process of its own."""
    monkeypatch.chdir(tmp_path)
    for name, value in (("HYDRA_FULL_ERROR", "0"), ("MLFLOW_TRACKING_URI", "")):
        monkeypatch.setenv(name, value)  # the command line sets it: no later test may see that
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    # a command puts its working folder there: with those of a thousand tests, each command took seconds more
    monkeypatch.setattr(sys, "path", [*sys.path])

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr("sys.argv", ["harness", *arguments])
        monkeypatch.setattr(cli, "_outcomes", [])
        monkeypatch.setattr(cli, "_unkept", [])
        monkeypatch.setattr(Sweep, "current", None)
        monkeypatch.setattr(lifecycle, "_to_sync", [])
        capfd.readouterr()
        try:
            __main__.main()
            code = 0
        except SystemExit as stop:
            code = stop.code
        assert not lifecycle._to_sync, "MLflow has every run when a command ends"
        printed = capfd.readouterr()
        return Ended(code, printed.out, printed.err, list(store.read_all(tmp_path / "outputs" / "runs")))

    yield run
    for name, module in list(sys.modules.items()):  # the next test's my_data.py is another module
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def refused(call: Callable, *arguments: Any, **settings: Any) -> str:
    """The one sentence of the UserError that a call raises; names that it lists may have lines of their own."""
    with pytest.raises(UserError) as refusal:
        call(*arguments, **settings)
    (sentence,) = refusal.value.args
    assert all(line.startswith("  ") for line in sentence.split("\n")[1:])
    return sentence


@pytest.fixture(scope="session")
def treebanks() -> str:
    """The folder with treebanks; tests that need one skip where it is absent."""
    folder = os.environ.get("HARNESS_DATA_MIRROR") or str(REPOSITORY.parent / "shared" / "data")
    if not Path(folder, "UniversalDependencies", "UD_English-EWT").is_dir():
        pytest.skip("HARNESS_DATA_MIRROR holds no UniversalDependencies/UD_English-EWT")
    return str(Path(folder).absolute())


@pytest.fixture(scope="session")
def mirror() -> str:
    """The folder with real data; tests that need it skip where it is absent."""
    folder = os.environ.get("HARNESS_DATA_MIRROR") or str(REPOSITORY.parent / "shared" / "data")
    if not Path(folder, "stanfordnlp", "imdb").is_dir():
        pytest.skip("HARNESS_DATA_MIRROR holds no stanfordnlp/imdb")
    return str(Path(folder).absolute())


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One browser for all tests of pages; they skip where no browser is installed."""
    started = start_browser(tmp_path_factory.mktemp("browser"))
    yield started
    started.quit()


@pytest.fixture
def threads_as_before():
    """For tests in whose own process a model sets the number of threads."""
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def in_torch():
    """The adapter of PyTorch."""
    import torch
    from adapters import InTorch

    torch.set_num_threads(1)
    return InTorch()


@pytest.fixture(scope="session")
def in_keras():
    """The adapter of TensorFlow; tests that need it skip where it is absent."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed")
    from adapters import InKeras

    from harness.backends.tensorflow import runtime

    runtime.start(Hardware("cpu"))
    return InKeras()


@pytest.fixture(params=["pytorch", "tensorflow"])
def backend(request):
    """The adapter of each backend in turn."""
    return request.getfixturevalue({"pytorch": "in_torch", "tensorflow": "in_keras"}[request.param])


class Clock:
    """A clock that moves only when a test moves it."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def passes(self, seconds):
        self.now += seconds


class Device:
    """Takes work immediately and does it when it is waited for, as an accelerator does."""

    def __init__(self, clock):
        self.clock, self.queued = clock, 0.0

    def launch(self, seconds):
        self.queued += seconds

    def sync(self):
        self.clock.passes(self.queued)
        self.queued = 0.0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def device(clock):
    return Device(clock)
