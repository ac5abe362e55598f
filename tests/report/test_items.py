"""The test items that variants disagree on, in the report's page and in Markdown, with texts where there are any."""

import re
import shutil

import numpy as np
import pytest
from browser import wait_for
from conftest import QUICK
from made_records import classified, made
from pages import Page

from harness.analysis.comparison import compare
from harness.data import from_sequences, open_prepared, prepare
from harness.data.tokenizers import WORD_START
from harness.report import item_texts, items, tables
from harness.report.build import compare as build
from harness.report.html import html
from harness.report.html.items import BEGINNING
from harness.report.markdown import escaped

TRUTH = [0, 1, 0, 1, 1]
PREDICTED = {"lstm": [[0, 1, 0, 1, 0], [0, 1, 0, 0, 0]], "GRU": [[1, 1, 0, 0, 1], [1, 1, 0, 0, 1]]}
SENTENCE = (
    "Of 5 test items, lstm and GRU are both right or both wrong on 50.0 %; lstm alone is right on 1.5, GRU alone on 1 "
    "(means over all pairs of their runs). Two runs of lstm agree on 80.0 %, two runs of GRU agree on 100.0 %."
)


@pytest.fixture
def records(tmp_path):
    return classified(tmp_path, PREDICTED, TRUTH, ["neg", "<pos>"])


def test_the_page_and_the_markdown_say_how_often_the_best_two_agree_and_list_the_items(records):
    comparison = compare(records, "made")
    page = Page(html(comparison))
    assert page.open == []
    shown = " ".join(page.shown().split())
    assert SENTENCE in shown
    assert items.HEADING in shown
    assert "3 test items on which lstm, GRU differ, the largest differences first." in shown
    assert "0 neg neg 2 of 2 <pos> 2 of 2" in shown
    assert "3 <pos> <pos> 1 of 2 neg 2 of 2" in shown
    text = tables.markdown(comparison)
    assert escaped(SENTENCE) in text
    assert "| row | truth | lstm | GRU |\n|---:|---|---|---|\n| 0 | neg | neg (2 of 2) | \\<pos\\> (2 of 2) |" in text


def test_one_run_each_needs_no_numbers_of_runs(tmp_path):
    comparison = compare(classified(tmp_path, {"lstm": [[0, 1]], "gru": [[0, 0]]}, [0, 1], ["a", "b"]), "made")
    text = tables.markdown(comparison)
    assert "lstm alone is right on 1, gru alone on 0." in text
    assert "Two runs" not in text
    assert "| 1 | b | b | a |" in text


def test_an_answer_that_is_the_truth_is_not_marked_wrong_though_most_runs_are(tmp_path):
    runs = {"lstm": [[0, 1], [0, 1], [1, 1], [2, 1], [3, 1]], "gru": [[1, 0]] * 5}
    page = Page(html(compare(classified(tmp_path, runs, [0, 1], ["a", "b", "c", "d"]), "made")))
    kinds = [(own["data-right"], own["data-wrong"]) for _, own in page.attributes if "data-right" in own]
    assert kinds == [("0", "1"), ("", "1")]
    assert "0 a a 2 of 5 b 5 of 5" in " ".join(page.shown().split())


def test_without_predictions_reports_are_as_before():
    comparison = compare([made("lstm"), made("gru", accuracy=0.5)], "made")
    assert "disagree" not in Page(html(comparison)).shown()
    assert "disagree" not in tables.markdown(comparison)


def test_predictions_that_cannot_be_used_are_named_in_the_notes(records, tmp_path):
    file = records[0].folder / "predictions.npz"
    file.write_bytes(b"cut")
    report = build(records, tmp_path / "outputs", "made")
    assert "Left out: " in report.markdown
    assert escaped(f"{file} holds no predictions (it is no archive of arrays)") in report.markdown
    assert "lstm alone is right on 1, GRU alone on 1 " in report.markdown  # by the run of lstm that is left


LOADER = """
import numpy as np
from harness.data import from_sequences

def load(rows=53):
    rng = np.random.default_rng(0)

    def part():
        x = [[2 + one % 2, *rng.integers(4, 30, 7 if one % 5 else 200)] for one in rng.integers(0, 99, rows)]
        return x, ["ab"[(row[0] + (rng.random() < 0.4)) % 2] for row in x]

    return from_sequences(part(), part(), part(), classes="ab",
                          vocabulary=["[PAD]", "[UNK]", *(f"word{number}" for number in range(2, 30))])
"""


def test_texts_come_from_the_prepared_data_wherever_they_are_and_are_absent_where_these_are_gone(command, tmp_path):
    (tmp_path / "my_texts.py").write_text(LOADER)
    ended = command("-m", "data=custom", "data._target_=my_texts.load", "tracking=none", "seed=0,1",
                    "encoder=bag_of_embeddings,gru", *QUICK)  # fmt: skip
    assert ended.code == 0, ended.err
    (file,) = (tmp_path / "outputs" / "reports" / "custom").glob("*/report.html")
    page = file.read_text()
    assert items.HEADING in page
    found = item_texts.texts(ended.records[0], [0, 7])
    assert list(found) == [0, 7]
    data = open_prepared(next(tmp_path.glob("outputs/cache/*/meta.json")).parent)
    assert found[7] == " ".join(data.vocabulary[number] for number in data.test.sequence(7))
    listed = re.search(r'data-truth=.*?<td class="number">(\d+)</td>\n<td class="text">(.*?)<', page, re.DOTALL)
    assert item_texts.texts(ended.records[0], [int(listed[1])])[int(listed[1])].startswith(listed[2])
    assert BEGINNING / 2 < max(len(text) for text in re.findall(r'<td class="text">(.*?)<', page)) <= BEGINNING
    assert "<summary>more</summary>" in page

    moved = tmp_path / "moved"
    (tmp_path / "outputs").rename(moved)
    for record in ended.records:
        record.folder = moved / record.run_dir
    assert item_texts.texts(ended.records[0], [0, 7]) == found

    for file in moved.glob("cache/*/test.x.npy"):
        file.write_bytes(file.read_bytes()[:-4])
    assert item_texts.texts(ended.records[0], [0, 7]) == {}
    shutil.rmtree(moved / "cache")
    assert item_texts.texts(ended.records[0], [0, 7]) == {}
    text = html(compare(ended.records, "made"))
    assert items.HEADING in text
    assert "<th scope=\"col\">text</th>" not in text


@pytest.mark.parametrize(("tokens", "expected"), [(True, {1: "x"}), (False, {})])
def test_sequences_of_features_have_no_text_and_data_of_another_hash_are_not_taken(tmp_path, tokens, expected):
    x = [[2, 3], [2]] if tokens else [np.ones((2, 3), np.float32), np.ones((1, 3), np.float32)]
    part = (x, ["a", "b"])
    vocabulary = ["[PAD]", "[UNK]", "x", "y"] if tokens else []
    data = from_sequences(part, part, part, classes=["a", "b"], vocabulary=vocabulary)
    prepare(lambda: data, {}, tmp_path / "cache")
    record = made(folder=tmp_path / "runs" / "one", run_dir="runs/one", data={"hash": data.hash})
    assert item_texts.texts(record, [1]) == expected
    record.data.hash = "another"
    assert item_texts.texts(record, [1]) == {}


@pytest.mark.parametrize(
    ("tokenizer", "vocabulary", "ids", "expected"),
    [
        ("words", ["[PAD]", "[UNK]", "a", "film"], [2, 1, 3], "a [UNK] film"),
        ("characters", ["[PAD]", "[UNK]", "a", " ", "b"], [2, 3, 4], "a b"),
        ("subwords", ["[PAD]", "[UNK]", f"{WORD_START}film", "s", f"{WORD_START}a"], [4, 2, 3], "a films"),
        ("bytes", ["[PAD]", "[UNK]", *(str(byte) for byte in range(256))], [0xC3 + 2, 0xA9 + 2, 65 + 2], "éA"),
        ("words", ["[PAD]", "[UNK]", "a"], [2] * 401, " ".join(["a"] * 400) + " …"),
    ],
)  # fmt: skip
def test_tokens_are_put_together_as_their_tokenizer_took_them_apart(tokenizer, vocabulary, ids, expected):
    assert item_texts._text(np.array(ids), vocabulary, tokenizer) == expected


SHOWN = """
return [...document.querySelectorAll(".items tbody tr")].filter(row => !row.hidden).map(row => row.cells[0].innerText)
"""


def test_items_are_filtered_by_who_is_right_and_by_class(records, browser, tmp_path):
    (tmp_path / "report.html").write_text(html(compare(records, "made")), encoding="utf8")
    browser.get_log("browser")  # what earlier tests left
    browser.get(f"file://{tmp_path}/report.html")
    browser.find_element("css selector", ".items summary").click()

    def choose(name, text):
        chosen = next(
            option for option in browser.find_elements("css selector", f".item-filter [name={name}] option")
            if option.text == text
        )  # fmt: skip
        chosen.click()
        return browser.execute_script(SHOWN)

    assert browser.execute_script(SHOWN) == ["0", "4", "3"]
    assert choose("right", "lstm") == ["0"]  # on row 3 only half of its runs are
    assert browser.find_element("css selector", ".item-filter output").text == "1 of 3 items"
    assert choose("wrong", "lstm") == []
    assert choose("right", "any") == ["4"]
    assert choose("right", "GRU") == ["4"]
    assert choose("truth", "neg") == []
    assert choose("truth", "<pos>") == ["4"]
    for name in ("right", "wrong"):
        choose(name, "any")
    wait_for(browser, lambda: browser.execute_script(SHOWN) == ["4", "3"], "the rows of a class")
    answers = browser.find_elements("css selector", ".items tbody tr:not([hidden]) td[class]:not(.number)")
    assert [one.get_attribute("class") for one in answers] == ["wrong", "right", "", "wrong"]  # of rows 4 and 3
    right = browser.find_element("css selector", ".items td.right")
    assert right.value_of_css_property("color") == "rgba(11, 110, 79, 1)"
    assert [entry["message"] for entry in browser.get_log("browser")] == []
