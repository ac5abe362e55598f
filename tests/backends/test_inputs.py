"""The input of words: the share that training reads as unknown, in both backends.

Dimension letters: B batch, L length.
"""

import time

import numpy as np
import pytest
from experiments import HARDWARE, composed, features, words

from harness import backends
from harness.errors import UserError
from harness.measure import StepTimer

X_BL = np.random.default_rng(0).integers(2, 29, (97, 89), dtype=np.int32)
SMALL = ("encoder=bag_of_embeddings", "input.size=5", "trainer.batch_size=7", "trainer.epochs=3", "optimizer.lr=0.03")


def read_in_training(backend, embedding, x_BL):
    """The ids that an embedding of width 1 reads, whose row ``n`` holds n."""
    backend.assign(embedding, {"weight": np.arange(29, dtype=np.float32)[:, None]})
    if backend.name == "tensorflow":
        return embedding(x_BL, training=True).numpy()[..., 0]
    import torch

    return embedding.train()(torch.from_numpy(x_BL)).detach().numpy()[..., 0]


def test_a_share_of_the_words_is_read_as_unknown_only_in_training(backend):
    embedding = backend.new("layers", "Embedding", 29, 1, 0.3)
    found_BL = read_in_training(backend, embedding, X_BL)
    unknown_BL = found_BL == 1
    assert unknown_BL.mean() == pytest.approx(0.3, abs=0.02)  # four standard deviations of 8,633 draws
    np.testing.assert_array_equal(found_BL[~unknown_BL], X_BL[~unknown_BL])
    np.testing.assert_array_equal(backend.output(embedding, X_BL)[..., 0], X_BL)


def test_without_word_dropout_every_word_is_read(backend):
    np.testing.assert_array_equal(read_in_training(backend, backend.new("layers", "Embedding", 29, 1), X_BL), X_BL)


def history(backend, folder, *overrides):
    config = composed(f"backend={backend.name}", *SMALL, *overrides)
    made, data = backends.load(backend.name)(config, HARDWARE), words()
    made.seed(config.seed)
    made.build(data, config.seed)
    folder.mkdir()
    return made.fit(data, StepTimer(time.perf_counter, made.sync, warmup_steps=0), folder, lambda numbers: None)[0]


def test_which_words_are_left_out_depends_only_on_the_seed(backend, tmp_path):
    found = [
        history(backend, tmp_path / str(number), f"input.word_dropout={share}")
        for number, share in enumerate((0.4, 0.4, 0.0))
    ]
    assert found[0] == found[1]
    assert found[0][-1]["train/loss"] > found[2][-1]["train/loss"]


def test_feature_vectors_have_no_words_to_leave_out(backend):
    made = backends.load(backend.name)(composed(f"backend={backend.name}", "input.word_dropout=0.1"), HARDWARE)
    with pytest.raises(UserError, match=r"input.word_dropout=0.1 reads words as \[UNK\], and this data has feature"):
        made.build(features(), 0)
