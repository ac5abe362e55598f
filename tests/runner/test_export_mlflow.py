"""``--format mlflow``: what is compared, and what is refused."""

import pandas as pd
import pytest
from conftest import refused

from harness.runner.export.mlflow_model import check_answers

OWN = pd.DataFrame(
    {"label": ["a", "b"], "probability": [0.25, 0.5], "probabilities": pd.Series([[0.5, 0.25], [1.0]], dtype=object)}
)


def changed(**columns):
    return OWN.assign(**{name: pd.Series(values) for name, values in columns.items()})


def test_equal_answers_pass_also_where_the_last_digits_differ():
    check_answers(OWN, OWN.copy(), regression=False)
    check_answers(OWN, changed(probability=[0.25005, 0.5]), regression=False)
    check_answers(OWN, changed(probabilities=[[0.5, 0.25005], [1.0]]), regression=False)


@pytest.mark.parametrize(
    "other",
    [
        changed(label=["a", "a"]),
        changed(probability=[0.2502, 0.5]),
        changed(probability=[float("nan"), 0.5]),
        changed(probabilities=[[0.5, 0.2502], [1.0]]),
        changed(probabilities=[[0.5], [1.0]]),
        OWN.drop(columns="label"),
        OWN.iloc[:1],
    ],
    ids=["label", "probability", "not a number", "in a list", "length of a list", "column", "row"],
)
def test_other_answers_are_refused(other):
    assert "the exported model answers otherwise than the run: " in refused(check_answers, OWN, other, False)


def test_a_regressions_answers_are_compared_by_their_size():
    own = pd.DataFrame({"value": [1000.0, 0.0]})
    check_answers(own, pd.DataFrame({"value": [1000.09, 0.00009]}), regression=True)
    assert "value" in refused(check_answers, own, pd.DataFrame({"value": [1000.2, 0.0]}), True)
    assert "value" in refused(check_answers, own, pd.DataFrame({"value": [1000.09, 0.0]}), False)
