"""Behaviour that only an accelerator shows: a batch is on the device before its step begins."""

import json
import os
import subprocess
import sys

import pytest
from conftest import REPOSITORY

pytestmark = pytest.mark.gpu

# other tests have hidden the GPU from this process, which cannot be undone
SCRIPT = """
import json
import numpy as np
from experiments import composed, features, words
from harness import backends
from harness.data import Batches
from harness.records.record import Hardware

hardware = Hardware("gpu")
devices = []
for data in (words(), features(), words(tagging=True)):
    made = backends.load("tensorflow")(composed("backend=tensorflow", "encoder=lstm", "trainer.epochs=1"), hardware)
    made.seed(0)
    made.build(data, 0)
    forward, (passed,) = made.passes(data.test, [np.arange(3)])
    trained = next(iter(Batches(data.train, 7, seed=0, to_device=made._to_device)))
    devices += [[tensor.device for tensor in (batch.x, batch.length_B, batch.y)] for batch in (passed, trained)]
    forward(passed)
    made.training_pass()(trained)
print(json.dumps(devices))
"""


def test_all_that_a_step_reads_is_on_the_gpu_before_it_begins(in_keras):
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        pytest.skip("needs an NVIDIA GPU that TensorFlow can use")
    paths = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests"), str(REPOSITORY / "tests" / "backends")])
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}
    )
    assert ended.returncode == 0, ended.stderr
    for batch in json.loads(ended.stdout.splitlines()[-1]):
        assert [device.rpartition("/")[2] for device in batch] == ["device:GPU:0"] * 3
