"""The pretrained encoder against transformers itself, and what all encoders keep to.

Dimension letters: B batch, L length, D input width, E output width.
"""

import json

import numpy as np
import pytest
import torch
from conftest import refused
from tiny_transformer import FEED_FORWARD, LAYERS, PIECES, POSITIONS, WIDTH, save_bert

from harness.backends.pytorch import pretrained_model
from harness.backends.pytorch.encoders.pretrained import Pretrained
from harness.data.tokenizer_file import FileTokenizer
from harness.data.tokenizers import special_tokens
from harness.errors import UserError

transformers = pytest.importorskip("transformers", reason="needs transformers: pip install '.[pretrained]'")
TEXTS = ["The films was GOOD!", "bad", "", "a ugly film [SEP] was a bad the film"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("bert"))


def read(folder, columns=1):
    text = (folder / "tokenizer.json").read_text()
    return FileTokenizer(text, special_tokens(columns - 1), "tokenizer.json")


def made(folder, columns=1, **settings):
    encoder = Pretrained(WIDTH, str(folder), **settings)
    return encoder, encoder.words(read(folder, columns).vocabulary, word_dropout=0.0)


def ids_and_mask(ids):
    length_B = torch.tensor([len(row) for row in ids])
    longest = int(length_B.max())
    x_BL = torch.tensor([[*row, *[0] * (longest - len(row))] for row in ids])
    return x_BL, torch.arange(longest) < length_B[:, None]


def run(encoder, words, x_BL, mask_BL):
    with torch.no_grad():
        return encoder.eval()(words.eval()(x_BL), mask_BL)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_text_is_read_as_transformers_reads_it(folder, attention):
    encoder, words = made(folder, attention=attention)
    ids = read(folder).encode(TEXTS)
    y_BLE = run(encoder, words, *ids_and_mask(ids))
    theirs, model = transformers.AutoTokenizer.from_pretrained(folder), transformers.AutoModel.from_pretrained(folder)
    assert encoder.out_dim == WIDTH
    for row, text in enumerate(TEXTS):
        inputs = theirs(text, return_tensors="pt", split_special_tokens=True)
        with torch.no_grad():
            expected = model.eval()(**inputs).last_hidden_state[0, 1:-1]
        assert len(expected) == len(ids[row])
        np.testing.assert_allclose(y_BLE[row, : len(ids[row])], expected, atol=1e-4)
        assert (y_BLE[row, len(ids[row]) :] == 0).all()
    assert y_BLE[0].abs().max() > 0.1


def test_a_model_whose_positions_begin_after_padding_is_read_as_transformers_reads_it(folder, tmp_path):
    config = transformers.RobertaConfig(
        vocab_size=len(PIECES), hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=2, pad_token_id=0,
        intermediate_size=FEED_FORWARD, max_position_embeddings=11, initializer_range=0.3,
    )  # fmt: skip
    transformers.RobertaModel(config).save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text((folder / "tokenizer.json").read_text())
    encoder, words = made(tmp_path)
    assert encoder.longest == 11 - 1 - 2  # without the position of padding, [CLS] and [SEP]
    ids = [[2, 4, 5, 6, 7, 8, 9, 10][: encoder.longest], [4]]
    x_BL, mask_BL = ids_and_mask(ids)
    y_BLE = run(encoder, words, x_BL, mask_BL)
    model, own = transformers.AutoModel.from_pretrained(tmp_path).eval(), read(tmp_path).file_ids()
    for row, some in enumerate(ids):
        with torch.no_grad():
            expected = model(torch.tensor([[6, *(own[one] for one in some), 7]])).last_hidden_state[0, 1:-1]
        np.testing.assert_allclose(y_BLE[row, : len(some)], expected, atol=1e-4)


def test_columns_have_the_separator_of_the_model_between_them(folder):
    encoder, words = made(folder, columns=2)
    film, bad = (read(folder, 2).vocabulary.index(token) for token in ("film", "bad"))
    y_BLE = run(encoder, words, *ids_and_mask([[film, 2, bad]]))
    model = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        expected = model(torch.tensor([[6, PIECES.index("film"), 7, PIECES.index("bad"), 7]])).last_hidden_state
    np.testing.assert_allclose(y_BLE, expected[:, 1:-1], atol=1e-4)


def test_padding_is_0_and_what_is_there_influences_nothing(folder):
    encoder, words = made(folder)
    x_BL, mask_BL = ids_and_mask([[2, 3, 4, 5, 6], [7, 8], []])
    expected = run(encoder, words, x_BL, mask_BL)
    assert (expected[~mask_BL] == 0).all()
    assert torch.isfinite(expected).all()
    garbage = torch.where(mask_BL, x_BL, 9)
    np.testing.assert_allclose(run(encoder, words, garbage, mask_BL), expected, atol=1e-6)
    wider, more = (torch.nn.functional.pad(one, (0, 3)) for one in (x_BL, mask_BL))
    np.testing.assert_allclose(run(encoder, words, wider, more)[:, :5], expected, atol=1e-6)


def test_frozen_weights_have_no_gradients_no_dropout_and_no_place_in_checkpoints(folder):
    encoder, words = made(folder)
    assert not any(one.requires_grad for part in (encoder, words) for one in part.parameters())
    x_BL, mask_BL = ids_and_mask([[2, 3, 4, 5]])
    in_training = encoder.train()(words.train()(x_BL), mask_BL)
    assert not in_training.requires_grad
    np.testing.assert_array_equal(in_training, run(encoder, words, x_BL, mask_BL))
    assert list(words.state_dict()) == []
    assert encoder.state_dict() == {"_extra_state": encoder.content}
    both = torch.nn.ModuleDict({"input": words, "encoder": encoder})
    again = torch.nn.ModuleDict(dict(zip(("encoder", "input"), made(folder), strict=True)))
    again.load_state_dict(both.state_dict())
    np.testing.assert_array_equal(run(*again.values(), x_BL, mask_BL), run(encoder, words, x_BL, mask_BL))


def test_tuned_weights_have_gradients_dropout_and_a_place_in_checkpoints(folder):
    encoder, words = made(folder, frozen=False)
    x_BL, mask_BL = ids_and_mask([[2, 3, 4, 5]])
    encoder.train()(words.train()(x_BL), mask_BL).sin().sum().backward()
    # the query, key and feed-forward of all layers, the vectors of words and of [CLS] and [SEP]
    without = [name for part in (encoder, words) for name, one in part.named_parameters() if one.grad is None]
    assert without == []
    torch.manual_seed(0)
    one, other = (encoder(words(x_BL), mask_BL) for _ in range(2))
    assert (one != other).any()
    assert {"before_SD", "after_SD", "body.embeddings.position_embeddings.weight"} < encoder.state_dict().keys()


def test_weights_of_another_model_are_refused(folder, tmp_path):
    encoder, _ = made(folder)
    other, _ = made(save_bert(tmp_path / "other", seed=1))
    message = refused(other.load_state_dict, encoder.state_dict())
    assert message.startswith(f"encoder.model={tmp_path / 'other'} holds another model than in this run's training")


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_operations_are_those_of_the_matrix_products_with_the_tokens_around(folder, attention):
    encoder, words = made(folder, attention=attention)
    steps = 7 + 2
    of_layer = 4 * 2 * steps * WIDTH**2 + 2 * 2 * steps**2 * WIDTH + 2 * 2 * steps * WIDTH * FEED_FORWARD
    assert encoder.flops(7) == LAYERS * of_layer
    assert words.flops(7) == 0
    assert encoder.longest == POSITIONS - 2


def test_a_word_is_read_as_unknown_and_a_token_without_a_vector_as_zeros(folder, tmp_path):
    content = json.loads((folder / "tokenizer.json").read_text())
    content["added_tokens"].append({**content["added_tokens"][0], "id": 13, "content": "[NEW]"})
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(folder / name)
    _, words = made(tmp_path)
    table = transformers.AutoModel.from_pretrained(folder).get_input_embeddings().weight
    vocabulary = read(tmp_path).vocabulary
    assert torch.equal(words.weight[1], table[PIECES.index("[UNK]")])
    assert torch.equal(words.weight[0], table[PIECES.index("[PAD]")])
    assert torch.equal(words.weight[vocabulary.index("good")], table[PIECES.index("good")])
    assert (words.weight[vocabulary.index("[NEW]")] == 0).all()


def test_another_vocabulary_than_the_models_is_refused(folder):
    encoder = Pretrained(WIDTH, str(folder))
    assert "the data's tokens are not those of its" in refused(encoder.words, ["[PAD]", "[UNK]", "film"], 0.0)


def broken(folder, tmp_path, **changes):
    """A copy whose config has other values; None: without its weights."""
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "tokenizer.json").write_text((folder / "tokenizer.json").read_text())
    (copy / "model.safetensors").symlink_to(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | changes))
    return copy


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model_type": "mine", "auto_map": {"AutoModel": "mine.Model"}}, "cannot be read by transformers"),
        ({"num_hidden_layers": 3}, "lacks weights, such as encoder.layer.2"),
        ({"hidden_size": 8}, "cannot be read by transformers"),
        ({"is_encoder_decoder": True}, "is a bert, an encoder with a decoder; take a model that is an encoder alone"),
    ],
)
def test_a_model_that_cannot_be_an_encoder_is_refused(folder, tmp_path, changes, sentence):
    copy = broken(folder, tmp_path, **changes)
    assert sentence in refused(Pretrained, WIDTH, str(copy))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"frozen": "no"}, "encoder.frozen must be true or false, and is 'no'"),
        ({"attention": "flash"}, "encoder.attention is one of sdpa, eager, and not 'flash'"),
    ],
)
def test_settings_that_it_does_not_have_are_refused(folder, settings, sentence):
    assert refused(Pretrained, WIDTH, str(folder), **settings) == sentence


def test_the_width_and_the_library_are_known_without_the_weights(folder, tmp_path):
    copy = broken(folder, tmp_path)
    (copy / "model.safetensors").unlink()
    assert pretrained_model.input_width(str(copy)) == WIDTH
    pretrained_model.load_library(str(copy))
    with pytest.raises(UserError, match=r"has no weights in \.safetensors; pickled ones"):
        Pretrained(WIDTH, str(copy))
