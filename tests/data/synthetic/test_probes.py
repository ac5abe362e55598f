"""The probes: labels by independent solvers, splits that share no sequence, classes in balance, and who fails where."""

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
    """The words, and the label: a class, or for tagging the labels by step, None where it does not count."""
    part = data.splits[split]
    for x_L, length, y in zip(part.x, part.length_N, part.y, strict=True):
        words = [data.vocabulary[token] for token in x_L[:length]]
        named = [None if label == -100 else data.classes[label] for label in np.atleast_1d(y)]
        yield words, named[0] if part.y.ndim == 1 else named[:length]


@pytest.mark.parametrize("name", probes.__all__)
def test_no_sequence_stands_twice_and_the_seed_of_the_data_decides(name):
    made = getattr(probes, name)
    data = made(**SIZES)
    data.check()
    assert [len(split) for split in data.splits.values()] == [401, 101, 211]
    pairs = [pair for split in data.splits.values() for pair in zip(split.x, split.length_N, strict=True)]
    rows = [x[:length].tobytes() for x, length in pairs]
    assert len(set(rows)) == len(rows) == 713
    assert made(**SIZES).hash == data.hash
    assert made(**{**SIZES, "seed": 1}).hash != data.hash


def test_splits_are_alike_where_short_sequences_are_used_up():
    """Half of the lengths have too few sequences for all splits: in the order drawn, test would have but long ones."""
    data = probes.parity(length=12, min_length=1, train=2003, validation=503, test=503, seed=0)
    mean = {name: split.length_N.mean() for name, split in data.splits.items()}
    assert abs(mean["train"] - mean["validation"]) < 0.3  # three standard errors
    assert abs(mean["train"] - mean["test"]) < 0.3


def test_a_space_that_is_too_small_is_said():
    with pytest.raises(UserError, match=r"parity .* has hardly more than 62 different sequences, but 713 are"):
        probes.parity(length=5, min_length=1, **SIZES)
    found = different("bits", lambda rng: (rng.integers(0, 2, 3), 0), 8, np.random.default_rng(0))
    assert len({tuple(bits) for bits, _ in islice(found, 8)}) == 8
    with pytest.raises(UserError, match="hardly more than 8 different"):
        next(found)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
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
def test_settings_that_make_no_probe_are_refused(name, settings, said):
    with pytest.raises(UserError, match=said):
        getattr(probes, name)(**{**SIZES, **settings})


def test_adding_is_the_sum_of_what_is_marked():
    data = probes.adding(length=23, **SIZES)
    lengths = set()
    for x_LD, length, y in zip(data.test.x, data.test.length_N, data.test.y, strict=True):
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


def test_copying_asks_for_the_symbols_at_the_front_in_order():
    data = probes.copying(length=5, gap=3, symbols=7, **SIZES)
    for words, labels in sequences(data):
        said = "".join(words[:5])
        assert "".join(words[5:]) == "_" * 3 + ">" + "_" * 4
        assert labels == [None] * 8 + list(said)
    assert len(words) == 5 + 3 + 5
    in_balance(data)


def test_selective_copying_asks_for_what_is_not_noise_in_order():
    data = probes.selective_copying(length=13, items=3, symbols=7, **SIZES)
    places = set()
    for words, labels in sequences(data):
        text = "".join(words)
        said = re.findall(r"\d", text)
        assert re.fullmatch(r"[\d_]{13}>>>", text)
        assert labels == [None] * 13 + said
        assert len(said) == 3
        places |= {match.start() for match in re.finditer(r"\d", text)}
    assert places == set(range(13))
    in_balance(data)


def test_associative_recall_asks_for_the_value_behind_each_key():
    data = probes.associative_recall(length=23, pairs=5, keys=11, values=13, **SIZES)
    for words, labels in sequences(data):
        pairs = dict(zip(words[:10:2], words[1:10:2], strict=True))
        assert len(pairs) == len(set(pairs.values())) == 5
        expected = [pairs[word] if word.startswith("k") else None for word in words[10:]]
        assert labels == [None] * 10 + expected
        assert sum(label is not None for label in labels) == 5
    in_balance(data)
    places = Counter(step for _, labels in sequences(data, "train") for step, label in enumerate(labels) if label)
    assert sum(places[step] for step in (10, 11)) > 2 * sum(places[step] for step in (21, 22))  # soon rather than late
    fillers = Counter(word for words, labels in sequences(data, "train")
                      for word, label in zip(words[10:], labels[10:], strict=True) if not label)  # fmt: skip
    assert set(fillers) == {f"v{number}" for number in range(13)}
    assert max(fillers.values()) < 1.5 * min(fillers.values())


def test_no_table_of_the_questions_in_train_answers_those_in_test():
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
    assert counted > 211 * 8  # 9 or 10 of some 20 steps, when 401 sequences leave most beginnings of 10 bits unseen


def test_majority_is_the_more_frequent_one():
    data = probes.majority(length=17, min_length=11, **SIZES)
    for words, label in sequences(data):
        ((most, _),) = Counter(words).most_common(1)
        assert label == most
        assert len(words) in (11, 13, 15, 17)
    in_balance(data)


def test_parity_is_what_a_flipping_state_ends_in():
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


def test_listops_are_what_python_makes_of_them():
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
    lists, within = 0, 0  # an argument of the outer list is one again with probability 1/4
    for words, _ in sequences(free, "train"):
        depths = np.cumsum([word.startswith("[") - (word == "]") for word in words])
        opened = sum(word.startswith("[") for word in words[1:])
        lists += opened
        within += opened + sum(depth == 1 and word.isdigit() for word, depth in zip(words, depths, strict=True))
    assert lists / within == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / within))
    shares = Counter(label for _, label in sequences(data, "train"))
    assert max(shares.values()) / 401 < 0.2
    assert min(shares.values()) / 401 > 0.04


def test_dyck_asks_for_the_bracket_that_closes_what_is_open_last():
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
    """Whether brackets close all that they open, and nothing else; if there are any."""
    text = "".join(words)
    while (shorter := re.sub("|".join(re.escape(one + other) for one, other in closing.items()), "", text)) != text:
        text = shorter
    return bool(words) and not text


def test_how_often_each_bracket_is_there_tells_nothing_of_the_answer():
    data = probes.dyck(length=12, min_length=8, train=3001, validation=1, test=1, seed=0)
    answers: dict[str, Counter] = {}
    for words, label in sequences(data, "train"):
        answers.setdefault("".join(sorted(words)), Counter())[label] += 1
    guessed = sum(max(counts.values()) for counts in answers.values() if counts.total() >= 50)
    shown = sum(counts.total() for counts in answers.values() if counts.total() >= 50)
    assert shown > 1000
    assert guessed / shown < 0.55


def test_transcription_is_read_off_where_there_is_no_noise():
    data = probes.transcription(length=7, min_length=2, symbols=5, width=3, noise=0.0, **SIZES)
    x_ND = np.concatenate([x[:length] for x, length in zip(data.test.x, data.test.length_N, strict=True)])
    assert len(np.unique(x_ND.round(4), axis=0)) == 2 * 5  # a first frame and a held one of each symbol
    first: dict[bytes, int] = {}
    repeats = 0
    for x_LD, length, y in zip(data.test.x, data.test.length_N, data.test.y, strict=True):
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


def test_the_noise_of_transcription_has_the_deviation_that_is_set():
    """Twice the noise with the same draws: what is added to each frame."""
    loud, louder = (probes.transcription(noise=noise, **SIZES).test for noise in (0.5, 1.5))
    noise = np.concatenate([
        (more - less)[:length] for more, less, length in zip(louder.x, loud.x, loud.length_N, strict=True)
    ])  # fmt: skip
    assert noise.std() == pytest.approx(1.0, rel=0.02)
    assert abs(np.corrcoef(noise[1:, 0], noise[:-1, 0])[0, 1]) < 0.05


def in_balance(data: Dataset) -> None:
    """Every class's share in train is what chance gives, within four deviations."""
    labels = data.train.y[data.train.y != -100]
    share, wanted = np.bincount(labels, minlength=len(data.classes)) / len(labels), 1 / len(data.classes)
    assert np.abs(share - wanted).max() < 4 * np.sqrt(wanted * (1 - wanted) / len(labels))


LSTM = ("encoder=lstm", "encoder.hidden_size=32")
ATTENTION = ("encoder=self_attention", "encoder.hidden_size=32")
SIGHTED = {"lstm": LSTM, "attention with positions": (*ATTENTION, "position=sinusoidal")}
BLIND = {"bag of embeddings": ("encoder=bag_of_embeddings",), "attention": ATTENTION}


def outputs(data: Dataset, x_NL: np.ndarray, *settings: str) -> np.ndarray:
    """What a model that was never trained makes of sequences of full length."""
    model = build(compose(*settings, "input.size=16"), data, 0).eval()
    with torch.no_grad():
        return model(torch.from_numpy(x_NL), torch.full((len(x_NL),), x_NL.shape[1])).numpy()


@pytest.mark.parametrize("name", [*BLIND, *SIGHTED])
def test_who_is_blind_to_order_gives_the_same_answer_to_every_order(name):
    data = probes.dyck(length=12, min_length=12, **SIZES)
    shuffled_NL = np.random.default_rng(0).permuted(data.test.x, axis=1)
    one, other = (outputs(data, x_NL, *{**BLIND, **SIGHTED}[name]) for x_NL in (data.test.x, shuffled_NL))
    assert np.allclose(one, other, atol=1e-5) == (name in BLIND)


def test_attention_without_positions_gives_one_answer_to_all_that_copying_asks():
    data = probes.copying(length=5, gap=3, **SIZES)
    asked_NLC = outputs(data, data.test.x, *BLIND["attention"])[:, -2:]
    np.testing.assert_allclose(asked_NLC[:, 0], asked_NLC[:, 1], atol=1e-5)
    placed_NLC = outputs(data, data.test.x, *SIGHTED["attention with positions"])[:, -2:]
    assert np.abs(placed_NLC[:, 0] - placed_NLC[:, 1]).max() > 1e-3


def trained(data: Dataset, folder: Path, *settings: str) -> dict[str, float]:
    """The scores on test after a few epochs."""
    config = compose(*settings, "input.size=32", "optimizer.lr=0.01", "trainer.epochs=8")
    backend = Backend(config, HARDWARE)
    backend.seed(0)
    backend.build(data, 0)
    backend.fit(data, StepTimer(time.perf_counter, backend.sync, warmup_steps=0), folder, lambda numbers: None)
    return task_of(data).evaluate([(backend.predict(data.test), data.test.y, data.test.length_N)])


@pytest.mark.parametrize("name", [*BLIND, "lstm"])
def test_where_order_matters_who_is_blind_to_it_stays_at_chance(tmp_path, name):
    data = probes.dyck(length=10, train=800, validation=200, test=500, seed=0)
    accuracy = trained(data, tmp_path, *{**BLIND, **SIGHTED}[name])["accuracy"]
    if name in BLIND:
        assert abs(accuracy - 0.5) < 4 * np.sqrt(0.25 / 500)
    else:
        assert accuracy > 0.8


def test_a_regression_learns_and_a_transcription_too(tmp_path):
    adding = probes.adding(length=20, train=400, validation=100, test=100, seed=0)
    found = trained(adding, tmp_path / "adding", *LSTM)
    assert found["mse"] < 0.9 * adding.test.y.var()
    spoken = probes.transcription(length=4, noise=0.3, train=400, validation=100, test=100, seed=0)
    assert trained(spoken, tmp_path / "spoken", *LSTM)["label_error_rate"] < 0.1
