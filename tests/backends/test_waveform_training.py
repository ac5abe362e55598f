"""Sequences of feature vectors of several lengths are learned in a few epochs, by either backend."""

import time

import pytest
from experiments import HARDWARE, composed

from harness import backends
from harness.data.synthetic.waveforms import waveform_digits
from harness.measure import StepTimer
from harness.tasks.task import task_of


@pytest.mark.parametrize("name", ["pytorch", "tensorflow"])
def test_digits_in_tones_are_learned_in_a_few_epochs(tmp_path, request, name):
    request.getfixturevalue({"pytorch": "in_torch", "tensorflow": "in_keras"}[name])  # skips where it is absent
    data = waveform_digits(length=9, min_length=3, snr_db=0.0, train=601, validation=101, test=307, seed=0)
    learn = ("encoder=gru", "encoder.hidden_size=32", "optimizer.lr=0.01", "trainer.epochs=6")
    backend = backends.load(name)(composed(f"backend={name}", *learn), HARDWARE)
    backend.seed(0)
    backend.build(data, 0)
    backend.fit(data, StepTimer(time.perf_counter, backend.sync, warmup_steps=0), tmp_path, lambda numbers: None)
    scores = task_of(data).evaluate([(backend.predict(data.test), data.test.labels(), data.test.length_N)])
    assert scores["accuracy"] > 0.95
