"""Training with a pretrained encoder: what changes and what stays, and what a checkpoint gives back."""

import numpy as np
import pandas as pd
import pytest
from conftest import refused
from experiments import fitted, ready
from tiny_transformer import WIDTH, save_bert

from harness.config.compose import compose
from harness.data.loaders.text import load_files
from harness.runner.profile_point import random_tokens

PARTS = ("input.", "encoder.", "head.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def data(tmp_path_factory, folder):
    rows = [{"text": f"the film was {'good' if n % 2 else 'bad'} {'a ' * (n % 5)}", "label": n % 2} for n in range(60)]
    file = tmp_path_factory.mktemp("rows") / "a.csv"
    pd.DataFrame(rows).to_csv(file, index=False)
    return load_files(str(file), tokenizer=str(folder), max_length=9)


def built(data, folder, *overrides):
    own = ("encoder=pretrained", f"encoder.model={folder}", "data=imdb", "trainer.epochs=1", "data.max_length=9")
    return ready(data, *own, "trainer.batch_size=16", "optimizer.lr=0.01", *overrides, backend="pytorch")


def weights(made):
    return {name: one.detach().numpy().copy() for name, one in made.model.named_parameters()}


@pytest.mark.parametrize("frozen", [True, False])
def test_training_changes_the_head_and_a_frozen_model_not(data, folder, tmp_path, frozen):
    made = built(data, folder, f"encoder.frozen={str(frozen).lower()}")
    before = weights(made)
    fitted(made, data, tmp_path)
    after = weights(made)
    changed = {name for name in before if (before[name] != after[name]).any()}
    assert {part for part in PARTS if any(name.startswith(part) for name in changed)} == (
        {"head."} if frozen else set(PARTS)
    )
    outputs = made.predict(data.test)
    again = built(data, folder, f"encoder.frozen={str(frozen).lower()}")
    again.restore(tmp_path)
    np.testing.assert_array_equal(again.predict(data.test), outputs)
    assert (tmp_path / "best.ckpt").stat().st_size < (20_000 if frozen else 200_000)


def test_the_models_own_word_dropout_reads_unknown(data, folder):
    made = built(data, folder, "input.word_dropout=0.5")
    seen = made.model.input.train()
    (x_BL,) = [made._training_batches(data).largest().x]
    same = (seen(x_BL) == seen.weight[x_BL]).all(2)
    unknown = (seen.weight[1] == seen.train()(x_BL)).all(2)
    assert 0 < same.float().mean() < 1
    assert unknown.any()


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["data.max_length=22"], "data.max_length=22 is more than the 21 tokens that encoder.model={} has positions"),
        (["measure.latency_length=30"], "; set measure.latency_length=21 or less"),
        (["mode=profile"], "profile.lengths=22 is more than the 21 tokens that encoder.model={} has positions"),
    ],
)
def test_more_tokens_than_the_model_has_positions_for_are_refused(data, folder, overrides, sentence):
    longer = random_tokens(2, 22, compose("mode=profile")) if overrides == ["mode=profile"] else data
    assert sentence.format(folder) in refused(built, longer, folder, *overrides)


def test_a_profile_reads_any_tokens(folder):
    made = built(random_tokens(2, 21, compose("mode=profile")), folder, "mode=profile")
    assert made.model.input.weight.shape == (1000, WIDTH)
