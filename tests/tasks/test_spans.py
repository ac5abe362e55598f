"""Span F1 against seqeval, and by hand; which tags mark spans."""

import numpy as np
import pytest
from seqeval.metrics import f1_score as seqeval_f1
from seqeval.scheme import BILOU, IOBES

from harness.tasks import task as tasks
from harness.tasks.spans import as_bioes, f1_span, unread_spans

BIO = ["B-LOC", "B-PER", "I-LOC", "I-PER", "O"]


def one_hot(rows):
    """Logits whose highest classes are these tags; the padding of a row is predicted as a span, too."""
    numbers = [[BIO.index(tag) for tag in row] + [1] * (5 - len(row)) for row in rows]
    return np.eye(len(BIO), dtype=np.float32)[numbers]


def numbered(rows):
    return np.array([[BIO.index(tag) for tag in row] + [-100] * (5 - len(row)) for row in rows])


TRUE = [["B-PER", "I-PER", "O", "B-LOC", "O"], ["B-LOC", "B-LOC"], ["O", "O", "O"]]
FOUND = [["B-PER", "I-PER", "O", "B-PER", "O"], ["B-LOC", "I-LOC"], ["O", "O", "B-LOC"]]


def test_a_span_is_right_where_kind_beginning_and_end_are():
    # four true spans, four found, and of these one is right: the first person
    assert f1_span([(one_hot(FOUND), numbered(TRUE))], BIO) == pytest.approx(2 * 1 / (4 + 4))
    assert f1_span([(one_hot(TRUE), numbered(TRUE))], BIO) == 1
    assert f1_span([(one_hot([["O"] * len(row) for row in TRUE]), numbered(TRUE))], BIO) == 0


def test_span_f1_is_seqevals_whatever_the_batches():
    rng = np.random.default_rng(0)
    rows = [[BIO[number] for number in rng.integers(0, 5, rng.integers(1, 6))] for _ in range(61)]
    answers = [[tag if rng.random() < 0.7 else BIO[rng.integers(5)] for tag in row] for row in rows]
    batches = [(one_hot(answers[i : i + 7]), numbered(rows[i : i + 7])) for i in range(0, 61, 7)]
    expected = seqeval_f1(rows, answers)
    assert 0.2 < expected < 0.9
    assert f1_span(batches, BIO) == pytest.approx(expected)


def test_bare_tags_are_spans_of_one_kind_without_a_name():
    classes = ["B", "I", "O"]
    numbers = {name: number for number, name in enumerate(classes)}
    true = np.array([[numbers[tag] for tag in "BIOBO"], [numbers[tag] for tag in "BBIIO"]])
    found = np.array([[numbers[tag] for tag in "BIOBI"], [numbers[tag] for tag in "BBIIO"]])
    # four true spans, four found, three of them right: the last of the first row is too long
    assert f1_span([(np.eye(3, dtype=np.float32)[found], true)], classes) == pytest.approx(2 * 3 / (4 + 4))


@pytest.mark.parametrize(
    ("classes", "spans"),
    [
        (BIO, True),
        (["B-X", "O"], True),
        (["NOUN", "VERB"], False),
        (["I-X", "O"], True),
        (["O"], False),
        (["B-X", "O", "X"], False),
        (["B", "I", "O"], True),
        (["I", "O"], True),
        (["B-X", "I", "O"], False),
        (["A", "B", "O"], False),
        (["B-X", "E-X", "I-X", "O"], True),
        (["O", "S-X"], True),
        (["B-X", "I-X", "L-X", "O", "U-X"], True),
        (["B-X", "M-X", "E-X", "W-X"], True),
        (["B", "E", "M", "S"], True),
        (["L", "M", "S"], False),
        (["L-X", "S-X", "O"], False),
        (["B-X", "F-X", "O"], False),
        (["I-X", "I", "O"], False),
        (["B_X", "I_X", "O"], False),
        (["X-B", "X-I", "O"], False),
    ],
)
def test_labels_are_spans_where_each_is_bio(classes, spans):
    assert (as_bioes(classes) is not None) == spans
    task = tasks.TASKS["tagging"](classes, None)
    assert task.monitor("auto") == ("val/f1_span" if spans else "val/accuracy")
    labels_NL = np.zeros((1, 3), int)
    logits_NLC = np.eye(len(classes), dtype=np.float32)[labels_NL]
    assert set(task.evaluate([(logits_NLC, labels_NL, np.array([3]))])) == set(task.scores)
    assert ("f1_span" in task.scores) == spans


NAMES = {"BIOES": "BIES", "BILOU": "BILU", "BMEWO": "BMEW"}
"""Begin, inside, end and single of each scheme."""


def well_formed(rng, names, sentences=67):
    """Sentences of spans of 1 to 4 words and two kinds, in the prefixes ``names``."""
    begin, inside, end, single = names
    rows = []
    for _ in range(sentences):
        row = []
        while len(row) < 11:
            kind, length = rng.choice(["-X", "-Y"]), rng.integers(0, 5)
            row += [single + kind] if length == 1 else ["O"]
            if length > 1:
                row += [begin + kind, *[inside + kind] * (length - 2), end + kind]
        rows.append(row)
    return rows


def scored(true, found, tags):
    width, number = max(map(len, true)), {tag: place for place, tag in enumerate(tags)}
    y = np.array([[number[tag] for tag in row] + [-100] * (width - len(row)) for row in true])
    answers = np.array([[number[tag] for tag in row] + [0] * (width - len(row)) for row in found])
    return f1_span([(np.eye(len(tags), dtype=np.float32)[answers], y)], as_bioes(tags))


def all_tags(names):
    return [*(f"{prefix}-{kind}" for prefix in names for kind in "XY"), "O"]


@pytest.mark.parametrize("scheme", NAMES)
def test_spans_of_every_scheme_count_alike_and_as_seqeval_counts(scheme):
    rng = np.random.default_rng(0)
    plain = well_formed(rng, NAMES["BIOES"])
    other = [[tag if rng.random() < 0.9 else "O" for tag in row] for row in plain]  # some spans lose a word
    rename = str.maketrans(NAMES["BIOES"], NAMES[scheme])
    true, found = ([[tag[0].translate(rename) + tag[1:] for tag in row] for row in rows] for rows in (plain, other))
    score = scored(true, found, all_tags(NAMES[scheme]))
    assert score == pytest.approx(seqeval_f1(plain, other))
    assert 0.3 < score < 0.95


@pytest.mark.parametrize(("scheme", "strict"), [("BIOES", IOBES), ("BILOU", BILOU)])
def test_of_well_formed_spans_the_strict_count_is_the_same(scheme, strict):
    rng = np.random.default_rng(1)
    true = well_formed(rng, NAMES[scheme])
    # a whole span is dropped or changes its kind, so that all stay well formed
    found = [row if rng.random() < 0.6 else [tag.replace("-X", "-Y") for tag in row] for row in true]
    found = [row if rng.random() < 0.8 else ["O"] * len(row) for row in found]
    score = scored(true, found, all_tags(NAMES[scheme]))
    assert score == pytest.approx(seqeval_f1(true, found, mode="strict", scheme=strict))
    assert 0.3 < score < 0.95


def test_spans_of_a_tag_that_train_never_saw_are_missed():
    tags = [*BIO, "B-ORG"]  # the last has no output
    logits, y = one_hot([["B-PER", "O", "B-LOC"]])[:, :3], np.array([[1, 4, 5]])
    expected = seqeval_f1([["B-PER", "O", "B-ORG"]], [["B-PER", "O", "B-LOC"]])
    assert f1_span([(logits, y)], tags) == pytest.approx(expected) == pytest.approx(0.5)
    task = tasks.TASKS["tagging"](BIO, None, ["B-ORG"])
    assert task.evaluate([(logits, y, np.array([3]))])["f1_span"] == pytest.approx(0.5)
    odd = tasks.TASKS["tagging"](BIO, None, ["ORG"])
    assert "f1_span" not in odd.evaluate([(logits, y, np.array([3]))])


@pytest.mark.parametrize(
    ("tags", "named"),
    [
        (["B_PER", "I_PER", "O"], "B_PER"), (["O", "PER-B", "PER-I"], "PER-B"), (["LOC_B", "LOC_I"], "LOC_B"),
        (["B-X", "I", "O"], "I"), (["B-X", "NOUN", "O"], "NOUN"), (BIO, None), (["NOUN", "VERB"], None),
        (["b-per", "i-per", "o"], "b-per"), (["B", "E", "M", "S"], None), (["nsubj", "nsubj:pass"], None),
    ],
)  # fmt: skip
def test_tags_that_look_like_spans_and_are_of_no_scheme_are_named(tags, named):
    assert unread_spans(tags) == named
