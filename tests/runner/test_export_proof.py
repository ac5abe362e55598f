"""The proof of an exported model: which sequences it compares, and that no fault passes it."""

import dataclasses

import numpy as np
import pytest

from harness.backends.exported import graph_inputs
from harness.data import from_sequences
from harness.data.characters import Characters
from harness.errors import UserError
from harness.runner.export.proof import TOLERANCE, proof_rows, prove


def words(longest):
    """Token ids of a vocabulary of 11, the longest sequence of ``longest``."""
    x = [[2, 3], [4] * longest]
    return from_sequences((x, ["a", "b"]), (x, ["a", "b"]), (x, ["a", "b"]), classes=["a", "b"],
                          vocabulary=["[PAD]", "[UNK]", *"abcdefghi"])  # fmt: skip


def sums(split):
    """The outputs of a model that adds the ids of a sequence, ``N1``."""
    return np.array([[float(split.sequence(row).sum())] for row in range(len(split))])


def test_the_sequences_have_1_7_and_the_most_steps_odd_numbers_between_none_and_more():
    split = proof_rows(words(64), most=129)
    assert split.length_N.tolist() == [0, 1, 7, 33, 43, 64, 129]
    assert split.x.min() >= 1
    assert split.x.max() <= 10


def test_short_data_and_a_model_that_reads_no_more_than_its_data_are_compared_at_their_own_lengths():
    assert proof_rows(words(3), most=68).length_N.tolist() == [0, 1, 3, 7, 68]
    assert proof_rows(words(2)).length_N.tolist() == [0, 1, 2]
    assert proof_rows(words(64), most=70).length_N.tolist() == [0, 1, 7, 33, 43, 64, 70]


def test_the_steps_are_those_of_real_rows_where_they_are_there():
    data = words(5)
    split = proof_rows(data, data.validation)  # [2, 3] and [4] * 5
    assert [split.sequence(row).tolist() for row in range(len(split))] == [[], [2], [2, 3, 4], [4] * 5]


def test_characters_come_with_the_words():
    x = [[2, 3, 4]]
    tags = (x, [["a", "b", "a"]])
    data = from_sequences(tags, tags, tags, classes=["a", "b"], vocabulary=["[PAD]", "[UNK]", *"xyz"])
    characters = Characters(np.array([1, 2, 3], np.int32), np.array([[0, 0], [2, 0], [3, 3], [4, 2]], np.int32))
    train = dataclasses.replace(data.train, characters=characters)
    data = dataclasses.replace(data, train=train, alphabet=["[PAD]", "[UNK]", *"pqr"])
    real = proof_rows(data, train)
    assert graph_inputs(real, np.array([2]))["characters"].tolist() == [[[2, 0], [3, 3], [4, 2]]]
    spelt = graph_inputs(proof_rows(data), np.array([2]))["characters"]
    assert spelt.shape == (1, 3, 2)
    assert (spelt[:, :, 0] > 0).all()


def test_every_sequence_is_compared_alone_and_in_batches_of_5_with_padding():
    split = proof_rows(words(64), most=129)
    seen = []

    def exported(inputs):
        seen.append((inputs["x"].shape, inputs["length"].tolist()))
        return inputs["x"].sum(1, keepdims=True) + 5e-5

    assert prove(split, sums(split), exported, regression=False) == pytest.approx(5e-5)
    alone = [((1, max(1, length)), [length]) for length in (0, 1, 7, 33, 43, 64, 129)]
    assert seen == [*alone, ((5, 129), [129, 64, 7, 1, 0]), ((5, 7), [0, 1, 7, 1, 0])]


def fixed_length(inputs):
    """As an exporter bakes in the 7 steps of its example: what comes after is not read."""
    return inputs["x"][:, :7].sum(1, keepdims=True)


def reads_padding(inputs):
    """Adds the number of steps, padding included, less that of the example."""
    return inputs["x"].sum(1, keepdims=True) + (inputs["x"].shape[1] != inputs["length"][:, None])


def one_at_a_time(inputs):
    """Gives every sequence of a batch the output of the first, as a dropped batch dimension does."""
    return inputs["x"].sum(1, keepdims=True)[:1].repeat(len(inputs["x"]), 0)


def refuses_one_step(inputs):
    """A graph with a guard."""
    if inputs["x"].shape[1] == 1:
        raise AssertionError("Guard failed: x.size()[1] >= 2\nand more")
    return inputs["x"].sum(1, keepdims=True)


def nothing(inputs):
    """Not a number, which no comparison calls larger than anything."""
    return np.full((len(inputs["x"]), 1), np.nan)


@pytest.mark.parametrize(
    ("exported", "message"),
    [
        (fixed_length, "differs from the run by .* for one sequence of length 33, and 0.0001 is allowed"),
        (reads_padding, "for 5 sequences of lengths 129, 64, 7, 1, 0, and"),
        (one_at_a_time, "for 5 sequences of lengths 129, 64, 7, 1, 0, and"),
        (refuses_one_step, r"fails for one sequence of length 0: Guard failed: x.size\(\)\[1\] >= 2$"),
        (nothing, "differs from the run by nan for one sequence of length 0"),
        (lambda inputs: np.zeros(1), r"gives \(1,\) for one sequence of length 0, the run \(1, 1\)"),
    ],
    ids=["fixed length", "reads padding", "one at a time", "refuses one step", "not a number", "shape"],
)
def test_a_planted_fault_is_found_and_placed(exported, message):
    split = proof_rows(words(64), most=129)
    outputs = sums(split)
    if exported is reads_padding:  # right wherever a sequence stands alone, but for the empty one
        outputs[0] += 1
    with pytest.raises(UserError, match=message):
        prove(split, outputs, exported, regression=False)


def test_a_regression_in_large_units_is_compared_by_its_largest_output():
    split = proof_rows(words(64), most=129)
    outputs = sums(split)

    def off(share):
        return lambda inputs: inputs["x"].sum(1, keepdims=True) + share * outputs.max()

    difference = prove(split, outputs, off(0.9 * TOLERANCE), regression=True)
    assert difference == pytest.approx(0.9 * TOLERANCE * outputs.max())
    with pytest.raises(UserError, match="differs from the run"):
        prove(split, outputs, off(1.1 * TOLERANCE), regression=True)
    with pytest.raises(UserError, match="differs from the run"):
        prove(split, outputs, off(0.9 * TOLERANCE), regression=False)
