"""The baselines of backend=sklearn, against scikit-learn used directly, and against tables computed by hand.

Dimension letters: N sequences, F n-grams, C classes.
"""

import numpy as np
import pytest
from experiments import composed, fitted, ready
from scipy import sparse
from scipy.special import expit, log_softmax, softmax
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from harness.backends.sklearn import inputs, training
from harness.backends.sklearn.encoders import nb_svm, tfidf_logreg
from harness.backends.sklearn.inputs import NGrams
from harness.backends.sklearn.layers import Linear
from harness.backends.sklearn.model import Fitting
from harness.data import from_sequences
from harness.records import store
from harness.tasks import ctc
from harness.tasks.task import task_of

WIDTH = 11
WORDS = {"token_pattern": r"\S+", "lowercase": False}
VOCABULARY = [str(number) for number in range(WIDTH)]


def rows_of(count: int, seed: int) -> list[np.ndarray]:
    """Sequences of 0 to 12 token ids; every third begins with the token 10."""
    rng = np.random.default_rng(seed)
    made = [rng.integers(0, WIDTH - 1, rng.integers(0, 13)) for _ in range(count)]
    return [np.append(10, row) if number % 3 == 0 else row for number, row in enumerate(made)]


def texts(rows) -> list[str]:
    return [" ".join(map(str, row)) for row in rows]


def labelled(rows, classes: int) -> list[int]:
    rng = np.random.default_rng(len(rows))
    return [(int(row.sum()) + int(rng.integers(0, 2))) % classes for row in rows]


def data_of(classes: int = 3, task: str | None = None):
    """Train, validation and test of 61, 23 and 19 rows."""
    splits = []
    for seed, count in enumerate((61, 23, 19)):
        rows = rows_of(count, seed)
        y = labelled(rows, classes)
        splits.append((rows, [list(range(label)) for label in y] if task == "multilabel" else y))
    if task == "multilabel":
        return from_sequences(*splits, classes=list(range(classes - 1)), vocabulary=VOCABULARY, task=task)
    return from_sequences(*splits, classes=list(range(classes)), vocabulary=VOCABULARY)


def outputs(encoder: str, data, folder, *overrides: str) -> np.ndarray:
    """The outputs on test after a fit."""
    made = ready(data, f"encoder={encoder}", *overrides, backend="sklearn")
    fitted(made, data, folder)
    return made.predict(data.test)


@pytest.mark.parametrize("tokens", [1_000_000, 7])
@pytest.mark.parametrize(("longest", "min_rows", "most"), [(1, 1, None), (2, 1, None), (3, 2, None), (2, 2, 13)])
def test_n_grams_are_counted_as_by_scikit_learn_however_many_tokens_at_a_time(
    monkeypatch, tokens, longest, min_rows, most
):
    monkeypatch.setattr(inputs, "TOKENS", tokens)
    train, test = rows_of(61, 0), rows_of(19, 1)
    reference = CountVectorizer(ngram_range=(1, longest), min_df=min_rows, **WORDS)
    expected = [reference.fit_transform(texts(train)).toarray(), reference.transform(texts(test)).toarray()]

    data = data_of()
    ngrams = NGrams(longest, WIDTH)
    ngrams.learn(data.train.x, data.train.offsets, min_rows, most)
    keys = [_key(name, WIDTH) for name in reference.get_feature_names_out()]
    order = np.argsort(keys)
    if most is not None:
        rows_F = (expected[0][:, order] > 0).sum(0)
        order = order[np.sort(np.argsort(-rows_F, kind="stable")[:most])]
    assert ngrams.keys_F.tolist() == np.array(keys)[order].tolist()
    test_split = from_sequences((train, [0, 1] * 30 + [0]), ([], []), (test, [0] * 19), classes=[0, 1],
                                vocabulary=VOCABULARY).test  # fmt: skip
    for split, counts in ((data.train, expected[0]), (test_split, expected[1])):
        found = ngrams.counts(split.x, split.offsets)
        assert isinstance(found, sparse.csr_matrix)
        np.testing.assert_array_equal(found.toarray(), counts[:, order])


def _key(name: str, width: int) -> int:
    key = 0
    for token in name.split():
        key = key * (width + 1) + int(token) + 1
    return key


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("weights", ["null", "balanced"])
def test_tfidf_logreg_gives_the_probabilities_of_scikit_learns_pipeline(tmp_path, classes, weights):
    data = data_of(classes)
    train, test = rows_of(61, 0), rows_of(19, 2)
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, **WORDS),
        LogisticRegression(C=3.0, max_iter=1000, class_weight=None if weights == "null" else weights),
    )
    expected = pipeline.fit(texts(train), labelled(train, classes)).predict_proba(texts(test))
    found = outputs("tfidf_logreg", data, tmp_path, "encoder.C=3", f"data.class_weights={weights}")
    np.testing.assert_allclose(softmax(found.astype(float), 1), expected, atol=2e-4)


def test_of_several_labels_each_has_a_regression_of_its_own(tmp_path):
    data = data_of(4, task="multilabel")
    pipeline = make_pipeline(
        TfidfVectorizer(min_df=1, sublinear_tf=False, **WORDS), OneVsRestClassifier(LogisticRegression(C=2.0))
    )
    expected = pipeline.fit(texts(rows_of(61, 0)), data.train.y.astype(int)).predict_proba(texts(rows_of(19, 2)))
    found = outputs("tfidf_logreg", data, tmp_path, "encoder.C=2", "encoder.ngrams=1", "encoder.min_rows=1",
                    "encoder.sublinear_tf=false", "encoder.max_features=null")  # fmt: skip
    np.testing.assert_allclose(expit(found.astype(float)), expected, atol=2e-4)


def test_the_log_count_ratio_is_that_of_the_paper_computed_by_hand():
    f_NF = sparse.csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [0, 1, 1.0]]))
    found = nb_svm.log_count_ratio(f_NF, np.array([True, True, False]))
    # p = 1 + (2, 1, 0) = (3, 2, 1) of 6; q = 1 + (0, 1, 1) = (1, 2, 2) of 5
    np.testing.assert_allclose(np.exp(found), [(3 / 6) / (1 / 5), (2 / 6) / (2 / 5), (1 / 6) / (2 / 5)])


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("beta", [0.25, 1.0])
def test_nb_svm_decides_as_machines_on_scaled_occurrences_do(tmp_path, classes, beta):
    train, test = rows_of(61, 0), rows_of(19, 2)
    words = CountVectorizer(ngram_range=(1, 2), min_df=2, binary=True, **WORDS)
    f_NF, f_test = words.fit_transform(texts(train)).toarray(), words.transform(texts(test)).toarray()
    y = np.array(labelled(train, classes))
    margins = []
    for label in range(classes) if classes > 2 else [1]:
        p_F, q_F = 1 + f_NF[y == label].sum(0), 1 + f_NF[y != label].sum(0)
        r_F = np.log(p_F / p_F.sum() / (q_F / q_F.sum()))
        machine = LinearSVC(C=0.5, max_iter=10_000, random_state=0, dual=True).fit(f_NF * r_F, y == label)
        w_F = machine.coef_[0]
        mixed = (1 - beta) * np.abs(w_F).mean() + beta * w_F
        margins.append((f_test * r_F) @ mixed + machine.intercept_[0])
    expected = np.stack(margins, 1)
    expected = expected if classes > 2 else np.concatenate([-expected, expected], 1) / 2
    found = outputs("nb_svm", data_of(classes), tmp_path, "encoder.C=0.5", f"encoder.beta={beta}")
    scale = (found * expected).sum() / (expected**2).sum()  # one number, chosen on validation
    assert scale > 0
    np.testing.assert_allclose(found, scale * expected, atol=2e-3 * np.abs(found).max())


def test_margins_are_scaled_to_the_lowest_loss_on_validation():
    rng = np.random.default_rng(0)
    odds = rng.normal(scale=3, size=4001)
    y = (rng.random(4001) < expit(odds)).astype(int).tolist()
    rows = [[2]] * 4001
    data = from_sequences((rows, y), (rows, y), (rows, y), classes=[0, 1], vocabulary=VOCABULARY)
    margins = np.stack([-odds, odds], 1) / 2 / 7
    assert training.scale_of(margins, task_of(data), data.validation) == pytest.approx(7, rel=0.1)
    assert training.scale_of(margins, task_of(data), from_sequences(
        (rows, y), ([], []), (rows, y), classes=[0, 1], vocabulary=VOCABULARY).validation) == 1.0  # fmt: skip


def planted() -> Fitting:
    """Four rows of validation, of the classes 0, 1, 1, 1."""
    rows = [[2], [3], [3], [3]]
    data = from_sequences((rows, [0, 1, 1, 1]), (rows, [0, 1, 1, 1]), (rows, [1, 0, 0, 0]), classes=[0, 1],
                          vocabulary=VOCABULARY)  # fmt: skip
    return Fitting(data, task_of(data), "val/accuracy", 0, None)


def test_the_candidate_that_is_right_most_often_on_validation_is_kept_and_of_equals_that_of_lower_loss(capfd):
    right = np.array([[1.0, 0], [0, 1], [0, 1], [0, 1]])
    candidates = {1: -right, 2: right, 4: 3 * right, 8: 2 * right, 16: -2 * right}
    choice = training.Choice(planted())
    for C, logits_NC in candidates.items():
        choice.offer({"C": C}, f"made with {C}", logits_NC)
    choice.say_best_of(5)
    choice.say_if_at_the_end("C", list(candidates))
    assert choice.best == "made with 4"
    assert [one["val/accuracy"] for one in choice.tried] == [0, 1, 1, 1, 0]
    assert choice.tried[1]["val/loss"] == pytest.approx(-log_softmax([1, 0])[0])
    said = capfd.readouterr().err
    assert said.startswith("encoder.C=4: val/accuracy 1, the best of 5 (")
    assert "tried" not in said
    choice.offer({"C": 32}, "the largest", 99 * right)
    choice.say_if_at_the_end("C", [*candidates, 32])
    assert "encoder.C=32 is the largest value that was tried; one beyond it may be better" in capfd.readouterr().err


@pytest.mark.parametrize("encoder", ["tfidf_logreg", "nb_svm"])
def test_a_fit_keeps_the_candidate_with_the_best_score_on_validation(tmp_path, encoder):
    data = data_of(3)
    made = ready(data, f"encoder={encoder}", "encoder.C=[0.001,0.3,90]", backend="sklearn")
    (history, best), _ = fitted(made, data, tmp_path)
    tried = store.load_json(tmp_path / training.CANDIDATES)
    assert len(tried) == (3 if encoder == "tfidf_logreg" else 9)
    assert best == 1
    assert len({one["val/accuracy"] for one in tried}) > 1
    assert history[0]["val/accuracy"] == max(one["val/accuracy"] for one in tried)


def test_a_solver_that_stops_early_is_said_and_is_no_warning(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(tfidf_logreg, "MOST_ITERATIONS", 1)
    outputs("tfidf_logreg", data_of(), tmp_path, "encoder.C=9")
    assert "encoder.C=9: the solver stopped before it converged; its last weights are used" in capfd.readouterr().err


@pytest.mark.parametrize("encoder", ["tfidf_logreg", "nb_svm"])
def test_a_label_that_every_row_has_or_none_is_answered_without_a_fit(tmp_path, encoder):
    rows = [[2, 3], [3, 4], [4, 5], [5, 2]] * 3
    sets = [["all", "some"], ["all"]] * 6
    data = from_sequences((rows, sets), (rows, sets), (rows, sets), classes=["all", "some"], vocabulary=VOCABULARY,
                          task="multilabel")  # fmt: skip
    found = outputs(encoder, data, tmp_path, "encoder.C=100")
    assert (found[:, 0] > 0).all()
    assert ((found[:, 1] > 0) == (data.test.y[:, 1] > 0)).all()


def test_the_dummy_is_scikit_learns_of_classes_tags_labels_and_numbers(tmp_path):
    data = data_of(3)
    reference = DummyClassifier(strategy="prior").fit(np.zeros((61, 1)), data.train.y)
    found = outputs("dummy", data, tmp_path)
    np.testing.assert_allclose(np.exp(found), np.tile(reference.predict_proba([[0]]), (19, 1)), rtol=1e-6)
    assert (found.argmax(1) == reference.predict(np.zeros((19, 1)))).all()

    several = data_of(4, task="multilabel")
    reference = DummyClassifier(strategy="most_frequent").fit(np.zeros((61, 1)), several.train.y)
    found = outputs("dummy", several, tmp_path)
    assert ((found > 0) == reference.predict(np.zeros((19, 1)))).all()
    np.testing.assert_allclose(expit(found[0]), several.train.y.mean(0), rtol=1e-6)

    x = [[2, 3], [4], [3, 3, 3]]
    tags = from_sequences(*[(x, [["a", None], ["b"], ["b", "a", "b"]])] * 3, classes=["a", "b"], vocabulary=VOCABULARY)
    found = outputs("dummy", tags, tmp_path)
    np.testing.assert_allclose(np.exp(found[2]), [[2 / 5, 3 / 5]] * 3, rtol=1e-6)

    numbers = from_sequences(*[(x, [1.5, 2.5, 11.0])] * 3, vocabulary=VOCABULARY, task="regression",
                             standardise_labels=True)  # fmt: skip
    reference = DummyRegressor().fit(np.zeros((3, 1)), numbers.train.y)
    np.testing.assert_allclose(outputs("dummy", numbers, tmp_path)[:, 0], reference.predict(np.zeros((3, 1))))


@pytest.mark.parametrize(
    ("labels", "answer"),
    [([["a"], ["b"], ["a"]], []), ([["a", "b", "a"], ["b", "a"], ["a", "b"]], [0])],
    ids=["most steps have no label", "most steps have one"],
)
def test_the_dummy_of_label_sequences_gives_the_most_frequent_symbol_of_a_step(tmp_path, labels, answer):
    x = [[2, 3, 4, 5], [3, 4, 2], [4, 5, 2]]
    data = from_sequences(*[(x, labels)] * 3, classes=["a", "b"], vocabulary=VOCABULARY, task="ctc")
    found = outputs("dummy", data, tmp_path)
    assert ctc.decode(found, data.test.length_N) == [answer] * 3
    count = sum(map(len, labels))
    assert np.exp(found[0, 0, 2]) == pytest.approx((10 - count) / 10)
    scores = task_of(data).evaluate([(found, data.test.labels(), data.test.length_N)])
    assert scores["label_error_rate"] == pytest.approx(1 if not answer else (count - 3) / count)
    assert np.isfinite(scores["loss"])


def test_the_configs_have_the_defaults_of_the_classes():
    for name, made in (("tfidf_logreg", tfidf_logreg.TfidfLogreg), ("nb_svm", nb_svm.NbSvm)):
        settings = composed(f"encoder={name}").encoder
        own = {key: value for key, value in settings.items() if not key.startswith("_")}
        given, default = made(WIDTH, **own), made(WIDTH)
        assert {**vars(given), "C": list(given.C)}.keys() == vars(default).keys()
        assert list(given.C) == list(default.C)
        assert (given.min_rows, given.max_features) == (default.min_rows, default.max_features)


def test_linear_decisions_are_products_and_a_bias():
    made = Linear(np.array([[1.0, -1], [2, 0]]), np.array([0.5, 0]))
    np.testing.assert_array_equal(made(sparse.csr_matrix([[3.0, 1]])), [[5.5, -3]])
