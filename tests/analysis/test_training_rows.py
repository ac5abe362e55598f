"""Quality against training rows: which runs share a curve, its points, and its power law."""

import pytest
from made_records import over_seeds
from pages import Page

from harness.analysis.comparison import compare
from harness.analysis.training_rows import PowerLaw, curves_over_rows, fitted
from harness.report import tables, training_rows
from harness.report.html import html


def of_size(encoder, rows, accuracies, test=200, source="a.csv"):
    """Runs with ``rows`` rows of train; each size has a data hash of its own, as its vocabulary makes it."""
    data = {
        "hash": f"{source}{rows}", "source": source, "sizes": {"train": rows, "validation": 100, "test": test},
    }  # fmt: skip
    return over_seeds(encoder, accuracies, data=data, config={"data.train_limit": rows})


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
    assert words["1,600 rows"] == "0.9"
    assert words["trend"] == "error falls as rows^-0.50; about 0.929 at 3,200 rows if that goes on"


def test_runs_with_another_test_split_have_a_curve_of_their_own():
    records = [
        *of_size("lstm", 100, [0.5]), *of_size("lstm", 400, [0.6]), *of_size("lstm", 1600, [0.9], test=50),
    ]  # fmt: skip
    (curves,) = curves_over_rows(compare(records, "x").groups)
    assert list(curves.curves[0].points) == [100, 400]


def test_one_size_has_no_curve_and_no_section():
    comparison = compare(of_size("lstm", 100, [0.5, 0.6]), "x")
    assert curves_over_rows(comparison.groups) == []
    assert "training rows" not in tables.markdown(comparison)


def test_the_page_and_the_markdown_show_the_curves_and_titles_name_the_limit():
    comparison = compare([*of_size("lstm", 100, [0.5, 0.6]), *of_size("lstm", 400, [0.7, 0.8])], "x")
    assert [group.title for group in comparison.groups] == ["digits (train_limit 100)", "digits (train_limit 400)"]
    shown = Page(html(comparison)).shown()
    assert "digits: accuracy against training rows" in shown
    assert "no trend: it needs three sizes or more" in shown
    assert "| variant | 100 rows | 400 rows | trend |" in tables.markdown(comparison)
