"""Quality against training rows: which runs share a curve, its points, and its power law."""

import pytest
from made_records import made, over_seeds
from pages import Page

from harness.analysis.comparison import compare
from harness.analysis.training_rows import PowerLaw, curves_over_rows, fitted
from harness.report import tables, training_rows
from harness.report.html import html


def of_size(encoder, rows, accuracies, test=200, content="a", config=None, **more):
    """Runs with ``rows`` rows of train; each size has a data hash of its own, as its vocabulary makes it."""
    data = {
        "hash": f"{content}{rows}", "source": "a.csv", "sizes": {"train": rows, "validation": 100, "test": test},
    }  # fmt: skip
    return over_seeds(encoder, accuracies, data=data, config={"data.train_limit": rows, **(config or {})}, **more)


def curves_of(records):
    """The curves of these runs: by the section's title, each curve's name and its points."""
    return {
        curves.title: {curve.name: {rows: mean.mean for rows, mean in curve.points.items()} for curve in curves.curves}
        for curves in curves_over_rows(compare(records, "x").groups)
    }


def test_a_power_law_is_recovered():
    assert fitted({100: 0.4, 400: 0.2, 1600: 0.1}) == PowerLaw(pytest.approx(4.0), pytest.approx(0.5))
    assert PowerLaw(4.0, 0.5).error(6400) == pytest.approx(0.05)


@pytest.mark.parametrize("errors", [{100: 0.4, 400: 0.2}, {100: 0.4, 400: 0.2, 1600: 0.0}])
def test_two_sizes_or_an_error_of_0_have_no_power_law(errors):
    assert fitted(errors) is None


def test_each_encoder_has_a_curve_over_the_sizes_the_best_one_first():
    records = [
        *of_size("gru", 100, [0.5, 0.6]), *of_size("gru", 400, [0.6, 0.7]),
        *of_size("lstm", 100, [0.6, 0.6]), *of_size("lstm", 400, [0.8, 0.8]), *of_size("lstm", 1600, [0.9, 0.9]),
    ]  # fmt: skip
    (curves,) = curves_over_rows(compare(records, "x").groups)
    lstm, gru = curves.curves
    assert (lstm.name, {rows: mean.mean for rows, mean in lstm.points.items()}) == (
        "lstm", {100: 0.6, 400: 0.8, 1600: pytest.approx(0.9)}
    )  # fmt: skip
    assert gru.points[100].mean == pytest.approx(0.55)
    assert lstm.fit.exponent == pytest.approx(0.5)  # 0.4, 0.2, 0.1 at four times the rows each
    words = dict(zip(training_rows.columns(curves), next(training_rows.table(curves)), strict=True))
    assert words["1,600 rows"] == "0.900 ±0.045"  # two equal shares of 200 rows may differ by a row
    assert words["trend"] == "error falls as rows^-0.50; about 0.929 at 3,200 rows if that goes on"


def test_runs_with_another_test_split_have_a_curve_of_their_own():
    records = [
        *of_size("lstm", 100, [0.5]), *of_size("lstm", 400, [0.6]), *of_size("lstm", 1600, [0.9], test=50),
    ]  # fmt: skip
    (curves,) = curves_over_rows(compare(records, "x").groups)
    assert list(curves.curves[0].points) == [100, 400]


def test_curves_that_end_at_different_sizes_have_different_names():
    slow, fast = {"optimizer.lr": 0.1}, {"optimizer.lr": 0.2}
    records = [
        *of_size("lstm", 100, [0.5], config=slow), *of_size("lstm", 400, [0.6], config=slow),
        *of_size("lstm", 100, [0.55], config=fast), *of_size("lstm", 300, [0.7], config=fast),
    ]  # fmt: skip
    assert curves_of(records) == {
        "digits": {"lstm, lr=0.2": {100: 0.55, 300: 0.7}, "lstm, lr=0.1": {100: 0.5, 400: 0.6}}
    }


def test_sections_on_one_data_set_are_told_apart():
    keras = {
        "choices": {"backend": "tensorflow"},
        "environment": {"versions": {"python": "3.11.7", "tensorflow": "2.21.0", "numpy": "2.4.6"}},
    }
    records = [
        *of_size("lstm", 100, [0.5]), *of_size("lstm", 400, [0.6]),
        *of_size("lstm", 100, [0.55], **keras), *of_size("lstm", 400, [0.65], **keras),
    ]  # fmt: skip
    assert curves_of(records) == {
        "digits (backend pytorch)": {"lstm": {100: 0.5, 400: 0.6}},
        "digits (backend tensorflow)": {"lstm": {100: 0.55, 400: 0.65}},
    }
    words, in_bytes = {"data.tokenizer": "words"}, {"data.tokenizer": "bytes"}
    records = [
        *of_size("lstm", 100, [0.5], config=words), *of_size("lstm", 400, [0.6], config=words),
        *of_size("lstm", 100, [0.55], content="b", config=in_bytes),
        *of_size("lstm", 400, [0.65], content="b", config=in_bytes),
    ]  # fmt: skip
    assert list(curves_of(records)) == ["digits (tokenizer words)", "digits (tokenizer bytes)"]


def test_runs_from_before_the_data_changed_are_in_no_curve():
    before = [*of_size("lstm", 100, [0.1], started=1), *of_size("lstm", 400, [0.2], started=2)]
    changed = [*of_size("lstm", 900, [0.7], content="b", started=4), *before]
    assert list(curves_of(changed)["digits"]["lstm"]) == [100, 400, 900]  # nothing shows that the data changed
    changed += of_size("lstm", 100, [0.5], content="b", started=3)
    assert curves_of(changed) == {"digits": {"lstm": {100: 0.5, 900: 0.7}}}
    changed += of_size("lstm", 400, [0.6], content="b", started=5)
    assert curves_of(changed) == {"digits": {"lstm": {100: 0.5, 400: 0.6, 900: 0.7}}}


def test_one_size_has_no_curve_and_no_section():
    comparison = compare(of_size("lstm", 100, [0.5, 0.6]), "x")
    assert curves_over_rows(comparison.groups) == []
    assert "training rows" not in tables.markdown(comparison)


def test_the_page_and_the_markdown_show_the_curves_and_titles_name_the_limit():
    comparison = compare([*of_size("lstm", 100, [0.5, 0.6]), *of_size("lstm", 400, [0.7, 0.8])], "x")
    assert [group.title for group in comparison.groups] == ["digits (train_limit 100)", "digits (train_limit 400)"]
    few = [made(data={"hash": name}, config={"data.limit": limit}) for name, limit in (("a", 100), ("b", None))]
    apart = compare(few, "x")
    assert [group.title for group in apart.groups] == ["digits (limit 100)", "digits (limit null)"]
    assert apart.separations[0].endswith("They differ in limit (100 or null).")
    whole = over_seeds("lstm", [0.9], data={"hash": "whole"}, config={"data.train_limit": None})
    titles = [group.title for group in compare([*of_size("lstm", 100, [0.5]), *whole], "x").groups]
    assert titles == ["digits (train_limit 100)", "digits (train_limit null)"]
    shown = Page(html(comparison)).shown()
    assert "digits: accuracy against training rows" in shown
    assert "no trend: it needs three sizes or more" in shown
    assert "| variant | 100 rows | 400 rows | trend |" in tables.markdown(comparison)
