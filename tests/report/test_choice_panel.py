"""The sliders of the page: the recommendation for another margin and other bounds, in a real browser."""

import json
import re
import shlex

import pytest
from browser import wait_for
from made_records import HARDWARE, LATENCY, MEMORY, TOKENS, over_seeds
from planted import BEST, equivalent, few, group_of, undecided, worse

from harness.analysis.comparison import Comparison, compare
from harness.analysis.requirements import sift
from harness.config.requirement import parse
from harness.report import group_table
from harness.report.answer_text import answer
from harness.report.html import html
from harness.report.html.choice import panel

ACCURACY = "test/accuracy"
MEASURED = {  # accuracy, latency, tokens/s
    "lstm": (0.91, 4.0, 100.0), "gru": (0.908, 2.0, 200.0), "rnn": (0.905, 1.0, 400.0), "cnn": (0.88, 0.5, 800.0),
}  # fmt: skip
STANDINGS = {
    "lstm": BEST, "gru": equivalent(0.002, 0.008), "rnn": undecided(0.005, 0.013, 7), "cnn": worse(0.03, 0.04)
}  # fmt: skip
FACTS = """
const rows = [...document.querySelectorAll("tr[data-variant]")];
return {
  chosen: document.querySelector(".chosen").textContent,
  hidden: document.querySelector(".chosen").hidden,
  command: document.querySelector(".panel code").textContent,
  out: rows.filter((row) => row.classList.contains("out")).map((row) => row.dataset.variant),
  taken: rows.filter((row) => row.classList.contains("taken")).map((row) => row.dataset.variant),
  badges: rows.map((row) => row.querySelector("td.judged .badge")?.textContent ?? ""),
  verdicts: rows.map((row) => row.querySelector("td.verdict").textContent),
  shown: [...document.querySelectorAll(".sliders output")].map((output) => output.textContent.trim()),
}
"""
MOVE = """
const input = document.querySelector(arguments[0]);
input.value = arguments[1];
input.dispatchEvent(new Event("input", {bubbles: true}));
"""
MARGIN = ".panel .margin"


def records(**more):
    made = []
    for name, (accuracy, latency, tokens) in MEASURED.items():
        metrics = {LATENCY: [latency] * 3, TOKENS: [tokens] * 3}
        made += over_seeds(name, [accuracy - 0.001, accuracy, accuracy + 0.001], metrics=metrics, **more)
    return made


def page_of(group):
    return html(Comparison("digits", [group], None, 0, [], [], [], []))


def slider(metric):
    return f".panel input[data-slider='{metric}']"


@pytest.fixture
def opened(browser, tmp_path):
    """Opens the page of a group, and returns what moves a slider and what reads the page."""

    def opened(group):
        browser.get_log("browser")  # forgets what other pages logged
        (tmp_path / "report.html").write_text(page_of(group), encoding="utf8")
        browser.get(f"file://{tmp_path}/report.html")
        wait_for(browser, lambda: browser.execute_script(FACTS)["shown"], "the panel")
        return lambda where, value: browser.execute_script(MOVE, where, value), lambda: browser.execute_script(FACTS)

    yield opened
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_before_a_slider_moves_the_browser_finds_what_the_report_says(opened):
    group = group_of(records(), STANDINGS)
    _, facts = opened(group)
    found = facts()
    assert found["chosen"] == answer(group)[0] == (
        "Take gru: it has the lowest latency p50, 2 ms, of the 2 that are best or as good within 1 point of accuracy: "
        "lstm (0.9100), gru (0.9080)."
    )
    assert found["hidden"]  # the page says it above
    assert found["shown"] == ["1 point", "any", "any"]
    assert (found["out"], found["taken"]) == ([], [])
    assert found["badges"] == ["best", "= best", "?", ""]


def test_of_equal_means_the_browser_takes_the_cheapest_too(opened):
    made = []
    for name, latency in {"bag": 3.0, "gru": 1.0, "lstm": 2.0}.items():
        made += over_seeds(name, [0.9, 0.95, 0.99], metrics={LATENCY: [latency] * 3})
    (group,) = compare(made, "digits").groups
    _, facts = opened(group)
    assert facts()["chosen"] == answer(group)[0]
    assert "; bag, lstm have the same mean, and of these it has the lowest latency p50, 1 ms; " in facts()["chosen"]
    assert facts()["badges"] == ["best", "?", "?"]


@pytest.mark.parametrize(
    ("margin", "gru", "rnn"),
    [
        (0.005, undecided(0.002, 0.008, 4), undecided(0.005, 0.013, 7)),
        (0.015, equivalent(0.002, 0.008), equivalent(0.005, 0.013)),
        (0.05, equivalent(0.002, 0.008), equivalent(0.005, 0.013)),  # a worse variant stays worse within any margin
    ],
)
def test_another_margin_gives_what_the_report_gives_for_it(opened, margin, gru, rnn):
    standings = {**STANDINGS, "gru": gru, "rnn": rnn}
    move, facts = opened(group_of(records(), STANDINGS))
    move(MARGIN, margin)
    found = facts()
    assert not found["hidden"]
    assert found["chosen"] == answer(group_of(records(), standings, margin=margin))[0]
    verdicts = {"best": "best", "equivalent": "= best", "open": "?", "worse": ""}
    assert found["badges"] == [verdicts[standing.verdict] for standing in standings.values()]
    assert found["command"] == f"python -m harness report --name digits --margin {margin}"


def test_verdicts_in_words_follow_the_margin(opened):
    move, facts = opened(group_of(records(), STANDINGS))
    assert facts()["verdicts"][2].endswith("; about 7 seeds each would decide")
    move(MARGIN, 0.015)
    assert facts()["verdicts"][1:3] == [
        "as good as the best within 1.5 points (at most 0.8 behind)",
        "as good as the best within 1.5 points (at most 1.3 behind)",
    ]
    move(MARGIN, 0.005)
    assert facts()["verdicts"] == [
        "best mean of those with a verdict; not shown to be better than those marked = or ?",
        "undecided: 0.2 points behind, at most 0.8",  # how many seeds it needs for this margin is not known here
        "undecided: 0.5 points behind, at most 1.3; about 7 seeds each would decide",
        "worse: 3.0 points behind the best, at most 4.0",
    ]


def test_a_bound_excludes_variants_and_the_command_says_the_same(opened):
    """Position 100 of 200 is the geometric middle of 0.5 and 4 ms."""
    move, facts = opened(group_of(records(), STANDINGS))
    move(slider(LATENCY), 100)
    found = facts()
    assert found["shown"][1] == "≤ 1.42 ms"
    assert (found["out"], found["taken"]) == (["lstm", "gru"], ["rnn"])
    assert found["chosen"] == (
        "Take rnn: accuracy 0.9050 (0.9025 to 0.9075), 3 seeds; no other variant is shown to be as good within 1 point."
    )
    assert found["verdicts"][:2] == ["excluded: beyond the bounds"] * 2
    assert shlex.split(found["command"])[-2:] == ["--require", "latency/p50_ms<=1.42"]
    assert parse("latency/p50_ms<=1.42").is_met_by(1.0)
    move(slider(LATENCY), 0)
    assert facts()["chosen"].startswith("Take cnn: no other variant meets the bounds; accuracy 0.8800 (")
    move(slider(TOKENS), 200)
    assert facts()["taken"] == ["cnn"]  # the fastest is within both bounds at their ends
    move(slider(LATENCY), 200)
    move(slider(TOKENS), 0)
    found = facts()
    assert (found["out"], found["shown"]) == ([], ["1 point", "any", "any"])


def test_bounds_that_nothing_meets_are_said(opened):
    group = group_of([*records(), *over_seeds("s4d", [0.7] * 3, metrics={LATENCY: [9.0] * 3, TOKENS: [900.0] * 3})],
                     {**STANDINGS, "s4d": worse(0.2, 0.3)})  # fmt: skip
    move, facts = opened(group)
    move(slider(LATENCY), 0)
    move(slider(TOKENS), 200)
    assert facts()["chosen"] == "No variant meets these bounds."


def test_the_requirements_of_the_report_are_where_the_sliders_start(opened):
    """Those that have no slider exclude their variants all the same."""
    group = group_of(records(), {name: STANDINGS[name] for name in ("lstm", "gru")})
    group.standings_over_all = {variant: STANDINGS[variant.name] for variant in group.variants}
    group.sifted = sift(group.variants, [parse("latency/p50_ms<=2.003"), parse("accuracy>0.89")])
    _, facts = opened(group)
    found = facts()
    assert found["shown"][1] == "≤ 2.003 ms"  # which no position of the slider is
    assert shlex.split(found["command"])[4:] == [
        "--name", "digits", "--require", "test/accuracy>0.89", "--margin", "0.01", "--require", "latency/p50_ms<=2.003",
    ]  # fmt: skip
    assert found["chosen"].startswith("Take gru: accuracy 0.9080 (")
    assert [one["missed"] for one in panel(group).variants] == [False, False, False, True]


def required(*texts, made=None):
    """The group with these requirements, of which all variants keep the standings of all."""
    group = group_of(made or records(), STANDINGS)
    group.standings_over_all = {variant: STANDINGS[variant.name] for variant in group.variants}
    group.sifted = sift(group.variants, [parse(text) for text in texts])
    return group


def test_the_command_below_the_page_of_a_sweep_compares_the_runs_of_that_sweep():
    group = required("latency/p50_ms<2")
    assert panel(group).command == "python -m harness report --name digits"
    assert panel(group, "s12").command == "python -m harness report --sweep s12"


def test_the_terminal_has_what_the_command_requires_right_behind_the_quality():
    shown = group_table.columns(required(f"{TOKENS}>1", f"{LATENCY}<2"))
    assert shown[:4] == ["test/accuracy", TOKENS, LATENCY, "behind"]
    assert len(set(shown)) == len(shown)


def test_a_mean_at_the_bound_of_the_report_is_beyond_it_if_the_report_says_so(opened):
    _, facts = opened(required("latency/p50_ms<2"))
    found = facts()
    assert found["shown"][1] == "< 2 ms"
    assert found["chosen"].startswith("Take rnn: ")
    assert shlex.split(found["command"])[-1] == "latency/p50_ms<2"
    _, facts = opened(required("latency/p50_ms<=2"))
    assert facts()["chosen"].startswith("Take gru: ")
    assert facts()["shown"][1] == "≤ 2 ms"


def test_the_page_gives_no_second_answer_to_what_the_report_was_asked(opened):
    """The report compares those that meet the requirements alone, and so may know more than the sliders do."""
    group = required("latency/p50_ms<=2.003")
    (gru,) = (variant for variant in group.variants if variant.name == "gru")
    group.margin, gru.standings[ACCURACY] = 0.01, BEST
    move, facts = opened(group)
    assert facts()["hidden"]
    assert facts()["chosen"] != answer(group)[0]
    move(MARGIN, 0.02)
    assert not facts()["hidden"]
    move(MARGIN, 0.01)
    assert (facts()["hidden"], facts()["taken"]) == (True, [])


def test_a_requirement_on_a_metric_in_which_all_are_alike_excludes_on_the_page_too(opened):
    made = records()
    for record in made:
        record.metrics[MEMORY] = 64.0
    _, facts = opened(required(f"{MEMORY}<32", made=made))
    found = facts()
    assert found["chosen"] == "No variant meets these bounds."
    assert f"{MEMORY}<32" in shlex.split(found["command"])


def test_where_only_variants_without_a_verdict_are_within_the_bounds_the_page_says_so(opened):
    made = records() + over_seeds("s4d", [0.9], metrics={LATENCY: [0.4], TOKENS: [100.0]})
    group = group_of(made, {**STANDINGS, "s4d": few("one seed")})
    move, facts = opened(group)
    move(slider(LATENCY), 0)
    move(slider(TOKENS), 0)
    assert facts()["taken"] == ["cnn"]
    group.sifted = sift(group.variants, [parse("latency/p50_ms<0.45")])
    _, facts = opened(group)
    assert facts()["chosen"] == (
        "No recommendation: what meets these bounds has too few seeds for a verdict: s4d."
    )


def test_on_several_machines_the_page_recommends_for_each(opened):
    other = {"hardware": {**HARDWARE, "threads": 1}}
    more = over_seeds("s4d", [0.9, 0.907, 0.914], metrics={LATENCY: [9.0] * 3, TOKENS: [50.0] * 3}, environment=other)
    group = group_of([*records(), *more], {**STANDINGS, "s4d": equivalent(0.003, 0.009)})
    _, facts = opened(group)
    assert facts()["chosen"] == " ".join(answer(group)[:2])
    assert facts()["chosen"].startswith("On threads 2, take gru: ")
    assert " On threads 1, take s4d (" in facts()["chosen"]


def test_the_page_has_each_key_of_the_variants_once_and_a_missing_number_is_no_number(opened):
    made = records() + over_seeds("s4d", [0.899, 0.9, 0.901], metrics={TOKENS: [900.0] * 3})  # latency was not measured
    group = group_of(made, {**STANDINGS, "s4d": undecided(0.01, 0.02, 9)})
    text = page_of(group)
    embedded = re.search(r'id="choices">(.*?)</script>', text, re.DOTALL).group(1)
    assert embedded.count('"at_most"') == 1
    variants = json.loads(embedded)[0]["variants"]
    assert variants["name"] == ["lstm", "gru", "rnn", "s4d", "cnn"]
    assert variants["costs"][LATENCY] == pytest.approx([4.0, 2.0, 1.0, None, 0.5])
    assert variants["shown"][LATENCY] == ["4 ms", "2 ms", "1 ms", None, "0.5 ms"]
    move, facts = opened(group)
    move(slider(LATENCY), 190)
    assert facts()["out"] == ["lstm", "s4d"]
    move(slider(LATENCY), 200)
    assert facts()["out"] == []


def test_without_two_verdicts_there_is_no_panel():
    group = group_of(records(), {"lstm": few("two seeds"), "gru": few("two seeds"), "rnn": few("one seed")})
    assert panel(group) is None
    text = page_of(group)
    assert json.loads(re.search(r'id="choices">(.*?)</script>', text, re.DOTALL).group(1)) == [None]
    assert 'class="panel"' not in text


def test_a_metric_in_which_all_are_alike_has_no_slider():
    made = records()
    for record in made:
        record.metrics[MEMORY] = 64.0
    sliders = panel(group_of(made, STANDINGS)).sliders
    assert [(one.metric, one.low, one.high, one.higher_is_better) for one in sliders] == [
        (LATENCY, 0.5, 4.0, False), (TOKENS, 100.0, 800.0, True)
    ]  # fmt: skip


def test_variants_at_chance_are_recommended_for_no_margin_and_no_bound(opened):
    """The intervals begin at 0.9075 (lstm), 0.9055 (gru) and 0.9025 (rnn)."""
    level = {"chance": {ACCURACY: 0.907}}
    move, facts = opened(group_of(records(data=level), STANDINGS))
    wide = {**STANDINGS, "rnn": equivalent(0.005, 0.013)}
    move(MARGIN, 0.015)
    assert facts()["chosen"] == answer(group_of(records(data=level), wide, margin=0.015))[0] == (
        "Take lstm: accuracy 0.9100 (0.9075 to 0.9125), 3 seeds; no other variant is shown to be as good within 1.5 "
        "points and to beat always answering the commonest class (accuracy 0.907)."
    )
    move(slider(LATENCY), 180)  # 0.5 * 8 ** 0.9 = 3.25 ms, which excludes lstm
    assert facts()["chosen"] == "No recommendation: gru; rnn may be no better than chance."
