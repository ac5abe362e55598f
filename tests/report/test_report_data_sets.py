"""The ranks over several data sets in all formats: terminal, Markdown, CSV and page."""

import csv
import io

import pytest
from browser import wait_for
from made_records import over_seeds
from pages import Page
from rich.console import Console

from harness.analysis.comparison import compare
from harness.report import data_sets, tables
from harness.report.html import html
from harness.report.terminal import print_comparison

SCORES = {
    "reviews": {"lstm": [0.9, 0.9, 0.8], "gru": [0.7, 0.7, 0.8], "self_attention": [0.1, 0.1, 0.1]},
    "questions": {"lstm": [0.9, 0.8, 0.8], "gru": [0.8, 0.7, 0.8], "self_attention": [0.2, 0.1, 0.2]},
}
DRAWN = """
return [...document.querySelectorAll("section:has(.over-data-sets) figure")].map(figure => ({
  title: figure.querySelector("h3").innerText,
  traces: figure.querySelector(".canvas").data.map(trace => ({
    name: trace.legendgroup, x: trace.x, y: trace.y, visible: trace.visible !== false})),
  lines: figure.querySelectorAll(".scatterlayer .trace .js-line").length,
  points: figure.querySelectorAll(".scatterlayer .trace .point").length,
  bars: figure.querySelectorAll(".errorbar path.xerror").length}))
"""


def records(seeds=3, sets=tuple(SCORES), **more):
    return [
        record for name in sets for encoder, accuracies in SCORES[name].items()
        for record in over_seeds(
            encoder, accuracies[:seeds], data={"hash": name, "sizes": {"train": 80, "test": 50}, "source": name},
            choices={"data": name}, **more,
        )
    ]  # fmt: skip


def test_the_answer_names_the_best_and_what_seeds_may_explain():
    over = compare(records(), "x").over_data_sets
    assert data_sets.answer(over).startswith("Best mean rank over 2 data sets: lstm with 1.14 (1.00 to 1.38)")
    assert data_sets.answer(over).endswith(
        ") among 3 variants; for every other variant, the difference is more than seeds explain."
    )
    assert [data_sets.mark(over, row) for row in over.rows] == ["*", "", ""]
    mixed = {"reviews": [0.8, 0.9, 0.7], "questions": [0.7, 0.8, 0.9]}
    near = [
        run for name, scores in mixed.items() for encoder, shift in (("lstm", 0.0), ("gru", 0.01))
        for run in over_seeds(
            encoder, [score + shift for score in scores], data={"hash": name, "source": name}, choices={"data": name}
        )
    ]  # fmt: skip
    over = compare(near, "x").over_data_sets
    assert data_sets.answer(over).endswith("; seeds alone may explain the difference to lstm (1.67).")
    assert [data_sets.mark(over, row) for row in over.rows] == ["*", "?"]
    assert f"? undecided: at most {over.critical:.2f} behind it" in data_sets.legend(over)


def test_fewer_than_three_seeds_have_ranks_and_no_verdict():
    over = compare(records(seeds=2), "x").over_data_sets
    assert data_sets.answer(over) == (
        "Best mean rank over 2 data sets: lstm with 1.06 among 3 variants; without an interval, which needs 3 seeds of "
        "every variant on every data set."
    )
    assert [data_sets.mark(over, row) for row in over.rows] == ["*", "", ""]
    assert "?" not in data_sets.legend(over)


def test_markdown_has_a_row_for_each_variant_with_its_rank_on_each_data_set():
    text = tables.markdown(compare(records(), "x"))
    section = text.split("## Over several data sets\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in section.splitlines() if "|" in line]
    assert rows[0] == [
        "variant", "runs", "mean rank", "middle rank", "within 10 %", "within twice", "reviews", "questions",
    ]  # fmt: skip
    assert [row[0] for row in rows[2:]] == ["lstm", "gru", "self\\_attention"]
    assert rows[4][1:] == ["6", "3.00 (3.00 to 3.00)", "3.00 (3.00 to 3.00)", "0 %", "0 %", "3.00", "3.00"]
    # on questions, two of lstm's three runs tie with two of gru's: 2/3 * 2/3 * 1/2
    # the best mean error of reviews is 0.4 / 3, of which 0.2 is 1.5 times; of questions 0.5 / 3, of which 0.2 is 1.2
    assert rows[2][4:] == ["50 %", "100 %", "1.06", "1.22"]


def test_csv_has_the_ranks_and_every_number_of_the_groups_as_before():
    rows = list(csv.DictReader(io.StringIO(tables.csv_text(compare(records(), "x")))))
    assert [row["group"] for row in rows if row["metric"] == "test/accuracy"] == ["reviews"] * 3 + ["questions"] * 3
    lstm = [row for row in rows if (row["variant"], row["metric"]) == ("lstm", "rank/mean")]
    assert [(row["group"], row["n"], row["verdict"]) for row in lstm] == [
        ("reviews + questions", "6", "best"), ("reviews", "3", ""), ("questions", "3", ""),
    ]  # fmt: skip
    assert float(lstm[0]["mean"]) == pytest.approx((float(lstm[1]["mean"]) + float(lstm[2]["mean"])) / 2)
    assert float(lstm[0]["low_over_seeds"]) <= float(lstm[0]["mean"]) <= float(lstm[0]["high_over_seeds"])
    last = next(row for row in rows if (row["variant"], row["metric"]) == ("self_attention", "rank/mean"))
    assert (last["verdict"], last["direction"]) == ("worse", "lower is better")
    few = list(csv.DictReader(io.StringIO(tables.csv_text(compare(records(seeds=2), "x")))))
    over_all = [row for row in few if (row["group"], row["metric"]) == ("reviews + questions", "rank/mean")]
    assert [row["verdict"] for row in over_all] == ["best", "few seeds", "few seeds"]
    within = [row for row in rows if row["metric"].startswith("share/error_within_")]
    assert [float(row["mean"]) for row in within][:2] == [0.5, 1.0]


def test_with_one_data_set_nothing_appears(capsys):
    comparison = compare(records(sets=("reviews",)), "x")
    print_comparison(comparison)
    assert "rank" not in capsys.readouterr().out.replace("not ranked", "")
    assert "mean rank" not in tables.markdown(comparison)
    assert "rank/mean" not in tables.csv_text(comparison)
    assert "mean rank" not in Page(html(comparison)).shown()


def test_the_page_shows_what_is_left_out_and_escapes_names():
    more = [*records(), *over_seeds("<b>x", [0.9], choices={"data": "reviews"}, data={"hash": "reviews", "sizes": {
        "train": 80, "test": 50}, "source": "reviews"})]  # fmt: skip
    comparison = compare(more, "x")
    sentence = "Left out, because they have no score on every one of these data sets: <b>x (not on questions)."
    assert sentence in Page(html(comparison)).shown()
    assert "\\<b\\>x (not on questions)" in tables.markdown(comparison)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_narrow_terminal_cuts_no_number_and_names_the_columns_that_it_leaves_out(monkeypatch, capsys, width):
    monkeypatch.setattr("harness.report.terminal.console", lambda: Console(width=width, highlight=False))
    print_comparison(compare(records(), "x"))
    shown = capsys.readouterr().out.split("Over several data sets\n")[1]
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width
    heads = ["mean rank", "middle rank", "within 10 %", "within twice", "reviews", "questions"]
    lines = shown.splitlines()
    absent = next((line for line in lines if line.startswith("not shown for lack of width: ")), "")
    for head in heads:
        assert (head in lines[0]) != (head in absent)
    assert "3.00 (3.00 to 3.00)" in next(line for line in lines if line.startswith("self_attention"))
    assert "mean rank" in lines[0]


@pytest.fixture
def page(browser, tmp_path):
    """The page of three variants on two data sets, open in the browser, which must log no error."""
    (tmp_path / "report.html").write_text(html(compare(records(), "x")), encoding="utf8")
    browser.get_log("browser")  # empties it: other tests look at other pages
    browser.get(f"file://{tmp_path}/report.html")
    wait_for(browser, lambda: browser.execute_script("return document.querySelectorAll('.main-svg').length"), "plots")
    yield browser
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_the_page_draws_ranks_with_intervals_and_profiles_with_steps(page):
    assert [head.text for head in page.find_elements("css selector", "h2")] == [
        "Over several data sets", "reviews", "questions", "Notes",
    ]  # fmt: skip
    ranks, profiles = page.execute_script(DRAWN)
    assert (ranks["title"], profiles["title"]) == ("Rank of each variant", "Performance profiles")
    assert [trace["name"] for trace in ranks["traces"][1::2]] == ["lstm", "gru", "self_attention"]
    assert ranks["traces"][0]["x"] == pytest.approx([1 + 1 / 18, 1 + 2 / 9])
    assert [trace["x"] for trace in ranks["traces"][4::2]] == [[3, 3]]
    assert (ranks["points"], ranks["bars"]) == (9, 3)
    assert profiles["lines"] == 3
    lstm = profiles["traces"][0]
    # errors 0.1, 0.1, 0.2 over 0.4 / 3, and 0.1, 0.2, 0.2 over 0.5 / 3
    assert lstm["x"][:3] == pytest.approx([1, 1.2, 1.5])
    assert lstm["y"] == pytest.approx([1 / 2, 5 / 6, 1, 1])
    assert profiles["traces"][2]["y"][0] == 0


def test_a_click_on_a_chip_hides_a_variant_in_the_plots_over_data_sets_alone(page):
    before = page.execute_script("return document.querySelectorAll('.scatterlayer .trace').length")
    chip = page.find_element("css selector", "section:has(.over-data-sets) .chip[data-variant=gru]")
    chip.click()

    def hidden():
        return [sum(not trace["visible"] for trace in figure["traces"]) for figure in page.execute_script(DRAWN)]

    wait_for(page, lambda: hidden() == [2, 1], "the variant to disappear")
    wait_for(
        page,
        lambda: page.execute_script("return document.querySelectorAll('.scatterlayer .trace').length") == before - 3,
        "its traces to go",
    )
