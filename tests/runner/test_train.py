"""The worker's part of a run: what it evaluates, and what it refuses to call a result."""

import dataclasses
import json
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import QUICK

from harness import data as data_of_runs
from harness.config.compose import compose
from harness.data import from_sequences
from harness.records.record import Hardware
from harness.runner import profile_point
from harness.runner.messages import Measured, PointJob, TrainJob
from harness.runner.run import prepare_data
from harness.runner.train import evaluate, measure_inference, train
from harness.tasks.task import task_of


@pytest.fixture
def data():
    x, y = [[2, 3], [3], [2]], ["a", "b", "a"]
    return from_sequences((x, y), (x, y), (x, y), classes=["a", "b"], vocabulary=["[PAD]", "[UNK]", "x", "y"])


def test_scores_of_the_test_split_and_its_confusion(data, tmp_path):
    logits_NC = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], np.float32)
    found = evaluate(task_of(data), data, logits_NC, tmp_path)
    assert found["test/accuracy"] == pytest.approx(2 / 3)
    # two of three by log(1 + exp(-1)), one by that and 1 more
    assert found["test/loss"] == pytest.approx(np.log1p(np.exp(-1)) + 1 / 3)
    assert json.loads((tmp_path / "confusion.json").read_text()) == [[2, 0], [1, 0]]


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_score_that_is_not_finite_on_test_is_a_failure_that_names_it(data, tmp_path, value):
    logits_NC = np.array([[1.0, 0.0], [1.0, 0.0], [value, 0.0]], np.float32)
    with np.errstate(invalid="ignore"), pytest.raises(RuntimeError, match=r"test/loss is nan, though training was"):
        evaluate(task_of(data), data, logits_NC, tmp_path)


class Allocator:
    """A backend whose loaded batches are counted; on a device, each takes a MiB of its memory."""

    def __init__(self, on_device):
        self.on_device, self.held, self.peak, self.passed = on_device, 0, 0, 0
        allocator = self

        class Loaded:
            def __init__(self):
                allocator.held += 1
                allocator.peak = max(allocator.peak, allocator.held)

            def __del__(self):
                allocator.held -= 1

        self.loaded = Loaded

    def passes(self, split, rows):
        return self.forward, [self.loaded() for _ in rows]

    def forward(self, batch):
        self.passed += 1

    def sync(self):
        pass

    def flops(self, length):
        return None

    def device_peak(self):
        return float(self.peak) if self.on_device else None


@pytest.mark.parametrize(("on_device", "held"), [(True, 1), (False, 6)])
def test_inference_holds_one_batch_on_a_device_and_loads_none_between_passes_on_a_host(clock, on_device, held):
    x, y = [[2, 3], [3], [2]] * 3, ["a", "b", "a"] * 3
    data = from_sequences((x, y), (x, y), (x, y), classes=["a", "b"], vocabulary=["[PAD]", "[UNK]", "x", "y"])
    config = compose("encoder=gru", "trainer.eval_batch_size=2", "measure.latency_passes=1")
    backend = Allocator(on_device)

    def ticks():
        clock.passes(0.25)
        return clock()

    assert measure_inference(backend, data, config, ticks)["speed/inference_sequences_per_second"] > 0
    assert backend.passed > 5
    assert backend.peak == held  # on a host five batches and the sequence of the latency


class BusyCard:
    """A pretended ``pynvml``: this process and another one work on the card, which was idle before."""

    class NVMLError(Exception):
        pass

    def nvmlInit(self):
        pass

    def nvmlDeviceGetHandleByUUID(self, uuid):
        return uuid

    def nvmlDeviceGetUtilizationRates(self, handle):
        return SimpleNamespace(gpu=0)

    def nvmlDeviceGetComputeRunningProcesses(self, handle):
        return [SimpleNamespace(pid=pid) for pid in (os.getpid(), 99_999_991)]

    def nvmlDeviceGetProcessUtilization(self, handle, since):
        return [SimpleNamespace(pid=os.getpid(), smUtil=60), SimpleNamespace(pid=99_999_991, smUtil=37)]


CARD = {"kind": "cuda", "uuid": "GPU-1"}


def test_another_process_on_the_card_is_in_the_numbers_of_a_run_and_of_a_point(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pynvml", BusyCard())
    monkeypatch.setattr(profile_point.fork_server, "prefer_for_out_of_memory_kill", lambda: None)
    config = compose("encoder=bag_of_embeddings", *QUICK, "profile.passes=1", "profile.seconds=0.001",
                     f"cache_dir={tmp_path}", f"output_dir={tmp_path}", "measure.attention_examples=0",
                     "measure.warmup_seconds=1000")  # fmt: skip
    told = []
    job = TrainJob(config, Hardware("cpu"), tmp_path, prepare_data(config), 0.0, [CARD])
    assert train(job, told.append).status == "finished"
    (measured,) = (message for message in told if isinstance(message, Measured))
    assert measured.others["other_processes_device_share"] == 0.37
    assert measured.others["other_device_processes"] == 1
    assert "speed/epoch_seconds" in measured.metrics  # while all steps were in the warm-up of 1000 seconds
    assert "speed/train_tokens_per_second" not in measured.metrics
    points = []
    profile_point.measure_point(PointJob(config, Hardware("cpu"), tmp_path, 16, 2, [CARD]), points.append)
    numbers = points[-1].numbers
    assert numbers["other_processes_device_share"] == 0.37
    assert numbers["other_device_processes"] == 1


class Sealed:
    """A split of which only the size and the lengths may be read."""

    def __init__(self, split):
        self.longest, self.offsets = split.longest, split.offsets

    def __len__(self):
        return len(self.offsets) - 1

    def __getattr__(self, name):
        raise AssertionError(f"{name} of the test split was read")


def test_a_trial_reads_nothing_of_the_test_split_and_a_result_does(monkeypatch, tmp_path):
    def opened(*arguments, **settings):
        whole = open_prepared(*arguments, **settings)
        return dataclasses.replace(whole, test=Sealed(whole.test))

    open_prepared = data_of_runs.open_prepared
    monkeypatch.setattr(data_of_runs, "open_prepared", opened)
    settings = ("encoder=bag_of_embeddings", *QUICK, f"cache_dir={tmp_path}", f"output_dir={tmp_path}")
    told = []
    trial = compose(*settings, "tune=learning_rate", "tune.trial=0")
    job = TrainJob(trial, Hardware("cpu"), tmp_path, prepare_data(trial), 0.0)
    assert train(job, told.append).status == "finished"
    (measured,) = (message for message in told if isinstance(message, Measured))
    assert measured.metrics["val/accuracy"] > 0
    assert not [name for name in measured.metrics if name.startswith("test/")]
    with pytest.raises(AssertionError, match="of the test split was read"):
        train(dataclasses.replace(job, config=compose(*settings)), told.append)
