"""A custom encoder is checked in training too: padding must not enter the statistics that it computes there."""

import pytest
from experiments import composed, words

from harness.errors import UserError

TORCH = """
from torch import nn
from harness.backends.pytorch.layers import BatchNorm

class Plain(nn.Module):
    def __init__(self, in_dim, masked=False, dropout=0.0):
        super().__init__()
        self.out_dim, self.masked = in_dim, masked
        self.norm = BatchNorm(in_dim) if masked else nn.BatchNorm1d(in_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BLD, mask_BL):
        x_BLD = self.dropout(x_BLD) * mask_BL[:, :, None]
        y_BLD = self.norm(x_BLD, mask_BL) if self.masked else self.norm(x_BLD.mT).mT
        return y_BLD * mask_BL[:, :, None]
"""
KERAS = """
import keras

class Plain(keras.layers.Layer):
    def __init__(self, in_dim, masked=False, dropout=0.0):
        super().__init__()
        self.out_dim, self.masked = in_dim, masked
        self.norm, self.dropout = keras.layers.BatchNormalization(), keras.layers.Dropout(dropout)

    def call(self, x_BLD, mask_BL, training=False):
        x_BLD = self.dropout(x_BLD, training=training) * keras.ops.cast(mask_BL[:, :, None], "float32")
        y_BLD = self.norm(x_BLD, training=training, mask=mask_BL if self.masked else None)
        return y_BLD * keras.ops.cast(mask_BL[:, :, None], "float32")
"""


@pytest.fixture
def built(backend, tmp_path, monkeypatch):
    """Build a model around the encoder of this backend with these settings, and check it; returns the encoder."""
    (tmp_path / f"plain_{backend.name}.py").write_text(TORCH if backend.name == "pytorch" else KERAS)
    monkeypatch.syspath_prepend(tmp_path)

    def build(*settings):
        from harness import backends
        from harness.records.record import Hardware

        config = composed(
            f"backend={backend.name}", "encoder=custom", f"encoder._target_=plain_{backend.name}.Plain", "input.size=5",
            *settings,
        )  # fmt: skip
        made = backends.load(backend.name)(config, Hardware("cpu", 1, 1, "32", 1))
        made.build(words(), 0)
        return made.model.encoder if backend.name == "pytorch" else made.model.parts["encoder"]

    return build


@pytest.mark.parametrize("dropout", ["0.0", "0.5"])
def test_a_plain_batch_normalisation_is_refused_with_or_without_dropout(built, dropout):
    with pytest.raises(UserError, match=r"in training, the output of plain_.*depends on padding"):
        built(f"+encoder.dropout={dropout}")


def test_one_over_real_steps_passes_and_its_running_statistics_are_as_at_the_start(built, backend):
    encoder = built("+encoder.masked=true", "+encoder.dropout=0.5")
    if backend.name == "pytorch":
        assert (encoder.norm.running_mean == 0).all()
        assert (encoder.norm.running_variance == 1).all()
        assert encoder.dropout.training
    else:
        assert (encoder.norm.moving_mean.numpy() == 0).all()
        assert (encoder.norm.moving_variance.numpy() == 1).all()
        assert encoder.dropout.rate == 0.5
