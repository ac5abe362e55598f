"""What a model says that it reads, for every kind of data, and how its input becomes rows."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import refused
from mlflow.models import validate_schema

from harness.data import Dataset, Split, from_sequences
from harness.data.new_rows import columns_of
from harness.data.preparation import TextPreparation, WordPreparation
from harness.tracking.loaded_model import rows_of
from harness.tracking.model_signature import example_of, signature_of
from harness.tracking.quiet import pyfunc

pyfunc()
WORDS = ["[PAD]", "[UNK]", "a", "film", "good"]


def features():
    x = [np.zeros((3, 5), np.float32), np.zeros((2, 5), np.float32)]
    return from_sequences(*((x, [0.5, 1.5]),) * 3, task="regression")


def tokens(classes=("bad", "good"), y=("bad", "good"), preparation=None):
    data = from_sequences(*(([[2, 3], [4, 3, 2]], y),) * 3, classes=classes, vocabulary=WORDS)
    return replace(data, preparation=preparation)


def texts(*columns):
    tokenizer = SimpleNamespace(vocabulary=WORDS, description=None)
    return tokens(preparation=TextPreparation(tokenizer, "words", False, columns, None, 7, "head"))


def tagged():
    preparation = WordPreparation(("form",), WORDS, ["[PAD]", "[UNK]", "a"], 3, 7, "head")
    return tokens(["NOUN", "VERB"], [["NOUN", "VERB"], ["VERB", "VERB", "NOUN"]], preparation=preparation)


DATA = {
    "one text": (lambda: texts("text"), {"text": "string"}, {"text": ["an example"]}),
    "two texts": (
        lambda: texts("question", "answer"),
        {"question": "string", "answer": "string"},
        {"question": ["an example"], "answer": ["an example"]},
    ),
    "words": (tagged, {"form": "Array(string)"}, {"form": [["a", "film", "good"]]}),
    "tokens": (tokens, {"tokens": "Array(string)"}, {"tokens": [["a", "film", "good"]]}),
    "features": (features, {"features": "Array(Array(Any))"}, {"features": [[[0.0] * 5, [0.0] * 5]]}),
}
OUT = {
    "classification": {"label": "string", "probability": "double", "probability_bad": "double"},
    "tagging": {"tags": "Array(string)", "probabilities": "Array(double)"},
    "regression": {"value": "double"},
}


def described(schema):
    return {column.name: str(getattr(column.type, "name", column.type)) for column in schema.inputs}


@pytest.mark.parametrize("kind", DATA)
def test_a_model_says_which_columns_it_reads_and_its_example_has_them(kind):
    make, inputs, example = DATA[kind]
    data = make()
    signature, made = signature_of(data), example_of(data)
    assert described(signature.inputs) == inputs
    assert tuple(inputs) == columns_of(data)
    assert made.to_dict("list") == example
    validate_schema(made, signature.inputs)
    outputs = described(signature.outputs)
    assert OUT[data.task].items() <= outputs.items()
    assert len(outputs) == {"classification": 4, "tagging": 2, "regression": 1}[data.task]


def test_a_list_is_rows_and_a_table_gives_its_columns():
    assert rows_of(["a", "b"], ("text",)) == ["a", "b"]
    assert rows_of(pd.DataFrame({"x": [1, 2], "text": ["a", "b"]}), ("text",)) == ["a", "b"]
    two = pd.DataFrame({"answer": ["c", "d"], "question": ["a", "b"]})
    assert rows_of(two, ("question", "answer")) == [("a", "c"), ("b", "d")]


def test_arrays_of_arrays_as_mlflow_makes_them_become_lists_and_arrays_of_numbers_stay():
    nested = np.empty(2, object)
    nested[:] = [np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    x_LD = np.zeros((0, 5), np.float32)
    rows = rows_of(pd.DataFrame({"features": pd.Series([nested, x_LD], dtype=object)}), ("features",))
    assert np.asarray(rows[0], np.float32).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert rows[1].shape == (0, 5)


def test_a_missing_row_stays_missing_and_a_missing_column_is_a_user_error():
    table = pd.DataFrame({"text": pd.Series(["a", pd.NA], dtype="string")})
    assert rows_of(table, ("text",)) == ["a", None]
    assert "lacks the column 'words'; this model reads words" in refused(rows_of, table, ("words",))


def test_the_data_set_of_a_model_with_one_short_sequence_has_an_example_of_its_length():
    short = Split(np.zeros((1, 5), np.float32), np.array([0, 1]), np.zeros(1))
    assert np.shape(example_of(Dataset(short, short, short, classes=[]))["features"][0]) == (1, 5)
