"""A word's vector plus that of its pair with the word before.

Dimension letters: B batch, L length, D width.
"""

import numpy as np
import pytest
import torch
from conftest import QUICK, refused

from harness.backends.build import check_bigrams
from harness.backends.pytorch.inputs import WordBigram
from harness.backends.pytorch.layers import Embedding, initialise
from harness.data.dataset import from_sequences

WORDS, D = 50, 6


def made(buckets=1_000_000, word_dropout=0.0):
    part = WordBigram(WORDS, D, word_dropout, buckets)
    initialise(torch.nn.ModuleDict({"input": part}), 5)
    return part.eval()


def test_before_any_training_it_is_the_word_s_own_vector():
    alone = Embedding(WORDS, D)
    initialise(torch.nn.ModuleDict({"input": alone}), 5)
    x_BL = torch.tensor([[4, 9, 2, 0], [7, 7, 1, 8]])
    torch.testing.assert_close(made()(x_BL), alone(x_BL), rtol=0, atol=0)


def test_a_pair_has_one_row_at_every_position_and_the_reverse_order_another():
    rows_BL = made().pair_rows(torch.tensor([[4, 9, 4, 9, 4]]))
    first, second, third, fourth, fifth = rows_BL[0].tolist()
    assert first == 0  # no word is before it
    assert second == fourth > 0
    assert third == fifth > 0
    assert second != third


def test_a_pair_with_padding_or_an_unknown_word_has_none():
    rows_BL = made().pair_rows(torch.tensor([[4, 1, 9, 0, 0], [1, 9, 4, 1, 0]]))
    assert (rows_BL > 0).tolist() == [[False] * 5, [False, False, True, False, False]]


def test_every_row_of_the_table_is_met_about_equally_often():
    first, second = torch.meshgrid(torch.arange(2, WORDS), torch.arange(2, WORDS), indexing="ij")
    pairs_NL = torch.stack([first.flatten(), second.flatten()], 1)
    counts = np.bincount(made(buckets=16).pair_rows(pairs_NL)[:, 1].numpy(), minlength=17)
    expected = len(pairs_NL) / 16
    assert counts[0] == 0
    assert np.abs(counts[1:] - expected).max() < 0.3 * expected


def test_a_word_s_pairs_are_spread_over_a_table_whose_size_goes_into_the_vocabulary_s():
    part = WordBigram(32_768, 1, 0.0, 1_024)
    before = torch.arange(2, 2_002)
    pairs_NL = torch.stack([before, torch.full_like(before, 77)], 1)
    rows = part.pair_rows(pairs_NL)[:, 1]
    assert len(rows.unique()) > 0.6 * 1_024  # of 2,000 balls in 1,024 urns, 86 % are met by chance


def test_ids_of_large_vocabularies_keep_to_the_table():
    part = WordBigram(3_000_000, 1, 0.0, 7)
    rows_BL = part.pair_rows(torch.tensor([[2_999_999, 2_999_998, 2_999_997, 2_999_996]]))
    assert ((rows_BL[0, 1:] >= 1) & (rows_BL[0, 1:] <= 7)).all()


def test_a_pair_s_vector_is_added_to_the_later_word_s():
    part = made()
    x_BL = torch.tensor([[4, 9, 5]])
    row = int(part.pair_rows(x_BL)[0, 1])
    before = part(x_BL)
    with torch.no_grad():
        part.pairs.weight[row] = torch.arange(D) + 1.0
    expected = torch.zeros(1, 3, D)
    expected[0, 1] = torch.arange(D) + 1.0
    torch.testing.assert_close(part(x_BL) - before, expected)


def test_the_pairs_of_a_word_that_training_leaves_out_are_left_out_with_it():
    part = made(word_dropout=0.5).train()
    torch.nn.init.ones_(part.pairs.weight)
    torch.nn.init.zeros_(part.weight)
    with torch.no_grad():
        part.pairs.weight[0] = 0
    torch.manual_seed(0)
    share = part(torch.full((200, 50), 4)).detach()[:, 1:, 0].mean()
    assert float(share) == pytest.approx(0.25, abs=0.02)  # both words of a pair have to be there


def test_features_have_no_pairs():
    data = from_sequences(
        **{role: ([np.ones((3, 2), np.float32)] * 4, ["a", "b", "a", "b"]) for role in ("train", "validation", "test")},
        classes=["a", "b"],
    )
    assert "input.bigrams reads pairs of words" in refused(check_bigrams, data)


def test_pairs_distinguish_an_order_that_a_bag_of_words_cannot(command, tmp_path):
    # whether "not" is before "good" or before "bad": the same words in both classes
    lines = ["text,label"]
    for filler in [f"w{number}" for number in range(60)]:
        lines += [f"{filler} not good but bad,yes", f"{filler} not bad but good,no"]
    (tmp_path / "data.csv").write_text("\n".join(lines))
    settings = ("data=files", "data.train=data.csv", "encoder=bag_of_embeddings", "optimizer.lr=0.03", "tracking=none")
    words = command(*settings, *QUICK, "trainer.epochs=10").record
    ended = command(*settings, *QUICK, "trainer.epochs=10", "input=word_bigram", "input.bigrams.buckets=500")
    (pairs,) = (record for record in ended.records if record.choices["input"] == "word_bigram")
    assert pairs.metrics["test/accuracy"] == 1.0
    assert words.metrics["test/loss"] > 0.6  # that of a coin: 0.693


def test_tensorflow_says_that_it_has_none(command):
    ended = command("backend=tensorflow", "data=imdb", "input=word_bigram")
    assert ended.code == 2
    assert "backend=tensorflow has input=embedding and one_hot; for input=word_bigram take backend=pytorch" in ended.err
