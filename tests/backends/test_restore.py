"""The weights that a run keeps, given to a model that is built anew, in both backends."""

import numpy as np
import pytest
from conftest import refused
from experiments import features, fitted, ready

NAMES = {"pytorch": "best.ckpt", "tensorflow": "best.npz"}
SETTINGS = (
    "data=synthetic_features", "encoder=gru", "encoder.hidden_size=3", "input.size=null", "trainer.epochs=1",
    "trainer.batch_size=8", "optimizer.lr=0.05",
)  # fmt: skip


@pytest.fixture(scope="module")
def data():
    return features()


@pytest.fixture(scope="module", params=["pytorch", "tensorflow"])
def kept(request, data, tmp_path_factory):
    """A backend's name, the folder of a training, and the outputs of its best epoch on the test split."""
    request.getfixturevalue({"pytorch": "in_torch", "tensorflow": "in_keras"}[request.param])
    folder = tmp_path_factory.mktemp("run")
    made = ready(data, *SETTINGS, backend=request.param)
    fitted(made, data, folder)
    return request.param, folder, made.predict(data.test)


def new(name, data, *more):
    return ready(data, *SETTINGS, "seed=1", *more, backend=name)


def test_a_restored_model_has_the_outputs_of_the_best_epoch(kept, data):
    name, folder, outputs = kept
    model = new(name, data)
    assert np.abs(model.predict(data.test) - outputs).max() > 0.01
    model.restore(folder)
    np.testing.assert_array_equal(model.predict(data.test), outputs)


def test_missing_weights_are_named(kept, data, tmp_path):
    name, _, _ = kept
    said = refused(new(name, data).restore, tmp_path)
    assert said.startswith(f"{tmp_path} has no {NAMES[name]}, the weights of its best epoch")


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda content: b"", lambda _: b"x"])
def test_damaged_weights_are_named(kept, data, tmp_path, damage):
    name, folder, _ = kept
    (tmp_path / NAMES[name]).write_bytes(damage((folder / NAMES[name]).read_bytes()))
    said = refused(new(name, data).restore, tmp_path)
    assert said.startswith(f"the weights in {tmp_path / NAMES[name]} cannot be used (")


@pytest.mark.parametrize("other", ["encoder.hidden_size=4", "head.hidden_sizes=[5]"])
def test_the_weights_of_another_model_are_refused(kept, data, other):
    name, folder, _ = kept
    assert f"the weights in {folder / NAMES[name]} cannot be used (" in refused(new(name, data, other).restore, folder)
