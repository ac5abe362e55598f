"""The classifier as one writes it with Keras's own layers: token ids padded with 0 in, logits out.

Dimension letters: B batch, L length (K the attended side), D input width, E output width, C classes.
"""

from typing import Any

import keras
from keras import ops


class SelfAttention(keras.layers.Layer):
    """The published layer: one fused kernel ``(3, D, E)``, scores divided by 8; padding is not attended to."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width, self.supports_masking = width, True

    def build(self, shape: tuple) -> None:
        self.kernel_3DE = self.add_weight(shape=(3, shape[-1], self.width), initializer="glorot_uniform")

    def call(self, x_BLD: Any, mask: Any = None) -> Any:
        q_BLE, k_BLE, v_BLE = (ops.matmul(x_BLD, self.kernel_3DE[number]) for number in range(3))
        score_BLK = ops.matmul(q_BLE, ops.transpose(k_BLE, (0, 2, 1))) / 64**0.5
        score_BLK = ops.where(mask[:, None, :], score_BLK, -1e9)
        return ops.matmul(ops.softmax(score_BLK), v_BLE)


ENCODERS = {
    "self_attention": SelfAttention,
    "lstm": lambda width: keras.layers.LSTM(width, return_sequences=True),
    "gru": lambda width: keras.layers.GRU(width, return_sequences=True),
    "rnn": lambda width: keras.layers.SimpleRNN(width, return_sequences=True),
    "bidirectional": lambda width: keras.layers.Bidirectional(keras.layers.LSTM(width, return_sequences=True)),
}


def build(encoder: str, vocabulary: int, length: int | None, classes: int, width: int, dropout: float) -> keras.Model:
    """Embedding -> encoder -> mean over real steps -> dropout -> dense; ``x_BL -> logits_BC``."""
    x_BL = keras.Input((length,), dtype="int32")
    y = keras.layers.Embedding(vocabulary, width, mask_zero=True)(x_BL)
    y = ENCODERS[encoder](width)(y)
    y = keras.layers.GlobalAveragePooling1D()(y)  # which leaves masked steps out
    y = keras.layers.Dropout(dropout)(y)
    return keras.Model(x_BL, keras.layers.Dense(classes)(y))
