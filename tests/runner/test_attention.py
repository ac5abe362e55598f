"""Which tokens weighed: the weights by hand, the rows that are looked at, and what is shown of them."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from made_records import made
from pages import Page
from torch import nn

from harness.analysis.comparison import compare
from harness.backends.pytorch import poolings
from harness.backends.pytorch.attention_weights import attention_of
from harness.backends.pytorch.encoders import Bidirectional, SelfAttention, Transformer
from harness.data import from_sequences
from harness.report.html import html
from harness.runner import attention

EVIL = "<script>alert(1)</script>"


class Model(nn.Module):
    """Attention, then a pooling that attends: 5 wide, 7 steps at most."""

    def __init__(self, encoder, pooling):
        super().__init__()
        self.encoder, self.pooling = encoder, pooling

    def forward(self, x_BLD, mask_BL):
        return self.pooling(self.encoder(x_BLD, mask_BL), mask_BL)


@pytest.fixture
def seen():
    """The attention of a model with two heads and an attending pooling on sequences of 3 and 7 steps."""
    torch.manual_seed(11)
    model = Model(SelfAttention(5, 6, num_heads=2), poolings.AdditiveAttention(6, 3))
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    x_BLD, mask_BL = torch.randn(2, 7, 5), torch.arange(7) < torch.tensor([[3], [7]])
    with torch.no_grad():
        return model, x_BLD, attention_of(model, lambda: model(x_BLD, mask_BL))


def test_each_real_step_shares_out_one_over_real_steps_and_padding_gets_and_gives_nothing(seen):
    _, _, found = seen
    assert {path: weights.shape for path, weights in found.items()} == {"encoder": (2, 2, 7, 7), "pooling": (2, 7)}
    np.testing.assert_allclose(found["encoder"][0, :, :3].sum(-1), np.ones((2, 3)), rtol=1e-6)
    np.testing.assert_allclose(found["encoder"][1].sum(-1), np.ones((2, 7)), rtol=1e-6)
    assert not found["encoder"][0, :, 3:].any()
    assert not found["encoder"][0, :, :, 3:].any()
    np.testing.assert_allclose(found["pooling"].sum(-1), [1, 1], rtol=1e-6)
    assert not found["pooling"][0, 3:].any()


def test_the_weights_are_the_softmax_computed_by_hand(seen):
    model, x_BLD, found = seen
    weight, x = model.encoder.query_key_value.detach().numpy().astype(float), x_BLD[0, :3].numpy().astype(float)
    query, key = x @ weight[3:6].T, x @ weight[9:12].T  # of the second head
    score = np.exp(query @ key.T / 3**0.5)
    np.testing.assert_allclose(found["encoder"][0, 1, :3, :3], score / score.sum(-1, keepdims=True), rtol=1e-4)


def test_what_a_backward_direction_attends_to_is_left_out_because_its_steps_are_reversed():
    model = Model(Bidirectional(5, lambda width: SelfAttention(width, 3)), poolings.Mean(6))
    found = attention_of(model, lambda: model(torch.randn(2, 7, 5), torch.ones(2, 7, dtype=torch.bool)))
    assert list(found) == ["encoder.forwards"]


def test_a_part_that_only_holds_one_that_attends_is_asked_nothing():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = SelfAttention(5, 3)

        def forward(self, x_BLD, mask_BL):
            return self.attention(x_BLD, mask_BL)

    model = Model(Block(), poolings.Mean(3))
    found = attention_of(model, lambda: model(torch.randn(2, 7, 5), torch.ones(2, 7, dtype=torch.bool)))
    assert list(found) == ["encoder.attention"]


def test_every_block_of_a_transformer_is_heard():
    model = Model(Transformer(5, 6, num_layers=2, num_heads=3, feed_forward_size=11, rotary=True), poolings.Mean(6))
    model.eval()
    found = attention_of(model, lambda: model(torch.randn(2, 7, 5), torch.ones(2, 7, dtype=torch.bool)))
    assert {path: weights.shape for path, weights in found.items()} == {
        f"encoder.layers.{number}.self_attention": (2, 3, 7, 7) for number in (0, 1)
    }


def test_received_is_the_mean_over_heads_and_real_steps():
    a_HLK = np.array([[[0.2, 0.8, 0], [0.6, 0.4, 0], [0, 0, 0]], [[0.4, 0.6, 0], [1.0, 0.0, 0], [0, 0, 0]]])
    assert attention.received(a_HLK, 2) == pytest.approx([0.55, 0.45])
    assert attention.received(np.array([0.3, 0.7, 0]), 2) == pytest.approx([0.3, 0.7])


def test_half_of_the_rows_are_wrong_ones_and_legible_ones_come_first():
    split = SimpleNamespace(length_N=np.array([90, 3, 0, 5, 70, 7, 513]))
    right_N = np.array([1, 1, 1, 0, 0, 1, 0], bool)  # rows 3 and 4 are wrong; row 2 is empty, row 6 too long
    assert list(attention.choose(split, right_N, 3)) == [1, 5, 3]
    assert list(attention.choose(split, right_N, 4)) == [1, 5, 3, 4]
    assert list(attention.choose(split, np.ones(7, bool), 3)) == [1, 3, 5]  # nothing is wrong


def dataset():
    rows = ([[2, 3], [3, 4, 2]], ["a", EVIL])
    return from_sequences(rows, rows, rows, classes=["a", EVIL], vocabulary=["[PAD]", "[UNK]", "good", EVIL, "$x_$"])


def kept(folder, examples=2, part="pooling"):
    weights = np.array([[0.25, 0.75, 0], [0.5, 0.3, 0.2]], np.float32)
    backend = SimpleNamespace(attention=lambda split, rows: {part: weights[rows]})
    return attention.keep(backend, dataset(), np.array([[2.0, 1.0], [3.0, 0.0]]), folder, examples)


def test_what_is_kept_has_the_tokens_their_weights_and_a_picture_each(tmp_path):
    drawn = kept(tmp_path)
    assert [file.name for file in drawn] == ["1-right-pooling.png", "2-wrong-pooling.png"]
    assert all(file.parent == tmp_path / "artifacts" / "attention" for file in drawn)
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in drawn)
    first, second = json.loads((tmp_path / "attention.json").read_text())["examples"]
    assert (first["tokens"], first["received"]) == (["good", EVIL], {"pooling": pytest.approx([0.25, 0.75])})
    assert (second["tokens"], second["true"], second["predicted"]) == ([EVIL, "$x_$", "good"], EVIL, "a")
    assert second["received"]["pooling"] == pytest.approx([0.5, 0.3, 0.2])


def test_of_several_labels_a_text_is_right_if_all_are(tmp_path):
    rows = ([[2, 3], [3, 4, 2]], [["a", "b"], []])
    words = ["[PAD]", "[UNK]", "good", EVIL, "$x_$"]
    data = from_sequences(rows, rows, rows, classes=["a", "b"], vocabulary=words, task="multilabel")
    weights = np.full((2, 3), 0.5, np.float32)
    backend = SimpleNamespace(attention=lambda split, rows: {"pooling": weights[rows]})
    drawn = attention.keep(backend, data, np.array([[2.0, -1.0], [-3.0, -1.0]]), tmp_path, 2)
    assert [file.name for file in drawn] == ["1-right-pooling.png", "2-wrong-pooling.png"]
    first, second = json.loads((tmp_path / "attention.json").read_text())["examples"]
    assert (first["true"], first["predicted"]) == ("no label", "no label")
    assert (second["true"], second["predicted"]) == ("a, b", "a")


def test_nothing_is_kept_where_nothing_is_asked_for_or_nothing_attends(tmp_path):
    assert kept(tmp_path, examples=0) == []
    silent = SimpleNamespace(attention=lambda split, rows: {})
    assert attention.keep(silent, dataset(), np.array([[2.0, 1.0], [3.0, 0.0]]), tmp_path, 2) == []
    assert list(tmp_path.iterdir()) == []


def test_the_report_shows_tokens_as_text_the_heaviest_the_darkest(tmp_path):
    kept(tmp_path)
    text = (tmp_path / "attention.json").read_text()
    (tmp_path / "attention.json").write_text(text.replace('"pooling"', '"<b>pooling"').replace('"a"', '"<i>a"'))
    record = made("lstm", run_dir=str(tmp_path))
    page = Page(html(compare([record, made("gru", accuracy=0.5)], "x")))
    assert ("h2", "Attention weights") in page.texts
    assert ("h3", f"wrong: true {EVIL}, predicted <i>a") in page.texts
    assert ("small", "<b>pooling: darkest 0.75, 0.5 each if even") in page.texts
    assert [data for tag, data in page.texts if tag == "span" and data == EVIL] == [EVIL, EVIL]
    harmless = Page(html(compare([made("lstm"), made("gru", accuracy=0.5)], "x")))
    assert page.tags.count("script") == harmless.tags.count("script")
    shades = [a["style"] for tag, a in page.attributes if tag == "span" and "style" in a]
    assert shades[:2] == ["background:rgba(0,114,178,0.250)", "background:rgba(0,114,178,0.750)"]
    assert "no explanation" in page.shown()
    assert "Attention weights" not in html(compare([made("gru")], "x"))
