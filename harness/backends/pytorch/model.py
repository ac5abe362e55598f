"""The model around an encoder: input -> position -> encoder -> pooling -> head.

Dimension letters: B batch, L length, D input width, E encoder width, C classes.
"""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.backends.build import (
    check_bigrams,
    check_custom,
    check_one_hot,
    check_word_dropout,
    custom_target,
    embedding_width,
    make,
    make_encoder,
    make_position,
    operations,
)
from harness.backends.history import Metrics
from harness.backends.pytorch.inputs import OneHot, WordBigram, WordChar
from harness.backends.pytorch.layers import AsIs, Dense, Embedding, initialise, length_mask
from harness.backends.pytorch.pretrained_model import check_lengths, input_width
from harness.config.pretrained import is_pretrained
from harness.config.schema import Config, InputConfig
from harness.data import Dataset
from harness.records.metrics import ENCODER_PARAMETERS, FROZEN_PARAMETERS, PARAMETERS
from harness.tasks.task import task_of

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)


class Head(nn.Module):
    """Dropout, dense relu layers, then one dense layer to the outputs of the task, such as a logit per class.

    With ``scale``, the mean and the standard deviation of the labels, an output is a number in their unit.
    """

    def __init__(
        self, in_dim: int, out_dim: int, hidden_sizes: Sequence[int], dropout: float,
        scale: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.dropout = nn.Dropout(dropout)
        widths = [in_dim, *hidden_sizes, out_dim]
        self.layers = nn.ModuleList(Dense(*pair) for pair in pairwise(widths))

    def forward(self, z_BE: Tensor) -> Tensor:
        z_BE = self.dropout(z_BE)
        for layer in self.layers[:-1]:
            z_BE = layer(z_BE).relu()
        outputs = self.layers[-1](z_BE)
        if self.scale is None:
            return outputs
        mean, deviation = self.scale
        return outputs.float() * deviation + mean

    def flops(self, length: int) -> int:
        return sum(layer.flops(length) for layer in self.layers)


class SequenceModel(nn.Module):
    """Outputs ``BC`` per sequence, or without a pooling ``BLC`` per step; C is set by the task."""

    def __init__(
        self, source: nn.Module, dropout: float, position: nn.Module, encoder: nn.Module,
        pooling: nn.Module | None, head: nn.Module,
    ) -> None:
        super().__init__()
        self.input, self.dropout, self.position = source, nn.Dropout(dropout), position
        self.encoder, self.pooling, self.head = encoder, pooling, head

    def forward(self, x: Tensor | tuple[Tensor, Tensor], length_B: Tensor) -> Tensor:
        x_BLD = self.input(x)
        mask_BL = length_mask(length_B, x_BLD.shape[1])
        y_BLE = self.encoder(self.dropout(self.position(x_BLD)), mask_BL)
        return self.head(y_BLE if self.pooling is None else self.pooling(y_BLE, mask_BL))

    def parameter_counts(self) -> Metrics:
        """The ``cost/`` metrics that count parameters.

        Frozen are those that came from elsewhere and are not trained. What an encoder of the harness does not train,
        such as a second bias that is always 0, is none of them.
        """
        outer = ("input.", "head.")
        trained = {name: part.numel() for name, part in self.named_parameters() if part.requires_grad}
        sources = [self.input, *([self.encoder] if getattr(self.encoder, "frozen", False) else [])]
        frozen = sum(one.numel() for part in sources for one in part.parameters() if not one.requires_grad)
        return {
            PARAMETERS: sum(trained.values()),
            ENCODER_PARAMETERS: sum(count for name, count in trained.items() if not name.startswith(outer)),
            **({FROZEN_PARAMETERS: frozen} if frozen else {}),
        }

    def flops(self, length: int) -> int | None:
        """Matrix-product operations of one forward pass of one sequence; None if a part does not report its own."""
        parts = [part for part in (self.input, self.encoder, self.pooling) if part is not None]
        body = operations(parts, length)
        return None if body is None else body + self.head.flops(length if self.pooling is None else 1)


def build(config: Config, data: Dataset, seed: int) -> SequenceModel:
    """The model of a config for this data, with the initial values of this seed.

    Raises:
        UserError: a part cannot be built from its settings.
    """
    source, width, encoder = _input_and_encoder(config, data)
    position = make_position(config, width, data)
    task = task_of(data)
    pooling = None if task.per_step else make("pooling", config.pooling or {}, encoder.out_dim)
    in_dim = encoder.out_dim if pooling is None else pooling.out_dim
    head = Head(in_dim, task.width, **config.head.model_dump(), scale=data.label_scale)
    model = SequenceModel(source, config.input.dropout, position, encoder, pooling, head)
    model.in_dim = width  # of the encoder's input
    initialise(model, seed)
    return model


def _input_and_encoder(config: Config, data: Dataset) -> tuple[nn.Module, int, Any]:
    """The input, its width, and the encoder; a pretrained one brings its own input.

    Raises:
        UserError: one of them cannot be built, or texts are longer than a pretrained model reads.
    """
    if not is_pretrained(config.encoder):
        source, width = _input(config.input, data)
        return source, width, make_encoder(config.encoder, width)
    width = input_width(config.encoder["model"])
    encoder = make_encoder(config.encoder, width)
    check_lengths(config, data, encoder.longest)
    words = encoder.words(data.vocabulary, config.input.word_dropout, by_id=config.mode == "profile")
    return words, width, encoder


def check_custom_encoder(
    model: SequenceModel, config: Config, data: Dataset, device: torch.device, precision: Callable[[], Any]
) -> None:
    """Check that a custom encoder keeps the contract, on a copy of it, on the device and in the precision of the run.

    Raises:
        UserError: it breaks the contract.
    """
    name = custom_target(config.encoder)
    if name is None:
        return
    encoder = copy.deepcopy(model.encoder).to(device)

    def forward(x_BLD: np.ndarray, mask_BL: np.ndarray, training: bool = False) -> np.ndarray:
        encoder.train(training)
        for part in encoder.modules():
            if isinstance(part, DROPOUTS):
                part.eval()
        with torch.no_grad(), precision():
            y_BLE = encoder(*(torch.from_numpy(array).to(device) for array in (x_BLD, mask_BL)))
        return y_BLE.float().cpu().numpy()

    state = torch.get_rng_state()
    check_custom(
        name, model.in_dim, model.encoder.out_dim, data.max_length, forward, partial(forward, training=True)
    )  # fmt: skip
    torch.set_rng_state(state)


def _input(settings: InputConfig, data: Dataset) -> tuple[nn.Module, int]:
    size = settings.size
    check_word_dropout(settings.word_dropout, data)
    if settings.one_hot:
        check_one_hot(data)
        return OneHot(data.width, settings.word_dropout), data.width
    if settings.bigrams is not None:
        check_bigrams(data)
    if not data.tokens and settings.characters is None:
        return (AsIs(), data.width) if size is None else (Dense(data.width, size), size)
    table = _table(settings, data)
    if data.vectors is not None:
        table.start_from(data.vectors, bool(settings.frozen))
    return table, table.out_dim


def _table(settings: InputConfig, data: Dataset) -> Embedding:
    """The embedding of words, and what is read beside it."""
    width, dropout = embedding_width(settings.size, data), settings.word_dropout
    if settings.characters is not None:
        return WordChar(data, width, dropout, **settings.characters.model_dump())
    if settings.bigrams is not None:
        return WordBigram(data.width, width, dropout, **settings.bigrams.model_dump())
    return Embedding(data.width, width, dropout)
