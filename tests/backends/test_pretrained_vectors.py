"""An embedding that starts from word vectors, trained or frozen, in both backends.

Dimension letters: V vocabulary, D width.
"""

from dataclasses import replace

import numpy as np
import pytest
from conftest import refused
from experiments import composed, fitted, ready, words
from test_parity import close, models

from harness.backends import initializers
from harness.data.loaders.tagging import encode_tagged
from harness.data.outline import load_outline, save_outline
from harness.data.vectors.kept import WordVectors
from harness.data.vectors.prepare import prepare

D = 5
HAVING = [*range(2, 17), 23]
"""The ids of the words that the file has, of 29."""
START = ("input=pretrained_vectors", "input.vectors=a.txt", "input.size=null")
QUICK = (*START, "encoder=bag_of_embeddings", "trainer.batch_size=7", "trainer.epochs=2", "optimizer.lr=0.03")


def vectors() -> dict[int, np.ndarray]:
    rng = np.random.default_rng(7)
    return {index: rng.normal(1, 0.5, D).astype(np.float32) for index in HAVING}


def with_vectors(folder, data=None):
    """A data set with the vectors that a file has of its words."""
    data = data or words()
    (folder / "a.txt").write_text("".join(
        f"{data.vocabulary[index]} {' '.join(map(repr, map(float, values)))}\n" for index, values in vectors().items()
    ))  # fmt: skip
    return replace(data, vectors=prepare(str(folder / "a.txt"), None, data, folder / "cache").vectors)


def table_of(made) -> np.ndarray:
    """A backend's table of words, ``VD``."""
    part = made.model.parts["input"].table_VD if hasattr(made.model, "parts") else made.model.input.weight.detach()
    return part.numpy().copy()


def test_the_rows_of_words_in_the_file_are_its_vectors_and_others_are_as_large(backend, tmp_path):
    table_VD = table_of(ready(with_vectors(tmp_path), *QUICK, "input.frozen=true", backend=backend.name))
    given_KD = np.stack([*vectors().values()])
    np.testing.assert_array_equal(table_VD[HAVING], given_KD)
    assert not table_VD[0].any()
    others_VD = np.delete(table_VD, [0, *HAVING], 0)
    limit = np.sqrt(3) * given_KD.std()  # of a uniform distribution with that standard deviation
    assert np.abs(others_VD).max() <= limit
    assert others_VD.std() == pytest.approx(given_KD.std(), rel=0.1)
    plain_VD = initializers.embedding(initializers.generator(0, "input"), 29, D)
    np.testing.assert_allclose(others_VD, np.delete(plain_VD, [0, *HAVING], 0) * limit / 0.05, rtol=1e-5)


def test_models_start_alike_and_have_the_same_outputs(in_torch, in_keras, tmp_path):
    data = with_vectors(tmp_path)
    ours, theirs = models(in_torch, in_keras, data, "encoder=gru", *START)
    close(in_keras.weights(ours), in_torch.weights(theirs), 0)
    inputs = data.validation.padded(), data.validation.length_N
    found = in_keras.output(ours, *inputs)
    np.testing.assert_allclose(found, in_torch.output(theirs, *inputs), atol=1e-5)
    assert found.std() > 0


@pytest.mark.parametrize("frozen", [True, False])
def test_a_frozen_table_stays_and_a_trained_one_moves(backend, tmp_path, frozen):
    data = with_vectors(tmp_path)
    overrides = (*QUICK, f"input.frozen={str(frozen).lower()}", "input.word_dropout=0.1")
    made = ready(data, *overrides, backend=backend.name)
    before_VD = table_of(made)
    (history, _), _ = fitted(made, data, tmp_path)
    after_VD = table_of(made)
    read = np.unique(data.train.x)
    if frozen:
        np.testing.assert_array_equal(after_VD, before_VD)
    else:
        assert (after_VD[read] != before_VD[read]).any(1).all()
        np.testing.assert_array_equal(after_VD[0], np.zeros(D))
    assert history[-1]["train/loss"] < history[0]["train/loss"]
    again = ready(replace(data, vectors=WordVectors(D)), *overrides, backend=backend.name)
    assert not np.array_equal(table_of(again), after_VD)
    again.restore(tmp_path)  # without the file
    np.testing.assert_array_equal(table_of(again), after_VD)
    np.testing.assert_array_equal(again.predict(data.test), made.predict(data.test))


def test_a_frozen_table_is_no_parameter_and_has_no_optimizer_state(backend, tmp_path):
    data = with_vectors(tmp_path)
    counted = {}
    for frozen in ("true", "false"):
        made = ready(data, *QUICK, f"input.frozen={frozen}", backend=backend.name)
        counted[frozen] = made.parameters()
        if backend.name == "tensorflow":
            shapes = [tuple(variable.shape) for variable in made.model.trainable_variables]
        else:
            from harness.backends.pytorch.optimizers import make_optimizer

            optimizer, _ = make_optimizer(made.config.optimizer, made.model, 1)
            shapes = [tuple(one.shape) for group in optimizer.param_groups for one in group["params"]]
        assert ((29, D) in shapes) == (frozen == "false")
    assert counted["false"]["cost/parameters"] - counted["true"]["cost/parameters"] == 29 * D
    assert counted["false"]["cost/encoder_parameters"] == counted["true"]["cost/encoder_parameters"]
    assert counted["true"]["cost/frozen_parameters"] == 29 * D
    assert "cost/frozen_parameters" not in counted["false"]


def test_the_outline_of_a_run_builds_the_same_model_without_the_file(backend, tmp_path):
    data = with_vectors(tmp_path)
    save_outline(data, tmp_path)
    outline = load_outline(tmp_path)
    assert outline.vectors == WordVectors(D)
    assert table_of(ready(outline, *QUICK, backend=backend.name)).shape == (29, D)


def test_lazy_adam_has_rows_to_update_unless_they_are_frozen(in_torch, tmp_path):
    data = with_vectors(tmp_path)
    lazy = ("optimizer=lazy_adam", "optimizer.lr=0.03")
    made = ready(data, *QUICK, *lazy, backend="pytorch")
    before_VD = table_of(made)
    fitted(made, data, tmp_path)
    moved = (table_of(made) != before_VD).any(1)
    np.testing.assert_array_equal(np.flatnonzero(moved), np.unique(data.train.x))
    frozen = ready(data, *QUICK, *lazy, "input.frozen=true", backend="pytorch")
    assert "here is none: this data has feature vectors, or input.one_hot or input.frozen is set" in refused(
        fitted, frozen, data, tmp_path / "frozen"
    )
    bigrams = "input.bigrams={buckets: 97}"
    frozen = ready(data, *QUICK, *lazy, "input.frozen=true", bigrams, backend="pytorch")
    before_VD = table_of(frozen)
    fitted(frozen, data, tmp_path / "bigrams")
    np.testing.assert_array_equal(table_of(frozen), before_VD)
    assert frozen.model.input.pairs.weight.any()


def test_characters_stand_beside_the_vectors_of_words(in_torch, tmp_path):
    letters = [str(number) for number in range(2, 17)]
    rows = [tuple(letters[(row + step) % 15] for step in range(3)) for row in range(45)]
    split = rows, [tuple(word[-1] for word in row) for row in rows]
    tagged = encode_tagged(dict.fromkeys(("train", "validation", "test"), split), source="made up")
    data = with_vectors(tmp_path, replace(tagged, vocabulary=[*tagged.vocabulary, *"abcdefghijkl"]))
    characters = "input.characters={size: 3, filters: 7, kernel: 2}"
    made = ready(data, *QUICK, "input.frozen=true", characters, backend="pytorch")
    np.testing.assert_array_equal(table_of(made)[HAVING], np.stack([*vectors().values()]))
    assert made.model.input.out_dim == D + 7
    trained = [name for name, part in made.model.input.named_parameters() if part.requires_grad]
    assert trained == ["letters.weight", "filters.weight", "filters.bias"]


@pytest.mark.parametrize(("overrides", "said"), [
    (("input.frozen=true",), "input.vectors must name a file of word vectors, such as input.vectors=glove.6B.100d.txt"),
    ((*START, "input.one_hot=true"), "input.one_hot and input.vectors cannot be combined"),
    ((*START, "mode=profile"), "mode=profile reads random tokens, which no file has vectors of; take input=embedding"),
    (("input=pretrained_vectors",), "input.vectors must name a file of word vectors, such as input.vectors=glove.6B"),
])  # fmt: skip
def test_settings_that_contradict_are_refused(overrides, said):
    assert said in refused(composed, *overrides)
