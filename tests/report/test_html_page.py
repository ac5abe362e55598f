"""The HTML page: text in attributes, text in charts, and what is embedded."""

import json
import re

import pytest
from made_records import LATENCY, made, over_seeds
from pages import Page

from harness.analysis.comparison import compare
from harness.config.requirement import parse
from harness.report.html import html
from harness.report.html.document import breakable
from harness.report.html.style import figure, x_axis, y_axis

QUOTES = 'x" onmouseover="alert(1)'


@pytest.fixture(scope="module")
def text():
    records = over_seeds("lstm", [0.9, 0.8]) + over_seeds(QUOTES, [0.7, 0.6])
    return html(compare([*records, made("gru", accuracy=None, status="failed", reason=QUOTES)], "digits"))


def test_a_quote_in_a_name_does_not_end_an_attribute(text):
    attributes = Page(text).attributes
    assert [tag for tag, own in attributes if "onmouseover" in own] == []
    assert [own["data-variant"] for _, own in attributes if "data-variant" in own] == [
        *("lstm", QUOTES, "gru"),  # rows
        *("lstm", QUOTES),  # chips
    ]


def test_charts_show_quotes_as_they_are(text):
    # Plotly shows &quot; literally: it decodes only a few entities
    ranking, *_ = json.loads(re.search(r'id="figures">(.*?)</script>', text, re.DOTALL).group(1))
    assert ranking["layout"]["yaxis"]["ticktext"] == ["lstm", QUOTES]


def test_the_page_holds_plotly_once_and_is_under_10_megabytes(text):
    assert text.count("plotly.js v") == 1
    assert len(text.encode("utf8")) < 10e6


def test_of_many_variants_the_best_and_those_on_the_front_have_a_colour_and_all_are_drawn():
    """Forty variants; the slower a variant, the more accurate, but the last five, which are inaccurate and slowest."""
    accuracies = [0.9 - 0.01 * number for number in range(35)] + [0.3] * 5
    records = [
        record for number, accuracy in enumerate(accuracies)
        for record in over_seeds(
            "lstm", [accuracy] * 3, config={"encoder.hidden_size": number + 1},
            metrics={LATENCY: [40.0 - number if number < 35 else 50.0 + number] * 3},
        )
    ]  # fmt: skip
    text = html(compare(records, "digits"))
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', text, re.DOTALL).group(1))
    (against,) = (one for one in figures if one["layout"]["xaxis"]["title"]["text"].startswith("latency"))
    grey, front, *points = against["data"]
    assert (len(grey["x"]), len(front["x"]), len(points)) == (5, 35, 35)
    assert sorted(grey["x"]) == [85.0, 86.0, 87.0, 88.0, 89.0]
    assert {point["x"][0] for point in points} == {40.0 - number for number in range(35)}
    assert "Grey: 5 further variants." in Page(text).shown()


def test_all_metrics_of_the_best_variants_where_there_are_too_many():
    records = [
        made("lstm", 0, 0.5 + number / 10_000, config={"encoder.hidden_size": number + 1}, metrics={LATENCY: 1.0})
        for number in range(2600)
    ]
    page = Page(html(compare(records, "digits")))
    assert "All metrics of the 2500 best of 2600 variants; report.csv has all" in page.shown()
    few = Page(html(compare(records[:3], "digits")))
    assert "All metrics of" not in few.shown()


def test_a_page_without_plots_does_without_plotly():
    text = html(compare([made("gru", accuracy=None, status="failed", reason="boom")], "digits"))
    assert "plotly.js v" not in text
    assert "failed gru/seed=0: boom" in Page(text).shown()


def test_variants_and_runs_are_counted_and_marks_explained():
    def shown(records):
        return " ".join(Page(html(compare(records, "digits"))).shown().split())

    assert "side by side: 1 variant, 1 finished run; the newest" in shown([made("gru")])
    four = shown(over_seeds("lstm", [0.9, 0.8]) + over_seeds("gru", [0.7, 0.6]))
    assert "side by side: 2 variants, 4 finished runs; the newest" in four
    assert "best : best mean" in four.replace("best:", "best :")


def test_a_name_may_break_after_an_underscore_and_is_escaped():
    assert breakable("<b>_x") == "&lt;b&gt;_<wbr>x"


def test_a_misspelt_property_of_a_chart_is_refused():
    with pytest.raises(ValueError, match="Invalid property"):
        x_axis("epoch", tickvalues=[1])
    with pytest.raises(ValueError, match="Invalid property"):
        figure([], x_axis("x"), y_axis("y"), 300, show_legend=True)


@pytest.mark.parametrize(("seeds", "colour"), [(2, "answer undecided"), (3, "answer")])
def test_only_an_answer_that_recommends_a_variant_stands_in_green(seeds, colour):
    records = [*over_seeds("lstm", [0.9, 0.91, 0.92][:seeds]), *over_seeds("gru", [0.5, 0.51, 0.52][:seeds])]
    page = Page(html(compare(records, "digits")))
    assert [own["class"] for tag, own in page.attributes if own.get("class", "").startswith("answer")] == [colour]


def test_where_nothing_meets_what_was_required_the_answer_is_not_in_green():
    records = [*over_seeds("lstm", [0.9, 0.91, 0.92]), *over_seeds("gru", [0.5, 0.51, 0.52])]
    page = Page(html(compare(records, "digits", requirements=[parse("accuracy>0.99")])))
    assert [own["class"] for tag, own in page.attributes if own.get("class", "").startswith("answer")] == [
        "answer undecided"
    ]


def test_a_logarithmic_axis_has_whole_numbers_at_its_ticks():
    """Plotly's own labels between powers of ten are single digits: 5 would be 0.5, and 50 too."""
    seeds = [0.9, 0.91, 0.92]
    latencies = {"lstm": 0.5, "gru": 60.0}
    records = [one for name, ms in latencies.items() for one in over_seeds(name, seeds, metrics={LATENCY: [ms] * 3})]
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', html(compare(records, "x")), re.DOTALL).group(1))
    axes = [one["layout"]["xaxis"] for one in figures]
    (axis,) = [one for one in axes if one["title"]["text"].startswith("latency p50") and one.get("type") == "log"]
    assert axis["ticktext"] == [f"{value:,.10g}" for value in axis["tickvals"]]
    assert {"1", "10"} <= set(axis["ticktext"])
