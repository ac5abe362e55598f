"""The vector of a word and the features of its characters, and a model that reads both.

Dimension letters: B batch, L length, W characters of a word.
"""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_torch_flops import HARDWARE, torch_count

from harness.backends.pytorch.backend import Backend
from harness.backends.pytorch.inputs import WordChar
from harness.backends.pytorch.layers import Embedding, initialise
from harness.config.compose import compose
from harness.data.loaders.tagging import encode_tagged
from harness.errors import UserError
from harness.measure import StepTimer

D, C, F, K = 7, 3, 11, 2

pytestmark = pytest.mark.filterwarnings("ignore:TF32 acceleration")  # torch's own, of the switch that counting needs


def tagged():
    """Made-up words whose tag is their last letter; most of the test split's are unknown to the vocabulary."""
    rng = np.random.default_rng(0)

    def some(count):
        words = [
            tuple("".join(rng.choice(list("abcde"), rng.integers(1, 6))) for _ in range(rng.integers(1, 8)))
            for _ in range(count)
        ]
        return words, [tuple(word[-1] for word in row) for row in words]

    return encode_tagged({"train": some(211), "validation": some(17), "test": some(37)}, source="made up")


def made(data, **settings):
    part = WordChar(data, **{"width": D, "word_dropout": 0.0, "size": C, "filters": F, "kernel": K, **settings})
    initialise(torch.nn.ModuleDict({"input": part}), 5)
    return part.eval()


def inputs(split, rows):
    longest = split.length_N[rows].max()
    return torch.from_numpy(split.padded(rows, longest)), torch.from_numpy(split.characters_of(rows, longest))


def test_a_word_gets_the_maximum_of_each_filter_over_its_characters():
    data = tagged()
    part = made(data, kernel=3)
    torch.nn.init.normal_(part.filters.bias)
    x_BL, characters_BLW = inputs(data.test, np.arange(5))
    found = part((x_BL, characters_BLW)).detach().numpy()
    characters, filters, bias = (
        value.detach().numpy() for value in (part.letters.weight, part.filters.weight, part.filters.bias)
    )
    for row, word in np.ndindex(*x_BL.shape):
        spelled = [characters[number] for number in characters_BLW[row, word].tolist() if number]
        beyond = [np.zeros(C, np.float32)]  # a word begins and ends with nothing
        window = np.array([*beyond, *spelled, *beyond])
        answers = [(filters * window[at : at + 3].T).sum((1, 2)) + bias for at in range(len(spelled))]
        expected = np.maximum(answers, 0).max(0) if spelled else np.zeros(F)
        np.testing.assert_allclose(found[row, word, D:], expected, atol=1e-6)
        np.testing.assert_array_equal(found[row, word, :D], part.weight.detach()[x_BL[row, word]])


def test_what_a_word_gets_does_not_depend_on_how_far_words_and_sentences_are_padded():
    data = tagged()
    part = made(data, kernel=4)
    x_BL, characters_BLW = inputs(data.test, np.arange(3))
    wider = torch.nn.functional.pad(characters_BLW, (0, 13, 0, 2)), torch.nn.functional.pad(x_BL, (0, 2))
    found = part((wider[1], wider[0]))
    torch.testing.assert_close(found[:, : x_BL.shape[1]], part((x_BL, characters_BLW)))
    assert not found[:, x_BL.shape[1] :, D:].any()


def test_words_start_from_the_vectors_they_have_without_characters():
    data = tagged()
    alone = Embedding(data.width, D)
    initialise(torch.nn.ModuleDict({"input": alone}), 5)
    torch.testing.assert_close(made(data).weight, alone.weight, rtol=0, atol=0)


def test_a_word_left_out_in_training_keeps_its_characters():
    data = tagged()
    part = made(data, word_dropout=0.5).train()
    x_BL, characters_BLW = inputs(data.train, np.arange(100))
    torch.manual_seed(0)
    found, kept = part((x_BL, characters_BLW)), part.eval()((x_BL, characters_BLW))
    torch.testing.assert_close(found[..., D:], kept[..., D:])
    left_out = (found[..., :D] != kept[..., :D]).any(-1)
    assert (found[..., :D][left_out] == part.weight[1]).all()
    assert 0.4 < left_out.float().mean() < 0.6


def test_cost_is_counted_by_hand_and_by_torch():
    data = tagged()
    part = made(data)
    counted = sum(value.numel() for value in part.parameters())
    assert counted == data.width * D + len(data.alphabet) * C + F * C * K + F
    longest = data.train.characters.table_SW.shape[1]
    assert part.flops(13) == 2 * 13 * longest * K * C * F
    characters_BLW = torch.full((1, 13, longest), 2)
    assert torch_count(part, (torch.full((1, 13), 2), characters_BLW)) == part.flops(13)


def fitted(data, folder, *overrides):
    config = compose("encoder=bidirectional", "encoder.inner.hidden_size=5", "optimizer.lr=0.01", *overrides)
    found = Backend(config, HARDWARE)
    found.seed(0)
    found.build(data, 0)
    folder.mkdir()
    history, _ = found.fit(data, StepTimer(time.perf_counter, found.sync, warmup_steps=0), folder, lambda numbers: None)
    return found, history


def without_characters(data):
    return replace(data, **{name: replace(split, characters=None) for name, split in data.splits.items()})


def test_unknown_words_are_distinguished_only_by_their_characters(tmp_path):
    data = tagged()
    right = {}
    for name, some in (("word_char", data), ("embedding", without_characters(data))):
        found, history = fitted(some, tmp_path / name, f"input={name}", "input.word_dropout=0.2", "trainer.epochs=8")
        answers_NL = found.predict(some.test).argmax(-1)
        right[name] = (answers_NL == some.test.labels())[some.test.padded() == 1].mean()
        y_NL = some.validation.labels()
        validation = (found.predict(some.validation).argmax(-1) == y_NL)[y_NL >= 0].mean()
        assert max(numbers["val/accuracy"] for numbers in history) == pytest.approx(validation)
    assert (data.test.x == 1).sum() > 40
    assert right["word_char"] > 0.7
    assert right["embedding"] < 0.4  # five tags


def test_data_without_characters_is_refused(tmp_path):
    with pytest.raises(UserError, match="reads the characters of words, and this data has none; set input=embedding"):
        fitted(without_characters(tagged()), tmp_path / "none", "input=word_char")
