"""``optimizer=custom``: any optimizer of the framework, or a class of the user's own."""

import numpy as np
import pytest
from conftest import QUICK, refused
from experiments import features, fitted, ready

SMALL = ("encoder=bag_of_embeddings", "input.size=7", "trainer.epochs=2", "trainer.batch_size=7")
OWN = {
    "pytorch": """
import torch
class Signs(torch.optim.Optimizer):
    def __init__(self, params, lr, scale=1.0):
        super().__init__(params, {"lr": lr, "scale": scale})
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for weight in group["params"]:
                weight -= group["lr"] * group["scale"] * weight.grad.sign()
class NoRate(Signs):
    def __init__(self, params):
        super().__init__(params, 0.1)
""",
    "tensorflow": """
import keras
class Signs(keras.optimizers.Optimizer):
    def __init__(self, learning_rate, scale=1.0):
        super().__init__(learning_rate)
        self.scale = scale
    def update_step(self, gradient, variable, learning_rate):
        self.assign_sub(variable, learning_rate * self.scale * keras.ops.sign(gradient))
class NoRate(Signs):
    def __init__(self):
        super().__init__(0.1)
""",
}


def custom(target, *more):
    return (*SMALL, "optimizer=custom", f"optimizer._target_={target}", "optimizer.lr=0.03", *more)


def losses(side, folder, *overrides):
    folder.mkdir()
    data = features()
    (history, _), _ = fitted(ready(data, *overrides, backend=side.name), data, folder)
    return [entry["train/loss"] for entry in history]


@pytest.fixture
def own(tmp_path, monkeypatch, backend):
    """The name of a module with optimizers of the user's own for the backend."""
    name = f"own_optimizer_{backend.name}"
    (tmp_path / f"{name}.py").write_text(OWN[backend.name])
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_the_frameworks_sgd_trains_as_the_harnesss(backend, tmp_path):
    target = {"pytorch": "torch.optim.SGD", "tensorflow": "keras.optimizers.SGD"}[backend.name]
    more = ("optimizer.schedule=cosine", "trainer.clip_norm=0.1")
    found = losses(backend, tmp_path / "custom", *custom(target, *more))
    expected = losses(backend, tmp_path / "sgd", *SMALL, "optimizer=sgd", "optimizer.lr=0.03", *more)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_torchs_settings_are_passed_on(in_torch, tmp_path):
    adadelta = ("optimizer=adadelta", "optimizer.lr=0.03", "optimizer.rho=0.7")
    more = ("+optimizer.rho=0.7", "+optimizer.eps=1.0e-6")
    found = losses(in_torch, tmp_path / "custom", *custom("torch.optim.Adadelta", *more))
    assert found == losses(in_torch, tmp_path / "adadelta", *SMALL, *adadelta)


def test_a_class_of_the_users_own_trains_and_resumes(backend, own, tmp_path):
    class Interrupted(Exception):
        pass

    def stop(numbers):
        raise Interrupted

    settings = custom(f"{own}.Signs", "+optimizer.scale=0.5", "optimizer.schedule=inverse_time", "optimizer.decay=0.1")
    whole = losses(backend, tmp_path / "whole", *settings)
    assert whole != losses(backend, tmp_path / "other", *custom(f"{own}.Signs"))
    data = features()
    (tmp_path / "resumed").mkdir()
    with pytest.raises(Interrupted):
        fitted(ready(data, *settings, backend=backend.name), data, tmp_path / "resumed", stop)
    (history, _), _ = fitted(ready(data, *settings, backend=backend.name), data, tmp_path / "resumed")
    assert [entry["train/loss"] for entry in history] == whole


def test_what_is_no_optimizer_of_the_framework_is_refused(backend, own, tmp_path):
    def sentence(target, *more):
        return refused(losses, backend, tmp_path / target, *custom(target, *more))

    module = {"pytorch": "torch.optim", "tensorflow": "keras.optimizers"}[backend.name]
    assert sentence("nowhere.Best").startswith("optimizer._target_=nowhere.Best cannot be loaded: No module named")
    assert sentence(f"{module}.RMSProp") == (
        f"optimizer._target_: {module} has no RMSProp; did you mean {module}.RMSprop?"
    )
    assert sentence("collections.Counter").startswith(f"optimizer._target_=collections.Counter makes no optimizer for "
        f"backend={backend.name}; take a class of {module}")  # fmt: skip
    assert sentence(f"{own}.Signs", "+optimizer.scales=1").startswith(f"optimizer.scales: {own}.Signs with backend=")
    assert "NoRate with backend=" in sentence(f"{own}.NoRate")


@pytest.mark.parametrize(("target", "more", "expected"), [
    ("torch.optim.LBFGS", [], "torch.optim.LBFGS refuses these settings: LBFGS.step() missing 1 required"),
    ("torch.optim.SparseAdam", [], "torch.optim.SparseAdam refuses these settings: SparseAdam does not support dense"),
    ("torch.optim.RMSprop", ["+optimizer.alpha=-1"], "torch.optim.RMSprop refuses these settings: Invalid alpha value"),
])
def test_what_torch_refuses_is_said_in_its_words(in_torch, tmp_path, target, more, expected):
    assert expected in refused(losses, in_torch, tmp_path / "run", *custom(target, *more))


@pytest.mark.parametrize(("more", "expected"), [
    (["+optimizer.alpha=1"], "keras.optimizers.RMSprop refuses these settings: Argument(s) not recognized"),
    (["+optimizer.use_ema=true"], "optimizer.use_ema has no effect in this harness; leave it out"),
    (["+optimizer.loss_scale_factor=2.0"], "optimizer.loss_scale_factor has no effect in this harness"),
])
def test_what_keras_refuses_is_said_in_its_words(in_keras, tmp_path, more, expected):
    assert expected in refused(losses, in_keras, tmp_path / "run", *custom("keras.optimizers.RMSprop", *more))


def test_the_command_asks_for_the_class_and_for_the_learning_rate(command):
    ended = command("optimizer=custom", "optimizer.lr=0.1", "tracking=none", *QUICK)
    assert (ended.code, ended.err.splitlines()[-1]) == (
        2, "optimizer._target_ must be given: add optimizer._target_=... to the command",
    )  # fmt: skip
    ended = command("optimizer=custom", "optimizer._target_=torch.optim.RMSprop", "tracking=none", *QUICK)
    assert (ended.code, ended.err.splitlines()[-1]) == (
        2, "optimizer.lr must be given: add optimizer.lr=... to the command",
    )  # fmt: skip
