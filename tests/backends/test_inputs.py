"""The input of words, in both backends: the share that training reads as unknown, and one-hot vectors.

Dimension letters: B batch, L length, V vocabulary.
"""

import time

import numpy as np
import pytest
from experiments import HARDWARE, composed, features, words
from histories import without_seconds
from test_parity import close, models

from harness import backends
from harness.config.rules import check_together
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
    assert without_seconds(found[0]) == without_seconds(found[1])
    assert found[0][-1]["train/loss"] > found[2][-1]["train/loss"]


def test_feature_vectors_have_no_words_to_leave_out(backend):
    made = backends.load(backend.name)(composed(f"backend={backend.name}", "input.word_dropout=0.1"), HARDWARE)
    with pytest.raises(UserError, match=r"input.word_dropout=0.1 reads words as \[UNK\], and this data has feature"):
        made.build(features(), 0)


def test_one_hot_vectors_are_rows_of_the_identity_and_zeros_for_padding(backend):
    x_BL = np.array([[1, 28, 3], [5, 0, 0]], np.int32)
    found_BLV = backend.output(backend.new("inputs", "OneHot", 29, 0.3), x_BL)
    expected_VV = np.eye(29, dtype=np.float32)
    expected_VV[0] = 0
    np.testing.assert_array_equal(found_BLV, expected_VV[x_BL])
    assert found_BLV.dtype == np.float32


def test_one_hot_vectors_of_left_out_words_are_those_of_unknown(backend):
    one_hot = backend.new("inputs", "OneHot", 29, 0.3)
    if backend.name == "tensorflow":
        found_BLV = one_hot(X_BL, training=True).numpy()
    else:
        import torch

        found_BLV = one_hot.train()(torch.from_numpy(X_BL)).numpy()
    np.testing.assert_array_equal(found_BLV.sum(2), np.ones(X_BL.shape))
    found_BL = found_BLV.argmax(2)
    assert (found_BL == 1).mean() == pytest.approx(0.3, abs=0.02)
    np.testing.assert_array_equal(found_BL[found_BL != 1], X_BL[found_BL != 1])


def test_models_of_one_hot_vectors_agree(in_torch, in_keras):
    data = words()
    ours, theirs = models(in_torch, in_keras, data, "encoder=gru", "input=one_hot", "input.size=null")
    close(in_keras.weights(ours), in_torch.weights(theirs), 0)
    assert (3 * 128, 29) in {value.shape for value in in_torch.weights(theirs).values()}  # the gates of the GRU
    inputs = data.validation.padded(), data.validation.length_N
    np.testing.assert_allclose(in_keras.output(ours, *inputs), in_torch.output(theirs, *inputs), atol=1e-5)
    _, found = in_keras.gradients(ours, *inputs)
    _, expected = in_torch.gradients(theirs, *inputs)
    close(found, expected, 1e-4)
    assert ours.flops(7) == theirs.flops(7) > 0


def test_one_hot_vectors_train(backend, tmp_path):
    config = composed(f"backend={backend.name}", "encoder=bag_of_embeddings", "input=one_hot", "optimizer.lr=0.03",
                      "trainer.batch_size=7", "trainer.epochs=3")  # fmt: skip
    made, data = backends.load(backend.name)(config, HARDWARE), words()
    made.seed(0)
    made.build(data, 0)
    found = made.fit(data, StepTimer(time.perf_counter, made.sync, warmup_steps=0), tmp_path, lambda numbers: None)[0]
    assert found[-1]["train/loss"] < found[0]["train/loss"]


def test_feature_vectors_have_no_one_hot_vectors(backend):
    made = backends.load(backend.name)(composed(f"backend={backend.name}", "input=one_hot"), HARDWARE)
    with pytest.raises(UserError, match=r"input.one_hot writes token ids as vectors, and this data has feature"):
        made.build(features(), 0)


@pytest.mark.parametrize(("override", "said"), [
    ("input.size=5", "input.one_hot has none; set input.size=null"),
    ("input.bigrams={buckets: 7}", "input.one_hot and input.bigrams cannot be combined"),
])  # fmt: skip
def test_one_hot_vectors_have_no_width_and_no_bigrams(override, said):
    with pytest.raises(UserError, match=said):
        check_together(composed("input=one_hot", override))
