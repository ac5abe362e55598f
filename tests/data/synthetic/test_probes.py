"""The probes: labels by independent solvers, disjoint splits, balanced classes, and which encoders fail where."""

import re
import time
from collections import Counter
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
import pytest
import torch

from harness.backends.pytorch import Backend
from harness.backends.pytorch.model import build
from harness.config.compose import compose
from harness.data import Dataset
from harness.data.synthetic import probes
from harness.data.synthetic.sampling import different
from harness.errors import UserError
from harness.measure import StepTimer
from harness.records.record import Hardware
from harness.tasks.task import task_of

HARDWARE = Hardware("cpu")
SIZES = {"train": 401, "validation": 101, "test": 211, "seed": 0}


def sequences(data: Dataset, split: str = "test"):
    """Words and label of each sequence: a class, or for tagging a label per step, None where it does not count."""
    part = data.splits[split]
    for x_L, length, y in zip(part.padded(), part.length_N, part.labels(), strict=True):
        words = [data.vocabulary[token] for token in x_L[:length]]
        named = [None if label == -100 else data.classes[label] for label in np.atleast_1d(y)]
        yield words, named[0] if part.y_offsets is None else named[:length]


@pytest.mark.parametrize("name", probes.__all__)
def test_no_sequence_is_repeated_and_the_seed_of_the_data_decides(name):
    probe = getattr(probes, name)
    data = probe(**SIZES)
    data.check()
    assert [len(split) for split in data.splits.values()] == [401, 101, 211]
    pairs = [pair for split in data.splits.values() for pair in zip(split.padded(), split.length_N, strict=True)]
    rows = [x[:length].tobytes() for x, length in pairs]
    assert len(set(rows)) == len(rows) == 713
    assert probe(**SIZES).hash == data.hash
    assert probe(**{**SIZES, "seed": 1}).hash != data.hash


def test_splits_are_alike_where_short_sequences_are_used_up():
    """Half of the lengths have too few sequences for all splits: unshuffled, test would have only long sequences."""
    data = probes.parity(length=12, min_length=1, train=2003, validation=503, test=503, seed=0)
    mean = {name: split.length_N.mean() for name, split in data.splits.items()}
    assert abs(mean["train"] - mean["validation"]) < 0.3  # three standard errors
    assert abs(mean["train"] - mean["test"]) < 0.3


def test_too_few_different_sequences_are_refused():
    with pytest.raises(UserError, match=r"parity .* has hardly more than 62 different sequences, but 713 are"):
        probes.parity(length=5, min_length=1, **SIZES)
    examples = different("bits", lambda rng: (rng.integers(0, 2, 3), 0), 8, np.random.default_rng(0))
    assert len({tuple(bits) for bits, _ in islice(examples, 8)}) == 8
    with pytest.raises(UserError, match="hardly more than 8 different"):
        next(examples)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("adding", {"length": 19}, "data.length of adding is a whole number of 20 or more"),
        ("majority", {"length": 40}, "majority needs odd lengths"),
        ("parity", {"min_length": 25}, "min_length=25 of parity is more than data.length=24"),
        ("selective_copying", {"length": 3}, "data.length of selective_copying is a whole number of 4 or more"),
        ("associative_recall", {"keys": 1}, "data.keys of associative_recall is a whole number of 2 or more"),
        ("associative_recall", {"length": 5}, "set 6 or more"),
        ("dyck", {"depth": 1}, "dyck needs"),
        ("dyck", {"length": 7, "min_length": 7}, "hardly any beginning of 7 to 7 brackets"),
        ("listops", {"length": 7, "min_length": 7, "depth": 1, "arguments": 2}, "hardly any listops"),
        ("transcription", {"noise": -1.0}, "data.noise"),
        ("transcription", {"min_frames": 1}, "data.min_frames of transcription is a whole number of 2 or more"),
        ("dyck", {"depth": 2}, "a depth above brackets"),
        ("copying", {"train": 0}, "data.train is the number of sequences"),
    ],
)
def test_settings_out_of_range_are_refused(name, settings, message):
    with pytest.raises(UserError, match=message):
        getattr(probes, name)(**{**SIZES, **settings})


def test_adding_is_the_sum_of_the_marked_numbers():
    data = probes.adding(length=23, **SIZES)
    lengths = set()
    for x_LD, length, y in zip(data.test.padded(), data.test.length_N, data.test.labels(), strict=True):
        numbers, markers = x_LD[:length].T
        assert Counter(markers[1:-1]) + Counter(markers[[0, -1]]) == {0: length - 4 + (markers[0] == 1), 1: 2,
                                                                      -1: 2 - (markers[0] == 1)}  # fmt: skip
        first, second = np.flatnonzero(markers == 1)
        assert second < 23 // 2
        counted = sum(numbers[step] for step in (first, second) if step > 0)
        assert y == pytest.approx(0.5 + counted / 4, abs=1e-6)
        lengths.add(int(length))
    assert lengths == {23, 24, 25}
    assert (data.task, data.tolerance) == ("regression", 0.04)
    assert data.test.y.var() == pytest.approx(1 / 24, rel=0.25)


def test_copying_repeats_the_first_symbols_in_order():
    data = probes.copying(length=5, gap=3, symbols=7, **SIZES)
    for words, labels in sequences(data):
        symbols = "".join(words[:5])
        assert "".join(words[5:]) == "_" * 3 + ">" + "_" * 4
        assert labels == [None] * 8 + list(symbols)
    assert len(words) == 5 + 3 + 5
    in_balance(data)


def test_selective_copying_repeats_the_symbols_in_order():
    data = probes.selective_copying(length=13, items=3, symbols=7, **SIZES)
    places = set()
    for words, labels in sequences(data):
        text = "".join(words)
        symbols = re.findall(r"\d", text)
        assert re.fullmatch(r"[\d_]{13}>>>", text)
        assert labels == [None] * 13 + symbols
        assert len(symbols) == 3
        places |= {match.start() for match in re.finditer(r"\d", text)}
    assert places == set(range(13))
    in_balance(data)


def test_associative_recall_labels_each_query_with_the_value_of_its_key():
    data = probes.associative_recall(length=23, pairs=5, keys=11, values=13, **SIZES)
    for words, labels in sequences(data):
        pairs = dict(zip(words[:10:2], words[1:10:2], strict=True))
        assert len(pairs) == len(set(pairs.values())) == 5
        expected = [pairs[word] if word.startswith("k") else None for word in words[10:]]
        assert labels == [None] * 10 + expected
        assert sum(label is not None for label in labels) == 5
    in_balance(data)
    places = Counter(step for _, labels in sequences(data, "train") for step, label in enumerate(labels) if label)
    assert sum(places[step] for step in (10, 11)) > 2 * sum(places[step] for step in (21, 22))  # early rather than late
    fillers = Counter(word for words, labels in sequences(data, "train")
                      for word, label in zip(words[10:], labels[10:], strict=True) if not label)  # fmt: skip
    assert set(fillers) == {f"v{number}" for number in range(13)}
    assert max(fillers.values()) < 1.5 * min(fillers.values())


def test_no_question_of_train_is_in_test():
    data = probes.associative_recall(pairs=2, keys=5, values=4, **{**SIZES, "train": 1501})
    asked = {name: {frozenset(zip(words[:4:2], words[1:4:2], strict=True)) for words, _ in sequences(data, name)}
             for name in data.splits}  # fmt: skip
    assert not asked["test"] & (asked["train"] | asked["validation"])
    assert not asked["validation"] & asked["train"]
    assert len(asked["train"] | asked["validation"] | asked["test"]) == 10 * 4 * 3  # all: 2 of 5 keys, a value for each
    begun = {tuple(words[:end]) for words, _ in sequences(probes.parity(**SIZES), "train") for end in range(1, 25)}
    counted = 0
    for words, labels in sequences(probes.parity(**SIZES)):
        for end, label in enumerate(labels, 1):
            assert (label is None) == (tuple(words[:end]) in begun)
            counted += label is not None
    assert counted > 211 * 8  # 9 or 10 of about 20 steps: 401 sequences have few of the prefixes of 10 bits


def test_majority_is_the_more_frequent_token():
    data = probes.majority(length=17, min_length=11, **SIZES)
    for words, label in sequences(data):
        ((most, _),) = Counter(words).most_common(1)
        assert label == most
        assert len(words) in (11, 13, 15, 17)
    in_balance(data)


def test_parity_is_the_state_after_a_flip_at_every_one():
    data, whole = (probes.parity(length=13, min_length=7, every_step=every, **SIZES) for every in (True, False))
    for (words, labels), (same, label) in zip(sequences(data, "train"), sequences(whole, "train"), strict=True):
        odd = False
        for word, expected in zip(words, labels, strict=True):
            odd ^= word == "1"
            assert expected == ("odd" if odd else "even")
        assert same == words
        assert label == labels[-1]
    in_balance(whole)
    assert {len(words) for words, _ in sequences(data)} == set(range(7, 14))
    in_balance(data)


def test_listops_have_the_value_that_python_computes():
    data = probes.listops(length=31, min_length=5, depth=3, arguments=5, **SIZES)
    operations = {"MIN": min, "MAX": max, "MED": lambda *v: int(median(v)), "SM": lambda *v: sum(v) % 10}
    deepest, widest = 0, 0
    for words, label in sequences(data):
        called = " ".join(words).replace("]", ")").replace(" ", ",").replace(",)", ")")
        called = re.sub(r"\[(\w+),", r"\1(", called)
        assert str(eval(called, {}, operations)) == label, called
        depths = np.cumsum([word.startswith("[") - (word == "]") for word in words])
        deepest, widest = max(deepest, depths.max()), max(widest, len(words))
        assert depths[-1] == 0
        assert 5 <= len(words) <= 31
    assert deepest == 3
    free = probes.listops(length=300, min_length=4, depth=2, arguments=4, **SIZES)
    lists, within = 0, 0  # an argument of the outer list is a list with probability 1/4
    for words, _ in sequences(free, "train"):
        depths = np.cumsum([word.startswith("[") - (word == "]") for word in words])
        opened = sum(word.startswith("[") for word in words[1:])
        lists += opened
        within += opened + sum(depth == 1 and word.isdigit() for word, depth in zip(words, depths, strict=True))
    assert lists / within == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / within))
    shares = Counter(label for _, label in sequences(data, "train"))
    assert max(shares.values()) / 401 < 0.2
    assert min(shares.values()) / 401 > 0.04


def test_dyck_labels_are_the_bracket_that_closes_the_last_open_one():
    data = probes.dyck(length=17, min_length=5, depth=6, brackets=3, **SIZES)
    closing = {"(": ")", "[": "]", "{": "}"}
    deepest, distances = 0, Counter()
    for words, label in sequences(data, "train"):
        due = next(step for step in range(len(words)) if closed(words[step + 1 :], closing))
        distances[len(words) - 1 - due] += 1
        text = "".join(words)
        while (shorter := re.sub(r"\(\)|\[\]|\{\}", "", text)) != text:
            text = shorter
        assert closing[text[-1]] == label
        assert len({text.count(bracket) for bracket in closing}) == 1
        deepest = max(deepest, *np.cumsum([1 if word in closing else -1 for word in words]))
    assert deepest == 6
    assert set(distances) == {2, 4, 6, 8}
    assert max(abs(count / 401 - 1 / 4) for count in distances.values()) < 4 * np.sqrt(3 / 16 / 401)
    in_balance(data)


def closed(words: list[str], closing: dict[str, str]) -> bool:
    """Whether there are brackets, and all of them are balanced."""
    text = "".join(words)
    while (shorter := re.sub("|".join(re.escape(one + other) for one, other in closing.items()), "", text)) != text:
        text = shorter
    return bool(words) and not text


def test_bracket_counts_do_not_predict_the_label():
    data = probes.dyck(length=12, min_length=8, train=3001, validation=1, test=1, seed=0)
    answers: dict[str, Counter] = {}
    for words, label in sequences(data, "train"):
        answers.setdefault("".join(sorted(words)), Counter())[label] += 1
    correct = sum(max(counts.values()) for counts in answers.values() if counts.total() >= 50)
    counted = sum(counts.total() for counts in answers.values() if counts.total() >= 50)
    assert counted > 1000
    assert correct / counted < 0.55


def test_without_noise_transcription_can_be_read_from_the_frames():
    data = probes.transcription(length=7, min_length=2, symbols=5, width=3, noise=0.0, **SIZES)
    x_ND = data.test.x
    assert len(np.unique(x_ND.round(4), axis=0)) == 2 * 5  # a first frame and a held one of each symbol
    first: dict[bytes, int] = {}
    repeats = 0
    for x_LD, length, y in zip(data.test.padded(), data.test.length_N, data.test.labels(), strict=True):
        target = y[y != -100]
        changes = [0, *(np.flatnonzero((x_LD[1:length] != x_LD[: length - 1]).any(1)) + 1)]
        starts = changes[::2]  # each symbol is a first frame, then held ones
        assert len(starts) == len(target)
        for start, label in zip(starts, target, strict=True):
            assert first.setdefault(x_LD[start].tobytes(), label) == label
        assert (np.diff([*starts, length]) >= 2).all()
        repeats += int((np.diff(target) == 0).sum())
    assert len(first) == 5
    assert repeats > 50
    assert data.task == "ctc"


def test_the_noise_of_transcription_has_its_standard_deviation():
    """With the same random numbers, noise of 1.5 less noise of 0.5 is noise of 1."""
    loud, louder = (probes.transcription(noise=noise, **SIZES).test for noise in (0.5, 1.5))
    noise = np.concatenate([
        (more - less)[:length] for more, less, length in zip(louder.padded(), loud.padded(), loud.length_N, strict=True)
    ])  # fmt: skip
    assert noise.std() == pytest.approx(1.0, rel=0.02)
    assert abs(np.corrcoef(noise[1:, 0], noise[:-1, 0])[0, 1]) < 0.05


def in_balance(data: Dataset) -> None:
    """All classes are equally frequent in train, within four standard deviations."""
    labels = data.train.y[data.train.y != -100]
    share, wanted = np.bincount(labels, minlength=len(data.classes)) / len(labels), 1 / len(data.classes)
    assert np.abs(share - wanted).max() < 4 * np.sqrt(wanted * (1 - wanted) / len(labels))


LSTM = ("encoder=lstm", "encoder.hidden_size=32")
ATTENTION = ("encoder=self_attention", "encoder.hidden_size=32")
ORDERED = {"lstm": LSTM, "attention with positions": (*ATTENTION, "position=sinusoidal")}
UNORDERED = {"bag of embeddings": ("encoder=bag_of_embeddings",), "attention": ATTENTION}


def outputs(data: Dataset, x_NL: np.ndarray, *settings: str) -> np.ndarray:
    """The outputs of an untrained model for sequences of full length."""
    model = build(compose(*settings, "input.size=16"), data, 0).eval()
    with torch.no_grad():
        return model(torch.from_numpy(x_NL), torch.full((len(x_NL),), x_NL.shape[1])).numpy()


@pytest.mark.parametrize("name", [*UNORDERED, *ORDERED])
def test_encoders_without_order_give_the_same_answer_for_every_order(name):
    data = probes.dyck(length=12, min_length=12, **SIZES)
    shuffled_NL = np.random.default_rng(0).permuted(data.test.padded(), axis=1)
    one, other = (outputs(data, x_NL, *{**UNORDERED, **ORDERED}[name]) for x_NL in (data.test.padded(), shuffled_NL))
    assert np.allclose(one, other, atol=1e-5) == (name in UNORDERED)


def test_attention_without_positions_gives_the_same_answer_at_all_blanks_of_copying():
    data = probes.copying(length=5, gap=3, **SIZES)
    asked_NLC = outputs(data, data.test.padded(), *UNORDERED["attention"])[:, -2:]
    np.testing.assert_allclose(asked_NLC[:, 0], asked_NLC[:, 1], atol=1e-5)
    placed_NLC = outputs(data, data.test.padded(), *ORDERED["attention with positions"])[:, -2:]
    assert np.abs(placed_NLC[:, 0] - placed_NLC[:, 1]).max() > 1e-3


def trained(data: Dataset, folder: Path, *settings: str) -> dict[str, float]:
    """Test metrics after a few epochs."""
    config = compose(*settings, "input.size=32", "optimizer.lr=0.01", "trainer.epochs=8")
    backend = Backend(config, HARDWARE)
    backend.seed(0)
    backend.build(data, 0)
    backend.fit(data, StepTimer(time.perf_counter, backend.sync, warmup_steps=0), folder, lambda numbers: None)
    return task_of(data).evaluate([(backend.predict(data.test), data.test.labels(), data.test.length_N)])


@pytest.mark.parametrize("name", [*UNORDERED, "lstm"])
def test_where_order_matters_encoders_without_order_stay_at_chance(tmp_path, name):
    data = probes.dyck(length=10, train=800, validation=200, test=500, seed=0)
    accuracy = trained(data, tmp_path, *{**UNORDERED, **ORDERED}[name])["accuracy"]
    if name in UNORDERED:
        assert abs(accuracy - 0.5) < 4 * np.sqrt(0.25 / 500)
    else:
        assert accuracy > 0.8


def test_an_lstm_learns_adding_and_transcription(tmp_path):
    adding = probes.adding(length=20, train=400, validation=100, test=100, seed=0)
    metrics = trained(adding, tmp_path / "adding", *LSTM)
    assert metrics["mse"] < 0.9 * adding.test.y.var()
    spoken = probes.transcription(length=4, noise=0.3, train=400, validation=100, test=100, seed=0)
    assert trained(spoken, tmp_path / "spoken", *LSTM)["label_error_rate"] < 0.1
