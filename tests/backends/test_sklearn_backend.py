"""The backend around the baselines: what it keeps of a fit, what it gives for it, and what it refuses."""

import numpy as np
import pytest
from conftest import refused
from experiments import HARDWARE, composed, features, fitted, ready, words

from harness import backends
from harness.backends import array_files
from harness.data import from_sequences
from harness.errors import UserError
from harness.records.record import Hardware

ENCODERS = ("tfidf_logreg", "nb_svm", "dummy")


@pytest.mark.parametrize("encoder", ENCODERS)
def test_what_a_fit_keeps_is_arrays_alone_and_gives_the_same_outputs_again(tmp_path, encoder):
    data = words()
    made = ready(data, f"encoder={encoder}", backend="sklearn")
    (history, best), timer = fitted(made, data, tmp_path)
    assert best == len(history) == len(timer.epochs) == history[0]["cost/steps"] == 1
    assert timer.tokens == [len(data.train.x)]
    assert timer.sequences == [53]

    again = ready(data, f"encoder={encoder}", backend="sklearn")
    again.restore(tmp_path)
    outputs = again.predict(data.test)
    np.testing.assert_array_equal(outputs, made.predict(data.test))
    assert outputs.shape == (19, 3)
    assert again.parameters() == made.parameters()
    arrays, _ = array_files.load(tmp_path / "best.npz")  # it loads without pickle
    assert made.parameters()["cost/parameters"] == sum(array.size for array in arrays if array.dtype.kind == "f")

    forward, (batch,) = made.passes(data.test, [np.arange(19)])
    np.testing.assert_allclose(forward(batch), outputs, atol=1e-6)
    assert made.attention(data.test, np.arange(2)) == {}
    assert made.flops(7) is made.device_peak() is None


def test_the_scores_are_those_of_the_task_and_the_loss_of_train_is_over_its_rows(tmp_path):
    data = words()
    made = ready(data, "encoder=dummy", "trainer.eval_batch_size=7", backend="sklearn")
    ((numbers,), _), _ = fitted(made, data, tmp_path)
    shares = np.bincount(data.train.y) / 53
    assert numbers["train/loss"] == pytest.approx(-(shares * np.log(shares)).sum())
    assert numbers["val/accuracy"] == pytest.approx((data.validation.y == shares.argmax()).mean())
    assert "test/loss_each_epoch" not in numbers

    tags = words(tagging=True)
    made = ready(tags, "encoder=dummy", "trainer.eval_batch_size=7", "trainer.report_test_each_epoch=true",
                 backend="sklearn")  # fmt: skip
    ((numbers,), _), _ = fitted(made, tags, tmp_path)
    shares = np.bincount(tags.train.y) / len(tags.train.y)
    assert numbers["train/loss"] == pytest.approx(-(shares * np.log(shares)).sum())
    assert numbers["test/accuracy_each_epoch"] == pytest.approx((tags.test.y == shares.argmax()).mean())


def test_weights_that_are_damaged_or_of_another_model_are_refused(tmp_path):
    data = words()
    fitted(ready(data, "encoder=tfidf_logreg", "encoder.C=1", backend="sklearn"), data, tmp_path)
    for other in ("nb_svm", "dummy"):
        made = ready(data, f"encoder={other}", backend="sklearn")
        assert "cannot be used" in refused(made.restore, tmp_path)
    made = ready(data, "encoder=tfidf_logreg", backend="sklearn")
    arrays, _ = array_files.load(tmp_path / "best.npz")
    array_files.save(tmp_path / "best.npz", [*arrays[:-1], arrays[-1][1:]], {})
    assert "document frequencies for" in refused(made.restore, tmp_path)
    (tmp_path / "best.npz").write_bytes(b"")
    assert "cannot be used" in refused(made.restore, tmp_path)


TAGS = words(tagging=True)
NUMBERS = from_sequences(*[([[2], [3]], [1.0, 2.0])] * 3, vocabulary=["", "", "a", "b"], task="regression")
VOCABULARY = ["[PAD]", "[UNK]", "a", "b"]
NO_VALIDATION = from_sequences(([[2], [3]], [0, 1]), ([], []), ([[2]], [0]), classes=[0, 1], vocabulary=VOCABULARY)
REFUSED = [
    (features(), ("encoder=nb_svm",), "NbSvm counts tokens, and this data has feature vectors"),
    (TAGS, ("encoder=tfidf_logreg",), "TfidfLogreg is for classification and multilabel, and this data's task is ta"),
    (NUMBERS, ("encoder=tfidf_logreg",), "this data's task is regression; take encoder=dummy"),
    (words(), ("encoder=tfidf_logreg", "encoder.C=[1,0]"), r"encoder.C must be a number above 0, .*is \[1, 0\]"),
    (words(), ("encoder=tfidf_logreg", "encoder.C=[]"), "encoder.C must be a number above 0"),
    (words(), ("encoder=nb_svm", "encoder.beta=1.5"), "encoder.beta must be a number above 0 and up to 1"),
    (words(), ("encoder=nb_svm", "encoder.ngrams=0"), "encoder.ngrams must be a whole number of 1 or more"),
    (words(), ("encoder=nb_svm", "encoder.ngrams=13"), "a vocabulary of 29 tokens, n-grams have at most 12 tokens"),
    (words(), ("encoder=nb_svm", "encoder.min_rows=0"), "encoder.min_rows must be a whole number of 1 or more"),
    (words(), ("encoder=nb_svm", "encoder.max_features=0"), "encoder.max_features must be a whole num"),
    (words(), ("encoder=nb_svm", "+encoder.min_row=3"), "did you mean encoder.min_rows?"),
    (words(), ("encoder=dummy", "+encoder.C=3"), "Dummy takes no settings, and no C; leave it out"),
    (words(), ("encoder=nb_svm", "trainer.monitor=last"), "encoder.C has 5 values, .* trainer.monitor=last chooses"),
    (NO_VALIDATION, ("encoder=nb_svm", "trainer.monitor=train/loss", "encoder.C=1"), "encoder.beta has 3 values"),
    (words(), ("encoder=lstm",), "backend=sklearn has no LSTM; take encoder=dummy, nb_svm, tfidf_logreg, or another"),
    (words(), ("encoder=custom", "encoder._target_=fractions.Fraction"), "Fraction is no model of backend=sklearn"),
    (words(), ("encoder=dummy", "mode=profile"), "mode=profile times forward and backward passes"),
]


@pytest.mark.parametrize(("data", "overrides", "said"), REFUSED, ids=lambda value: None)
def test_what_cannot_be_fitted_is_refused_before_the_fit(data, overrides, said):
    with pytest.raises(UserError, match=said):
        ready(data, *overrides, backend="sklearn")


@pytest.mark.parametrize(
    ("hardware", "said"),
    [
        (Hardware("cpu", precision="bf16"), "hardware.precision=bf16 is for other backends: set hardware.precision=32"),
        (Hardware("cpu", devices=2), "hardware.devices=2 is for other backends: set hardware.devices=1"),
        (Hardware("cpu", nodes=3), "hardware.nodes=3"),
    ],
)
def test_other_hardware_than_one_process_in_full_precision_is_refused(hardware, said):
    made = backends.load("sklearn")(composed("encoder=dummy"), hardware)
    assert said in refused(made.build, words(), 0)


def test_one_value_of_each_setting_needs_no_validation(tmp_path):
    made = ready(NO_VALIDATION, "encoder=nb_svm", "encoder.C=1", "encoder.beta=1", "encoder.min_rows=1",
                 "trainer.monitor=last", backend="sklearn")  # fmt: skip
    ((numbers,), best), _ = fitted(made, NO_VALIDATION, tmp_path)
    assert best == 1
    assert not [name for name in numbers if name.startswith("val/")]
    assert made.predict(NO_VALIDATION.test).argmax(1).tolist() == [0]


def test_a_train_split_without_a_repeated_n_gram_is_refused(tmp_path):
    made = ready(NO_VALIDATION, "encoder=tfidf_logreg", "encoder.C=1", "trainer.monitor=last", backend="sklearn")
    with pytest.raises(UserError, match=r"encoder\.min_rows=2: no n-gram occurs in so many rows of train; set it to 1"):
        fitted(made, NO_VALIDATION, tmp_path)


def test_data_with_feature_vectors_has_a_dummy(tmp_path):
    data = features()
    made = backends.load("sklearn")(composed("encoder=dummy"), HARDWARE)
    made.build(data, 0)
    fitted(made, data, tmp_path)
    assert (made.predict(data.test).argmax(1) == np.bincount(data.train.y).argmax()).all()
