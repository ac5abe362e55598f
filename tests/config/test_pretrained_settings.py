"""What ``encoder=pretrained`` sets by itself, and what it refuses."""

import pytest
from conftest import refused

from harness.cli import refused_keys
from harness.config import hardware
from harness.config.compose import compose
from harness.config.pretrained import is_frozen, is_pretrained

MODEL = ("encoder=pretrained", "encoder.model=some/model")


def test_it_brings_its_tokenizer_and_its_word_vectors():
    config = compose(*MODEL, "data=imdb")
    assert (config.data["tokenizer"], config.input.size) == ("some/model", None)
    assert is_pretrained(config.encoder)
    assert is_frozen(config.encoder)
    assert not is_frozen(compose(*MODEL, "data=imdb", "encoder.frozen=false").encoder)
    other = compose("encoder=lstm", "data=imdb")
    assert (other.data["tokenizer"], other.input.size) == ("words", 128)
    assert not is_pretrained(other.encoder)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["data=digits"], "encoder=pretrained reads texts with its own tokenizer, and data=digits has none; take data"),
        (["data=ud_ewt"], "and data=ud_ewt has none"),
        (["data=files", "data.train=x.csv", "data.tokens=words"], "data.tokens=words gives words one by one, and"),
        (["data=files", "data.train=x.csv", "data.tags=tags"], "data.tags=tags gives words one by one, and"),
        (["data=imdb", "data.tokenizer=words"], "its model's own tokenizer, not with data.tokenizer=words; leave"),
        (["data=imdb", "input.size=64"], "encoder=pretrained has its own word vectors, which input.size=64 would"),
        (["data=imdb", "input=word_bigram"], "has its own word vectors, which input=word_bigram would replace"),
        (["data=imdb", "input=one_hot"], "has its own word vectors, which input=one_hot would replace"),
        (["data=imdb", "position=learned"], "has its own positions, and position=learned would add others; set"),
        (["data=imdb", "backend=tensorflow"], "encoder=pretrained is for backend=pytorch; take that"),
        (["data=imdb", "encoder.model=3"], "encoder.model is a folder or the id of a model on the hub, and is 3"),
    ],
)
def test_what_cannot_go_with_it_is_refused(overrides, sentence):
    assert sentence in refused(compose, *MODEL, *overrides)


def test_its_model_must_be_named():
    sentence = "encoder.model must be given: add encoder.model=... to the command"
    assert refused(compose, "encoder=pretrained", "data=imdb") == sentence


def test_without_transformers_the_extra_is_named(monkeypatch):
    found = hardware.find_spec
    monkeypatch.setattr(hardware, "find_spec", lambda name: None if name == "transformers" else found(name))
    sentence = "encoder=pretrained needs transformers: in the harness's folder, pip install '.[pretrained]'"
    assert refused(hardware.check_machine, compose(*MODEL, "data=imdb")) == sentence


def test_its_keys_are_named_where_another_encoder_lacks_them():
    arguments = ["encoder=lstm", "encoder.frozen=true"]
    sentence = "encoder=lstm has no frozen: nothing reads encoder.frozen; encoders that do: pretrained"
    sentence += "; keys of encoder=lstm: hidden_size, num_layers, dropout, kernel"
    assert refused_keys.sentence("encoder.frozen", arguments) == sentence
