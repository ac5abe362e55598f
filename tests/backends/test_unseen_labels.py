"""Labels that train never saw, through training and evaluation in both backends."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from experiments import composed, fitted, ready
from seqeval.metrics import f1_score as seqeval_f1
from sklearn.metrics import accuracy_score, f1_score, log_loss

from harness.data import from_sequences
from harness.data.loaders.tagging import encode_tagged
from harness.errors import UserError
from harness.tasks.task import check_task, task_of

CITIES, DAYS = ("boston", "denver", "dallas", "san francisco"), ("monday", "friday")
TINY = ("encoder=bag_of_embeddings", "input.size=11", "trainer.epochs=3", "trainer.batch_size=5", "optimizer.lr=0.03")


def tagged(text, kind):
    first, *others = text.split()
    return [(first, f"B-{kind}"), *[(word, f"I-{kind}") for word in others]]


def flights(rng, rows, more=()):
    """Sentences like those of ATIS (Hemphill et al. 1990); some of them end in a span of one of the kinds ``more``."""
    inputs, labels = [], []
    for row in range(rows):
        words = [("flights", "O"), ("from", "O"), *tagged(rng.choice(CITIES), "fromloc.city_name"), ("to", "O"),
                 *tagged(rng.choice(CITIES), "toloc.city_name")]  # fmt: skip
        if row % 2:
            words += [("on", "O"), *tagged(rng.choice(DAYS), "depart_date.day_name")]
        if more and row % 3 == 0:
            words += [("with", "O"), *tagged("a hot meal", more[row // 3 % len(more)])]
        inputs.append(tuple(word for word, _ in words))
        labels.append(tuple(tag for _, tag in words))
    return inputs, labels


@pytest.fixture(scope="module")
def atis():
    rng = np.random.default_rng(0)
    parts = {"train": flights(rng, 61), "validation": flights(rng, 17, ["meal"]),
             "test": flights(rng, 19, ["meal", "stoploc"])}  # fmt: skip
    data = encode_tagged(parts, source="made")
    return replace(data, **{name: replace(split, characters=None) for name, split in data.splits.items()})


def rows_of(data, split, logits):
    """The true and the predicted tags of each row."""
    names, pairs = data.label_names, zip(split.labels(), logits.argmax(-1), split.length_N, strict=True)
    both = [([names[n] for n in y[:length]], [names[n] for n in found[:length]]) for y, found, length in pairs]
    return [true for true, _ in both], [found for _, found in both]


@pytest.mark.parametrize("backend", ["pytorch", "tensorflow"])
def test_slots_that_train_never_saw_are_missed_spans(atis, backend, tmp_path):
    assert atis.unseen == ["B-meal", "B-stoploc", "I-meal", "I-stoploc"]
    made = ready(atis, *TINY, backend=backend)
    (history, best), _ = fitted(made, atis, tmp_path)
    for split, numbers in ((atis.validation, history[best - 1]), (atis.test, None)):
        logits = made.predict(split)
        assert logits.shape[-1] == len(atis.classes)
        true, found = rows_of(atis, split, logits)
        scores = task_of(atis).evaluate([(logits, split.labels(), split.length_N)])
        assert scores["f1_span"] == pytest.approx(seqeval_f1(true, found))
        flat_true, flat_found = list(chain(*true)), list(chain(*found))
        assert scores["accuracy"] == pytest.approx(accuracy_score(flat_true, flat_found))
        assert scores["f1_macro"] == pytest.approx(f1_score(flat_true, flat_found, average="macro"))
        known = (split.labels() >= 0) & (split.labels() < len(atis.classes))
        shares = np.exp(logits[known].astype(float))
        shares /= shares.sum(1, keepdims=True)
        assert scores["loss"] == pytest.approx(log_loss(split.labels()[known], shares, labels=range(len(atis.classes))))
        if numbers:
            assert {name: numbers[f"val/{name}"] for name in scores} == pytest.approx(scores, abs=1e-6)
    assert 0.3 < scores["f1_span"] < 1 - 6 / 60  # it learns, and misses the spans that train never saw
    counts = np.array(task_of(atis).confusion(logits, atis.test))
    assert counts.shape == (len(atis.classes) + 4, len(atis.classes))
    assert counts[len(atis.classes) :].sum() == atis.notes["unseen_labels"]["test"] > 0


@pytest.mark.parametrize("backend", ["pytorch", "tensorflow"])
def test_where_validation_has_no_known_label_it_has_no_loss(backend, tmp_path):
    rng = np.random.default_rng(0)

    def some(count, labels):
        return [rng.integers(2, 29, 5) for _ in range(count)], [labels[row % len(labels)] for row in range(count)]

    vocabulary = [str(number) for number in range(29)]
    data = from_sequences(some(13, "ab"), some(7, "c"), some(7, "ac"), classes=["a", "b"], vocabulary=vocabulary)
    (history, _), _ = fitted(ready(data, *TINY, "trainer.epochs=1", backend=backend), data, tmp_path)
    scores = {"train/loss", "val/accuracy", "val/f1_macro"}
    assert history[0].keys() == {"epoch", *scores, "cost/steps", "speed/training_seconds"}
    assert history[0]["val/accuracy"] == history[0]["val/f1_macro"] == 0
    with pytest.raises(UserError, match="no label of the validation split occurs in train, so that it has no loss"):
        check_task(composed("trainer.monitor=val/loss"), task_of(data), data.summary())
    check_task(composed("trainer.monitor=auto"), task_of(data), data.summary())
