"""Runs every encoder, pooling, position, task and optimizer on a pretended GPU.

Call ``main`` in a process that has loaded the compiled ``fake_cuda_guard.cpp`` before torch. Fake tensors have a shape,
a type and a device and no values, so that nothing is computed. An operation on tensors of two devices raises, and so
does reading the value of a tensor. The last line of the output is JSON: what failed by its label, and the types of
recurrent layers.
"""

import json
import warnings

import numpy as np
import torch
from fake_device_cases import FAULTS, cases, config_of
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from harness.backends.base import DeviceBatch
from harness.backends.pytorch import backend as backends
from harness.backends.pytorch.training import Training
from harness.data import Dataset, from_sequences
from harness.data.loaders.tagging import encode_tagged
from harness.records.record import Hardware
from harness.tasks.task import task_of

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
torch.autograd.set_multithreading_enabled(False)  # autograd would start a thread for the pretended device
backends.check_custom_encoder = lambda *arguments: None  # it compares values
DEVICE = torch.device("cuda", 0)


class OnDevice(TorchDispatchMode):
    """Refuses an operation that makes a tensor on the host; a single number there costs no copy and is allowed."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and tensor.device.type == "cpu" and tensor.ndim:
                raise AssertionError(f"{func} makes a tensor on the host")
        return made


class Step(Training):
    """A training without Lightning's Trainer: only what its step asks the Trainer for."""

    global_rank, device, trainer = 0, DEVICE, None

    def begin(self):
        self.trainer = type("Trainer", (), {"num_training_batches": -1, "world_size": 1})
        made = self.configure_optimizers()
        parts = made if isinstance(made, dict) else {"optimizer": made, "lr_scheduler": None}
        self.optimizers, self.lr_schedulers = (lambda: parts["optimizer"]), (lambda: parts["lr_scheduler"])
        self.manual_backward = lambda loss: loss.backward()
        self._loss_sum = torch.zeros((), device=DEVICE)


class NoTimer:
    def step_begins(self):
        pass

    def step_ends(self, tokens, sequences):
        pass


def to_fake_device(model: nn.Module) -> None:
    """Put fake tensors on the device in the places of all parameters and buffers."""
    for module in model.modules():
        for name, value in list(module._parameters.items()):
            if value is not None:
                empty = torch.empty(value.shape, dtype=value.dtype, device=DEVICE)
                module._parameters[name] = nn.Parameter(empty, requires_grad=value.requires_grad)
        for name, value in list(module._buffers.items()):
            if value is not None:
                module._buffers[name] = torch.empty(value.shape, dtype=value.dtype, device=DEVICE)
        if isinstance(module, nn.RNNBase):
            module._flat_weights = [getattr(module, name) for name in module._flat_weights_names]


def fake_batch(data: Dataset) -> DeviceBatch:
    """The training split as one batch of fake tensors; their values matter nowhere."""

    def fake(array: np.ndarray) -> Tensor:
        return torch.empty(array.shape, dtype=getattr(torch, str(array.dtype)), device=DEVICE)

    split = data.train
    x = fake(split.padded())
    if split.characters is not None:
        x = (x, fake(split.characters_of()))
    return DeviceBatch(x, fake(split.length_N), fake(split.labels()), len(split), len(split), len(split), 1.0)


recurrent_types: set[str] = set()
"""The types of what recurrent layers read and return under bf16."""


def note_types(module: nn.Module, inputs: tuple, outputs: tuple) -> None:
    autocast = "autocast" if torch.is_autocast_enabled("cuda") else "no autocast"
    recurrent_types.add(f"{inputs[0].dtype} {outputs[0].dtype} {autocast}")


def one(data: Dataset, overrides: list[str], precision: str, plant=lambda backend, step: None) -> None:
    """A training step and an evaluation of this config on the pretended device."""
    config = config_of(overrides)
    backend = backends.Backend(config, Hardware("gpu", precision=precision))
    backend.build(data, 0)
    if precision == "bf16":
        for module in backend.model.modules():
            if isinstance(module, nn.RNNBase):
                module.register_forward_hook(note_types)
    with FakeTensorMode(allow_non_fake_inputs=False):
        to_fake_device(backend.model)
        backend.model.to = lambda device: backend.model  # torch cannot swap fake parameters in place
        batch = fake_batch(data)
        step = Step(
            backend.model, task_of(data), backend.loss, config.optimizer, config.trainer.clip_norm, 0, 10, NoTimer()
        )  # fmt: skip
        step.begin()
        plant(backend, step)
        backend.model.train()
        with OnDevice():
            with backend._precision():
                step.training_step(batch, 0)
            for name, parameter in backend.model.named_parameters():
                assert not parameter.requires_grad or parameter.grad is not None or "lazy_adam" in str(overrides), name
            backend.training_pass()(batch)
            outputs = backend._forward()(batch)
        assert outputs.device == DEVICE


# torch has no fake kernels for these: what they get is checked, and something of the same shape stands in
def ctc_loss(log_p, targets, lengths, target_lengths, blank):
    assert {tensor.device.type for tensor in (log_p, targets, lengths, target_lengths)} == {"cuda"}
    return log_p.sum()


def gru_cell(input_gates, hidden_gates, state, input_bias=None, hidden_bias=None):
    return torch.empty_like(state), state.new_empty(len(state), 5 * state.shape[1])


def gru_cell_backward(gradient, workspace, has_bias):
    gates = gradient.new_empty(len(gradient), 3 * gradient.shape[1])
    bias = gradient.new_empty(3 * gradient.shape[1]) if has_bias else None
    return gates, torch.empty_like(gates), torch.empty_like(gradient), bias, None if bias is None else bias.clone()


torch.nn.functional.ctc_loss = ctc_loss
torch._fused_sgd_ = lambda *tensors, **settings: None
library = torch.library.Library("aten", "IMPL")
library.impl("_thnn_fused_gru_cell", gru_cell, "Meta")
library.impl("_thnn_fused_gru_cell_backward", gru_cell_backward, "Meta")


def words(task: str) -> Dataset:
    """Twelve sequences of 2 to 9 tokens."""
    rng = np.random.default_rng(0)
    x = [rng.integers(2, 20, rng.integers(2, 10)) for _ in range(12)]
    y = {
        "classification": [str(number % 2) for number in range(12)],
        "tagging": [[str(int(token) % 2) for token in row] for row in x],
        "regression": [float(len(row)) for row in x],
        "multilabel": [[label for label in "01" if int(row[0]) >> int(label) & 1] for row in x],
        "ctc": [[str(int(token) % 2) for token in row[: max(1, len(row) // 3)]] for row in x],
    }[task]
    vocabulary, classes = [str(number) for number in range(20)], [] if task == "regression" else ["0", "1"]
    parts = [(x[start::3], y[start::3]) for start in range(3)]
    return from_sequences(*parts, classes=classes, vocabulary=vocabulary, task=task)


def features() -> Dataset:
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(rng.integers(2, 10), 5)).astype(np.float32) for _ in range(12)]
    return from_sequences(*[(x[start::3], [0, 1, 0, 1]) for start in range(3)], classes=[0, 1])


def characters() -> Dataset:
    rows = ([("ab", "b", "cab"), ("c", "ba")], [("x", "y", "x"), ("y", "x")])
    return encode_tagged({"train": rows, "validation": rows, "test": rows}, source="made up")


DATA = {
    **{task: words(task) for task in ("classification", "tagging", "multilabel", "regression", "ctc")},
    "features": features(),
    "characters": characters(),
}


def main() -> None:
    failed: dict[str, str] = {}
    for label, (data, overrides, precision) in cases().items():
        try:
            one(DATA[data], overrides, precision)
        except Exception as error:
            failed[label] = f"{type(error).__name__}: {error}"
    faults: dict[str, str] = {}
    for label, plant in FAULTS.items():
        try:
            one(DATA["classification"], ["encoder=self_attention"], "32", plant)
        except Exception as error:
            faults[label] = f"{type(error).__name__}: {error}"
    print(json.dumps({"failed": failed, "faults": faults, "recurrent_types": sorted(recurrent_types)}))
