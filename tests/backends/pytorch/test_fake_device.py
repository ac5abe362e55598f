"""The whole training on a pretended GPU: nothing stays on the host, and no step waits for a value (no GPU needed).

torch's fake tensors know their device and their type. A CPU build of torch lacks what autograd asks of a GPU, so that a
small library is compiled and loaded before torch, in a process of its own.
"""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import REPOSITORY
from fake_device_cases import FAULTS, cases, config_of, encoders
from shipped import choices

from harness.config.compose import compose

HERE = Path(__file__).parent
RUN = "import ctypes, sys; ctypes.CDLL(sys.argv[1]); import fake_device; fake_device.main()"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What ``fake_device.main`` found."""
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("needs a C++ compiler, g++ or c++, for the pretended GPU")
    guard, torch = tmp_path_factory.mktemp("guard") / "guard.so", Path(find_spec("torch").origin).parent
    built = subprocess.run(
        [
            *(compiler, "-std=c++20", "-shared", "-fPIC", "-O0", f"-I{torch}/include", HERE / "fake_cuda_guard.cpp"),
            *("-o", guard, f"-L{torch}/lib", "-Wl,--no-as-needed", "-lc10", "-ltorch_cpu", f"-Wl,-rpath,{torch}/lib"),
        ],
        capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    paths = os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "tests", HERE)))
    ended = subprocess.run(
        [sys.executable, "-c", RUN, guard], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.long
def test_every_combination_trains_and_evaluates_on_the_device(outcome):
    assert outcome["failed"] == {}


@pytest.mark.parametrize("encoder", ["lstm", "additive_attention"])
def test_a_config_from_composed_parts_is_the_composed_one(encoder):
    parts = (f"encoder={encoder}", "pooling=additive_attention", "position=sinusoidal")
    assert config_of(list(parts)) == compose("input.size=16", "tracking=none", *parts)


def test_the_combinations_hold_every_encoder_with_every_task_pooling_and_position():
    made = [(data, set(overrides)) for data, overrides, _ in cases().values()]
    for name, own in encoders().items():
        mine = [(data, overrides) for data, overrides in made if set(own) <= overrides]
        tasks, together = {data for data, _ in mine}, set().union(*(overrides for _, overrides in mine))
        if name == "additive_attention":  # it is a pooling itself, and has no output for each step
            assert tasks == {"classification", "multilabel", "regression", "features"}
        else:
            assert {"classification", "multilabel", "tagging", "regression", "ctc", "features"} <= tasks
            assert {f"pooling={pooling}" for pooling in choices("pooling")} <= together
        assert {f"position={position}" for position in choices("position")} <= together


@pytest.mark.parametrize(
    ("fault", "reported"),
    [
        ("arange on the host", "makes a tensor on the host"),
        ("arange copied in the step", "makes a tensor on the host"),
        ("item in the step", "DataDependentOutputException: aten._local_scalar_dense"),
        ("numpy in the step", ".numpy() is not supported"),
    ],
)
@pytest.mark.long
def test_a_planted_fault_is_reported(outcome, fault, reported):
    assert reported in outcome["faults"][fault]


@pytest.mark.long
def test_every_planted_fault_is_reported(outcome):
    assert outcome["faults"].keys() == FAULTS.keys()


@pytest.mark.long
def test_recurrent_layers_stay_in_float32_under_bf16(outcome):
    # cuDNN's autocast would compute them in float16
    assert outcome["recurrent_types"] == ["torch.float32 torch.float32 no autocast"]
