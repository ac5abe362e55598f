"""The level of chance in every format of a report, and the answer where nothing is better than it."""

import csv
import io

import pytest
from made_records import HISTORY, LATENCY, over_seeds
from pages import Page
from planted import BEST, equivalent, group_of, undecided, with_items, worse

from harness.analysis.comparability import best_first
from harness.analysis.comparison import Comparison, compare
from harness.analysis.requirements import sift
from harness.config.requirement import parse_all
from harness.report import chance_text, plots, tables, verdict_text
from harness.report.answer_text import answer
from harness.report.comparison import compare as compare_in_python
from harness.report.html import charts, data_sets_charts, html, rows_chart
from harness.report.html import page as page_of
from harness.report.html.choice import panel
from harness.report.notes import notes
from harness.report.terminal import print_comparison

ACCURACY = "test/accuracy"
LINE = "Level of chance: accuracy 0.5045, macro F1 0.3353, by always answering the commonest class of train."
CONSTANT = "always answering the commonest class (accuracy 0.5045)"


def three(name, accuracy, level, step=0.01, **more):
    chance = {ACCURACY: level, "test/f1_macro": 0.33532, "val/accuracy": 0.4}
    return over_seeds(name, [accuracy - step, accuracy, accuracy + step], data={"chance": chance}, **more)


def pair(level, **more):
    """``lstm`` 0.91 with an interval of 0.025 to both sides, ``gru`` 0.905."""
    return three("lstm", 0.91, level, **more) + three("gru", 0.905, level, **more)


EQUAL = {"lstm": BEST, "gru": equivalent(0.005, 0.008)}


def comparison_of(group):
    return Comparison("digits", [group], None, 0, [], [], [], [])


def test_the_line_under_the_table_is_in_every_format(capsys):
    comparison = compare(pair(0.5045, metrics={"test/f1_macro": [0.8] * 3}), "digits")
    print_comparison(comparison)
    assert LINE in " ".join(capsys.readouterr().out.split())
    markdown = tables.markdown(comparison)
    assert markdown.index("| gru |") < markdown.index(LINE)
    assert LINE in Page(html(comparison)).shown()
    rows = list(csv.DictReader(io.StringIO(tables.csv_text(comparison))))
    assert {(row["metric"], row["chance"]) for row in rows} == {(ACCURACY, "0.5045"), ("test/f1_macro", "0.33532")}


def test_a_regression_has_the_error_of_the_mean_and_records_without_a_level_have_no_line():
    data = {"task": "regression", "chance": {"test/mse": 13.5, "test/accuracy": 0.25}}
    made = over_seeds("lstm", [None] * 3, metrics={"test/mse": [12.0, 13.0, 14.0]}, data=data)
    (group,) = compare(made, "x").groups
    assert chance_text.line(group) == "Level of chance: squared error 13.5, by always answering the mean of train."
    old = compare(over_seeds("lstm", [0.9, 0.8, 0.85]), "x")
    assert chance_text.line(old.groups[0]) == ""
    for text in (tables.markdown(old), Page(html(old)).shown()):
        assert "chance" not in text
    assert {row["chance"] for row in csv.DictReader(io.StringIO(tables.csv_text(old)))} == {""}


@pytest.mark.parametrize("standings", [EQUAL, {"lstm": BEST, "gru": worse(0.02, 0.03)}])
def test_where_no_mean_is_above_chance_nothing_is_recommended_and_no_best_is_named(standings):
    group = group_of(pair(0.91), standings)
    assert answer(group) == [
        "No variant beats always answering the commonest class (accuracy 0.91): nothing here has learned the task."
    ]
    assert verdict_text.among(group) == ""
    assert panel(group) is None
    assert notes(comparison_of(group)) == []


def test_where_nothing_beats_chance_no_variant_is_marked_best_or_as_good_in_any_quality(capsys):
    def drawn(level):
        faster = {LATENCY: [2.0] * 3, "test/f1_macro": [0.8] * 3}
        group = group_of(pair(level, metrics=faster) + three("cnn", 0.8, level, metrics=faster), EQUAL)
        lstm, gru, cnn = best_first(group, group.variants)
        lstm.standings |= {"test/f1_macro": BEST, LATENCY: BEST}
        cnn.standings[ACCURACY] = worse(0.1, 0.2)
        print_comparison(comparison_of(group))
        terminal = capsys.readouterr().out
        markdown = tables.markdown(comparison_of(group))
        page = {
            (one.name, metric): page_of.number(group, one, metric).kind
            for one in (lstm, gru, cnn) for metric in (ACCURACY, "test/f1_macro", LATENCY) if metric in one.standings
        }  # fmt: skip
        return terminal, markdown, page

    terminal, markdown, page = drawn(0.95)
    assert page == {
        ("lstm", ACCURACY): "", ("lstm", "test/f1_macro"): "", ("lstm", LATENCY): "best", ("gru", ACCURACY): "",
        ("cnn", ACCURACY): "worse",
    }  # fmt: skip
    assert "0.910 ±0.025 *" not in terminal
    for name in ("lstm", "gru"):
        (line,) = (line for line in markdown.splitlines() if line.startswith(f"| {name} |"))
        assert line.endswith("| not shown to beat chance |")
    assert "| worse: 10 points behind the best, at most 20 |" in markdown
    terminal, markdown, page = drawn(0.5)
    assert (page["lstm", ACCURACY], page["lstm", "test/f1_macro"]) == ("best", "best")
    assert page["gru", ACCURACY] == "equivalent"
    assert "0.910 ±0.025 *" in terminal
    assert verdict_text.AT_CHANCE not in markdown


def test_where_a_mean_above_chance_may_be_noise_the_answer_says_so():
    group = group_of(pair(0.9), EQUAL)
    with_items(group, ACCURACY, 0.004)
    assert answer(group) == [
        "No variant is shown to beat always answering the commonest class (accuracy 0.9): nothing here is shown to "
        "have learned the task.",
        "The best mean, lstm with accuracy 0.910 (0.885 to 0.935 over seeds, 0.9060 to 0.9140 over test items), 3 "
        "seeds, may be no better with other seeds or test items.",
    ]


def test_a_difference_that_is_no_noise_is_no_success_where_both_are_at_chance():
    """What a report once said: lstm best with 0.5073, where the commoner class is 0.5045 of 25,000 test rows."""
    data = {"chance": {ACCURACY: 0.5045}, "sizes": {"test": 25_000}}
    made = over_seeds("lstm", [0.5072, 0.5073, 0.5074], data=data)
    made += over_seeds("gru", [0.4950, 0.4951, 0.4952], data=data)
    first, second = answer(compare(made, "x").groups[0])
    assert first == f"No variant is shown to beat {CONSTANT}: nothing here is shown to have learned the task."
    assert second.startswith("The best mean, lstm with accuracy 0.50730 (")
    assert compare_in_python(made).best is None


def test_one_variant_alone_at_chance_is_said_to_have_learned_nothing():
    made = over_seeds("dummy", [0.5045] * 3, data={"chance": {ACCURACY: 0.5045}})
    assert answer(group_of(made, {})) == [f"No variant beats {CONSTANT}: nothing here has learned the task."]
    assert answer(group_of(three("lstm", 0.91, 0.5045), {}))[0].startswith("One variant only: lstm, accuracy 0.910 (")


def test_of_those_that_meet_the_requirements_none_may_beat_chance():
    made = three("lstm", 0.91, 0.92, metrics={LATENCY: [1.0] * 3})
    made += three("rnn", 0.99, 0.92, metrics={LATENCY: [9.0] * 3})
    group = group_of(made, {})
    group.sifted = sift(group.variants, parse_all(["latency/p50_ms<5"]))
    assert answer(group) == [
        "No variant that meets latency/p50_ms<5 beats always answering the commonest class (accuracy 0.92): nothing "
        "here has learned the task.",
        "Excluded by their means, which must meet latency/p50_ms<5: rnn (9 ms).",
    ]


def test_variants_that_do_not_beat_chance_are_named_in_a_note_and_are_not_taken(capsys):
    made = pair(0.883, metrics={LATENCY: [2.0] * 3}) + three("cnn", 0.8, 0.883, metrics={LATENCY: [1.0] * 3})
    group = group_of(made, {**EQUAL, "cnn": worse(0.1, 0.2)})
    constant = "always answering the commonest class (accuracy 0.883)"
    note = f"digits: not shown to beat {constant}: gru (0.905), cnn (0.800)."
    comparison = comparison_of(group)
    assert notes(comparison) == [note]
    assert note in Page(html(comparison)).shown()
    assert answer(group) == [
        "Take lstm: accuracy 0.910 (0.885 to 0.935), 3 seeds; no other variant is shown to be as good within 1 point "
        f"and to beat {constant}."
    ]
    facts = {one["name"]: one["at_chance"] for one in panel(group).variants}
    assert facts == {"lstm": False, "gru": True, "cnn": True}


def test_where_only_undecided_variants_beat_chance_nothing_is_recommended():
    made = three("lstm", 0.91, 0.87, step=0.03) + three("gru", 0.905, 0.87)
    assert answer(group_of(made, {"lstm": BEST, "gru": undecided(0.005, 0.02, 7)})) == [
        "No recommendation: none of the variants that are best or as good within 1 point is shown to beat always "
        "answering the commonest class (accuracy 0.87): lstm (0.910).",
        "Undecided: gru (about 7 seeds each would decide).",
    ]


def drawn(level, **more):
    return charts.plots(compare(pair(level, metrics={LATENCY: [2.0] * 3}, history=HISTORY, **more), "x").groups[0])


def test_plots_of_quality_have_a_dashed_line_at_the_level():
    """Of the test split's level where they show the test split, of validation's where they show that."""
    ranking, tradeoff, accuracy, loss = drawn(0.85)
    (line,) = ranking.figure.layout.shapes
    assert (line.x0, line.x1, line.yref, line.y0, line.y1, line.line.dash) == (0.85, 0.85, "paper", 0, 1, "dash")
    (line,) = tradeoff.figure.layout.shapes
    assert (line.y0, line.y1, line.xref, line.x0, line.x1) == (0.85, 0.85, "paper", 0, 1)
    (line,) = accuracy.figure.layout.shapes
    assert (line.y0, line.y1) == (0.4, 0.4)
    assert loss.figure.layout.shapes == ()
    ends = [0.4, 0.85, 0.85]
    axes = accuracy.figure.layout.yaxis, ranking.figure.layout.xaxis, tradeoff.figure.layout.yaxis
    assert all(axis.range[0] < end for axis, end in zip(axes, ends, strict=True))
    assert ranking.caption.endswith(" Dashed: the level of chance, 0.85.")
    assert accuracy.caption.endswith(" Dashed: the level of chance, 0.4.")
    assert "chance" not in loss.caption


def of_rows(rows, accuracies, **chance):
    data = {"hash": f"a{rows}", "source": "a.csv", "sizes": {"train": rows, "test": 200}, **chance}
    return over_seeds("lstm", accuracies, data=data, config={"data.train_limit": rows})


def test_the_plot_against_training_rows_has_the_level_of_the_most_rows():
    made = of_rows(100, [0.5, 0.6], chance={ACCURACY: 0.3}) + of_rows(400, [0.7, 0.8], chance={ACCURACY: 0.4})
    (curves,) = compare(made, "x").over_rows
    assert curves.chance == 0.4
    plot = rows_chart.plot(curves)
    (line,) = plot.figure.layout.shapes
    assert (line.y0, line.y1, line.xref, line.layer) == (0.4, 0.4, "paper", "above")
    assert plot.figure.layout.yaxis.range[0] < 0.4
    assert plot.caption.endswith(" Dashed: the level of chance, 0.4.")
    (without,) = compare(of_rows(100, [0.5, 0.6]) + of_rows(400, [0.7, 0.8]), "x").over_rows
    assert rows_chart.plot(without).figure.layout.shapes == ()
    assert rows_chart.plot(without).caption.endswith("Dotted: the fitted power law of the error.")


def on_data_sets(levels):
    """Two variants on two data sets: of their errors, the best mean is 0.02 on a and 0.4 on b."""
    scores = {"a": {"lstm": [0.98] * 3, "gru": [0.96] * 3}, "b": {"lstm": [0.6] * 3, "gru": [0.5, 0.4, 0.4]}}
    made = [
        run for name, level in levels.items() for encoder, accuracies in scores[name].items()
        for run in over_seeds(
            encoder, accuracies, choices={"data": name},
            data={"hash": name, "source": name, "sizes": {"test": 50}, "chance": level},
        )
    ]  # fmt: skip
    return compare(made, "x").over_data_sets


def test_the_plots_over_data_sets_have_the_rank_and_the_profile_of_the_level_of_chance():
    over = on_data_sets({"a": {ACCURACY: 0.96}, "b": {ACCURACY: 0.3}})
    assert over.chance.ranks == [2.5, 3]  # on a as good as gru, which counts half
    assert over.chance.ratios == pytest.approx([2, 1.75])
    ranks, profiles = data_sets_charts.plots(over)
    (line,) = ranks.figure.layout.shapes
    assert line.x0 == line.x1 == 2.75
    assert ranks.figure.layout.xaxis.range == (0.9, 2.85)  # behind the last of two variants
    assert ranks.caption.endswith(" Dashed: the level of chance, which would have the mean rank 2.75.")
    level = profiles.figure.data[0]
    assert (level.name, level.line.dash) == ("level of chance", "dash")
    assert (level.x, level.y) == (pytest.approx([1, 1.75, 2, 2.1]), (0, 0.5, 1, 1))
    assert profiles.caption.endswith(" Dashed: the level of chance.")


def test_a_level_of_chance_far_behind_is_said_and_an_unknown_one_is_not_drawn():
    _, profiles = data_sets_charts.plots(on_data_sets({"a": {ACCURACY: 0.3}, "b": {ACCURACY: 0.3}}))
    assert [trace.legendgroup for trace in profiles.figure.data] == ["lstm", "gru"]
    assert profiles.caption.endswith(" The level of chance, up to 35 times the best error, is outside the plot.")
    over = on_data_sets({"a": {}, "b": {ACCURACY: 0.3}})
    assert over.chance is None
    for plot in data_sets_charts.plots(over):
        assert "chance" not in plot.caption
        assert not plot.figure.layout.shapes


def test_a_plot_without_room_for_the_line_gives_the_level_in_its_caption():
    ranking, tradeoff, *_ = drawn(0.1)
    assert ranking.figure.layout.shapes == tradeoff.figure.layout.shapes == ()
    assert ranking.figure.layout.xaxis.range[0] > 0.8
    for plot in (ranking, tradeoff):
        assert plot.caption.endswith("The level of chance, 0.1, is outside the plot.")


@pytest.mark.parametrize(
    ("level", "values", "room"),
    [
        (0.5, [0.6, 0.7], True), (0.31, [0.6, 0.7], True), (0.29, [0.6, 0.7], False), (0.99, [0.6, 0.7], True),
        (1.01, [0.6, 0.7], False), (0.65, [0.6, 0.7], True), (0.1, [0.9], True), (0.1, [], False),
        (0.5, [float("nan"), 0.6, float("inf"), 0.7], True),
    ],
)  # fmt: skip
def test_an_axis_becomes_at_most_four_times_as_long(level, values, room):
    assert plots.has_room(level, values) is room


def test_the_learning_curves_of_a_run_have_the_line_of_validation(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(plots, "save", lambda figure, file: figures.append(figure))
    plots.learning_curves(HISTORY, tmp_path / "a.png", {"val/accuracy": 0.25, "test/accuracy": 0.75})
    plots.learning_curves(HISTORY, tmp_path / "a.png", {"val/accuracy": -1.0})
    lines = [
        {axis.get_ylabel(): [list(line.get_ydata()) for line in axis.lines] for axis in one.axes} for one in figures
    ]
    assert lines[0] == {"loss": [[2.0, 1.0]], "accuracy": [[0.5, 0.7], [0.25, 0.25]]}
    assert lines[1]["accuracy"] == [[0.5, 0.7]]
