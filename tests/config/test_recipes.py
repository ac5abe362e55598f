"""Every recipe in ``conf/experiment`` trains, and the published models have the published number of parameters."""

import json

import pytest
from conftest import QUICK, REPOSITORY

from harness.backends.pytorch import Backend
from harness.config.compose import compose
from harness.data import open_prepared
from harness.errors import UserError
from harness.records.record import Hardware
from harness.runner.run import prepare_data

RECIPES = {"bilstm_self_attention": 5, "lstm_additive_attention": 10}


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_on_synthetic_data_train(command, name):
    ended = command(f"experiment={name}", *QUICK, "trainer.epochs=1", "data.sequences=400")
    assert ended.code == 0, ended.err
    assert len(ended.record.data.classes) == RECIPES[name]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("keras_self_attention_imdb", 20_000 * 128 + 3 * 128 * 128 + 2 * 128 + 2),
        ("lstm_self_attention", 20_000 * 128 + 4 * 64 * (128 + 64 + 1) + 3 * 64 * 128 + 2 * 128 + 2),
    ],
)
def test_recipes_on_imdb_have_the_published_parameters(tmp_path, name, parameters, mirror, monkeypatch):
    """On the whole of the data, because the vocabulary decides; that they train is tested on less of it."""
    monkeypatch.setenv("HARNESS_DATA_MIRROR", mirror)
    config = compose(f"experiment={name}", f"output_dir={tmp_path}")
    data = open_prepared(prepare_data(config))
    backend = Backend(config, Hardware("cpu"))
    backend.build(data, 0)
    assert backend.parameters()["cost/parameters"] == parameters


IMDB_RECIPES = ("keras_self_attention_imdb", "lstm_self_attention", "imdb_encoders")
BIGRAM_RECIPES = ("imdb_bigrams", "imdb_self_attention", "imdb_gru")


@pytest.mark.parametrize("name", [*IMDB_RECIPES, *BIGRAM_RECIPES])
def test_recipes_on_imdb_train(command, name, mirror, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_MIRROR", mirror)
    smaller = ("input.bigrams.buckets=1000",) if name in BIGRAM_RECIPES else ()
    ended = command(f"experiment={name}", *QUICK, *smaller, "trainer.epochs=1", "data.limit=300")
    assert ended.code == 0, ended.err


TREEBANK_RECIPES = {"ud_ewt_bilstm": 0, "ud_ewt_bilstm_word_char": 110 * 32 + 100 * 32 * 4 + 100 + 2 * 4 * 150 * 100}
"""What each has of parameters beyond words alone: characters, filters, and what reads them."""


def test_recipes_on_the_treebank_are_of_the_same_data_and_differ_in_characters(command, treebanks, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_MIRROR", treebanks)
    for name in TREEBANK_RECIPES:
        ended = command(f"experiment={name}", *QUICK, "trainer.epochs=1", "data.limit=300")
        assert ended.code == 0, ended.err
    found = {record.choices["input"]: record for record in ended.records}
    words, characters = found["embedding"], found["word_char"]
    assert words.data.hash == characters.data.hash
    assert words.variant != characters.variant
    for record in (words, characters):
        assert {"test/accuracy", "test/f1_macro", "latency/p50_ms"} < record.metrics.keys()
        assert "test/f1_span" not in record.metrics
        counts = json.loads((record.folder / "confusion.json").read_text())
        share = sum(counts[number][number] for number in range(len(counts))) / sum(map(sum, counts))
        assert record.metrics["test/accuracy"] == share
    assert characters.metrics["cost/forward_flops"] > words.metrics["cost/forward_flops"]


def test_recipes_on_the_treebank_have_the_parameters_counted_by_hand(tmp_path, treebanks, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_MIRROR", treebanks)
    words = 19_676 * 128 + 2 * 4 * 150 * (128 + 150 + 1) + 2 * 150 * 17 + 17
    for name, more in TREEBANK_RECIPES.items():
        config = compose(f"experiment={name}", f"output_dir={tmp_path}")
        data = open_prepared(prepare_data(config), characters=config.input.characters is not None)
        backend = Backend(config, Hardware("cpu"))
        backend.build(data, 0)
        assert backend.parameters()["cost/parameters"] == words + more


def test_characters_are_pytorchs_alone_and_their_settings_whole_numbers():
    compose("input=word_char")
    with pytest.raises(UserError, match="has input=embedding and one_hot; for input=word_char take backend=pytorch"):
        compose("input=word_char", "backend=tensorflow")
    with pytest.raises(UserError, match=r"input\.characters\.filters must be a whole number of 1 or more, and is 0"):
        compose("input=word_char", "input.characters.filters=0")


def test_every_recipe_is_tested():
    tested = {*RECIPES, *TREEBANK_RECIPES, *IMDB_RECIPES, *BIGRAM_RECIPES, "probe"}
    assert {path.stem for path in (REPOSITORY / "conf" / "experiment").glob("*.yaml")} == tested
