"""What the pages show in a browser: the report, and MLflow's pages on a sweep."""

import json
import socket
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from browser import close_assistant, text, wait_for
from made_records import over_seeds
from PIL import Image
from ports import free_ports

from harness import tracking
from harness.analysis.comparison import compare
from harness.config.schema import TrackingConfig
from harness.records import store
from harness.records.store import file_name
from harness.report import build
from harness.report.html import html

LATENCY, TOKENS, MEMORY = "latency/p50_ms", "speed/train_tokens_per_second", "memory/host_train_peak_mib"
CURVE = [{"epoch": 1, "val/accuracy": 0.5, "val/loss": 2.0}, {"epoch": 2, "val/accuracy": 0.7, "val/loss": 1.0}]
TABLE = """
return [...document.querySelector(".sortable").tBodies[0].rows].map(row => [...row.cells].map(cell => cell.innerText))
"""
FIGURES = """
return [...document.querySelectorAll("figure")].map(figure => ({
  title: figure.querySelector("h3").innerText,
  traces: figure.querySelector(".canvas").data.map(trace => ({
    name: trace.name || trace.legendgroup, x: trace.x, y: trace.y, mode: trace.mode, fill: trace.fill || ""})),
  points: figure.querySelectorAll(".scatterlayer .trace .point").length,
  lines: figure.querySelectorAll(".scatterlayer .trace .js-line").length,
  fills: figure.querySelectorAll(".scatterlayer .trace .js-fill").length,
  names: [...figure.querySelectorAll(".scatterlayer .textpoint")].map(text => text.textContent)}))
"""


def records():
    """Three variants over three seeds; rnn is the worst in everything, so on no Pareto front."""
    numbers = {
        "lstm": ([0.90, 0.92, 0.91], [2.0, 2.2, 2.1], [100.0, 110.0, 105.0]),
        "gru": ([0.70, 0.72, 0.71], [1.0, 1.2, 1.1], [200.0, 210.0, 205.0]),
        "rnn": ([0.30, 0.32, 0.31], [10.0, 10.2, 10.1], [50.0, 52.0, 51.0]),
    }
    return [
        record
        for name, (accuracy, latency, tokens) in numbers.items()
        for record in over_seeds(name, accuracy, metrics={LATENCY: latency, TOKENS: tokens}, history=CURVE)
    ]


@pytest.fixture
def page(browser, tmp_path):
    """The report of the three variants, open in the browser, which must log no error."""
    browser.get_log("browser")  # forgets what other pages logged
    (tmp_path / "report.html").write_text(html(compare(records(), "digits")), encoding="utf8")
    browser.get(f"file://{tmp_path}/report.html")
    wait_for(browser, lambda: browser.execute_script("return document.querySelectorAll('.main-svg').length"), "plots")
    yield browser
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_the_report_shows_the_rows_the_best_first_and_sorts_them_by_a_click(page):
    assert page.find_element("css selector", "h1").text == "digits"
    assert page.find_elements("css selector", "h2") == []  # the page does not repeat its name
    rows = page.execute_script(TABLE)
    assert [row[0] for row in rows] == ["lstm", "gru", "rnn"]
    best = "best; every other variant with a verdict is worse"
    shown = ["lstm", "3", "0.910 best", best, "105.0", "2.10"]
    assert [cell.split("\n")[0] for cell in rows[0]] == shown
    assert [cell.split("\n")[0] for cell in rows[1][3:]] == [
        "worse: 20 points behind the best, at most 22", "205.0 best", "1.10 best"
    ]  # fmt: skip
    assert rows[0][2].split("\n")[1] == "±0.014"
    latency = next(b for b in page.find_elements("css selector", ".sortable button") if b.text == "latency p50, ms")
    latency.click()
    assert [row[0] for row in page.execute_script(TABLE)] == ["gru", "lstm", "rnn"]  # as text, 10.1 were before 2.1
    latency.click()
    assert [row[0] for row in page.execute_script(TABLE)] == ["rnn", "lstm", "gru"]


def test_the_report_marks_the_best_variant_of_each_column_and_no_other(page):
    heads = [head.text for head in page.find_elements("css selector", ".sortable thead th")]
    for column, name in (("accuracy", "lstm"), ("train tokens/s", "gru"), ("latency p50, ms", "gru")):
        place = heads.index(column) + 1
        marked = page.find_elements("css selector", f".sortable tbody td.best:nth-child({place})")
        assert [cell.find_element("xpath", "../th").text for cell in marked] == [name]
        badge = marked[0].find_element("css selector", ".badge")
        assert badge.text == "best"
        assert badge.value_of_css_property("background-color") == "rgba(11, 110, 79, 1)"


def test_the_report_draws_the_front_the_intervals_and_the_learning_curves(page):
    drawn = {figure["title"]: figure for figure in page.execute_script(FIGURES)}
    assert list(drawn) == [
        "Accuracy of each variant", "Accuracy against latency p50", "Accuracy against train tokens/s",
        "Validation accuracy", "Validation loss",
    ]  # fmt: skip
    plot = drawn["Accuracy against latency p50"]
    front, *variants = plot["traces"]
    assert (front["name"], front["x"], front["y"]) == (
        "Pareto front", pytest.approx([1.1, 2.1]), pytest.approx([0.71, 0.91])
    )  # fmt: skip
    assert [trace["name"] for trace in variants] == plot["names"] == ["lstm", "gru", "rnn"]
    assert (plot["points"], plot["lines"]) == (3, 1)
    curves = drawn["Validation accuracy"]
    lines = [trace for trace in curves["traces"] if trace["mode"] == "lines+markers"]
    assert [(trace["name"], trace["x"], trace["y"]) for trace in lines] == [
        (name, [1, 2], [0.5, 0.7]) for name in ("lstm", "gru", "rnn")
    ]
    assert (curves["points"], curves["fills"]) == (6, 3)
    assert len(page.find_elements("css selector", ".canvas .errorbar path.xerror")) == 3 + 2 * 3


def test_a_click_on_a_variants_chip_hides_it_in_every_plot(page):
    def points():
        return [figure["points"] for figure in page.execute_script(FIGURES)]

    assert points() == [12, 3, 3, 6, 6]
    next(chip for chip in page.find_elements("css selector", ".chip") if chip.text == "gru").click()
    wait_for(page, lambda: points() == [8, 2, 2, 4, 4], "the hidden variant's points to go")


def test_the_report_fits_a_narrow_screen(page):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 420, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        page.refresh()
        wait_for(page, lambda: page.execute_script("return document.querySelectorAll('.main-svg').length"), "plots")
        assert page.execute_script("return document.documentElement.scrollWidth") == 420
        widths = page.execute_script("return [...document.querySelectorAll('.main-svg')].map(svg => svg.clientWidth)")
        assert 300 < max(widths) <= 420
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_picture_is_saved_with_its_title_and_the_names_of_its_variants(page, tmp_path):
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    figures = {
        figure.find_element("css selector", "h3").text: figure
        for figure in page.find_elements("css selector", "figure")
    }
    for title, kind in (("Validation accuracy", "svg"), ("Accuracy of each variant", "png")):
        figures[title].find_element("css selector", f".save [data-format={kind}]").click()
    vector, pixels = tmp_path / "digits-validation-accuracy.svg", tmp_path / "digits-accuracy-of-each-variant.png"
    wait_for(page, lambda: vector.is_file() and pixels.is_file(), "the files")
    drawing = ElementTree.parse(vector).getroot()
    texts = {text.text or "" for text in drawing.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Validation accuracy", "epoch", "lstm", "gru", "rnn"} <= texts
    canvas = figures["Accuracy of each variant"].find_element("css selector", ".canvas")
    with Image.open(pixels) as picture:
        assert picture.size == (2 * canvas.size["width"], 2 * (canvas.size["height"] + 26))
        assert picture.convert("RGBA").getpixel((1, 1)) == (255, 255, 255, 255)


def test_a_saved_picture_has_what_is_shown_a_hidden_variant_is_absent(page, tmp_path):
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    next(chip for chip in page.find_elements("css selector", ".chip") if chip.text == "gru").click()
    page.find_element("css selector", "figure:last-of-type .save [data-format=svg]").click()
    file = tmp_path / "digits-validation-loss.svg"
    wait_for(page, file.is_file, "the file")
    texts = [text.text for text in ElementTree.parse(file).getroot().iter("{http://www.w3.org/2000/svg}text")]
    assert ("lstm" in texts, "gru" in texts, "rnn" in texts) == (True, False, True)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """The MLflow store of a sweep of two encoders and two seeds: the ids of its parent and of its runs by name."""
    folder = tmp_path_factory.mktemp("outputs")
    tracked = []
    for record in records():
        if record.choices["encoder"] == "rnn" or record.seed == 2:
            continue
        record.config |= {"rerun": False}
        record.data.max_length = 8
        record.sweep, record.history = "s1", [{"epoch": 1, "val/accuracy": 0.5}]
        record.run_dir = f"runs/{file_name(record.label)}"
        record.folder = folder / record.run_dir
        record.folder.mkdir(parents=True)
        store.write(record)
        tracker = tracking.open_tracker(TrackingConfig(uri=None, system_metrics_seconds=None), folder)
        record.mlflow_run_id = tracker.start(record)
        tracker.epoch({"epoch": 1, "val/accuracy": 0.5})
        tracker.sync(record)
        tracked.append(record)
    compared = build.compare(tracked, folder, "digits")
    summary = tracking.Summary(compared.files, compared.files[0].read_text(encoding="utf8"), compared.means())
    tracking.end_sweep(tracking.store_uri(None, folder), "digits", "s1", "finished", summary)
    return folder, {record.label: record.mlflow_run_id for record in tracked}


@pytest.fixture(scope="module")
def pages(sweep):
    """``python -m harness ui`` on the store: the addresses that it prints, by what they show."""
    folder, _ = sweep
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "harness", "ui", "--output-dir", str(folder), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        addresses = {"home": f"http://127.0.0.1:{port}"}
        for line in server.stdout:
            view, _, address = line.strip().partition(" ")
            addresses[view] = address.strip()
            if view == "sweeps":
                break
        yield addresses
    finally:
        server.terminate()
        assert server.wait(30) == 143
        with socket.socket() as probe:  # MLflow's own server has ended with it
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def look_at(browser, address):
    """Open an address from an empty page: a page of MLflow keeps what it showed before."""
    browser.get("about:blank")
    browser.get(address)


def names(browser):
    """The rows of the run table: each name and how far it is indented."""
    links = browser.find_elements("css selector", ".ag-cell a[href*='/runs/']")
    return {link.text: link.rect["x"] for link in links}


def test_mlflow_shows_a_sweep_as_one_row_with_its_runs_beneath(browser, pages, sweep):
    look_at(browser, pages["sweeps"])
    wait_for(browser, lambda: list(names(browser)) == ["sweep s1"], "the table of sweeps")
    browser.find_element("css selector", ".ag-cell[col-id*='Run Name'] button").click()
    wait_for(browser, lambda: len(names(browser)) == 5, "the runs beneath the sweep")
    shown = names(browser)
    parent = shown.pop("sweep s1")
    assert set(shown) == set(sweep[1]) == {"lstm/seed=0", "lstm/seed=1", "gru/seed=0", "gru/seed=1"}
    assert set(shown.values()) == {parent + 24}


COLUMNS = """
return [...document.querySelectorAll(".ag-center-cols-container, .ag-header-viewport")].map(part =>
  [...part.querySelectorAll(".ag-header-cell, .ag-row:first-child .ag-cell")]
    .sort((one, other) => one.getBoundingClientRect().x - other.getBoundingClientRect().x)
    .map(cell => [cell.getAttribute("col-id"), cell.innerText]))
"""


def test_the_first_printed_link_lands_on_the_runs_the_best_first_and_shows_score_and_speed(browser, pages):
    look_at(browser, pages["runs"])
    wait_for(browser, lambda: len(names(browser)) == 4, "the table of runs")
    close_assistant(browser)  # it leaves room for one column
    wait_for(browser, lambda: LATENCY in text(browser), "the columns")
    assert list(names(browser)) == ["lstm/seed=1", "lstm/seed=0", "gru/seed=1", "gru/seed=0"]
    heads, cells = browser.execute_script(COLUMNS)
    shown = ["test/accuracy", TOKENS, LATENCY]
    assert [column for column, _ in heads[:3]] == [f"metrics.`{metric}`" for metric in shown]
    assert [value for _, value in cells[:3]] == ["0.92", "110", "2.2"]
    assert "telemetry" not in text(browser)


def test_mlflow_charts_the_numbers_of_a_run_as_bars(browser, pages):
    look_at(browser, pages["runs"] + "&compareRunsMode=CHART")
    wait_for(browser, lambda: len(names(browser)) == 4 and "val/accuracy" in text(browser), "the runs' charts")
    shown = text(browser)
    assert "4 matching runs" in shown
    for metric, bars in ((LATENCY, "1.00\n1.20\n2.00\n2.20"), (TOKENS, "200.00\n210.00\n100.00\n110.00")):
        assert f"{metric}\n{bars}\n" in shown


def test_mlflows_compare_page_has_the_runs_numbers_side_by_side(browser, pages, sweep):
    numbers = {"lstm/seed=1": ["2.2", "110", "0.92", "0.5"], "gru/seed=0": ["1", "200", "0.7", "0.5"]}
    runs = [sweep[1][name] for name in numbers]
    browser.get(f"{pages['home']}/#/compare-runs?runs={json.dumps(runs)}&experiments=[%221%22]")
    wait_for(browser, lambda: "Artifacts" in text(browser), "the compared metrics")
    shown = text(browser)
    assert "Comparing 2 Runs from 1 Experiment" in shown
    order = sorted(numbers, key=shown.splitlines().index)
    section = shown.split("Metrics\nShow diff only\n")[1].split("\nArtifacts")[0].splitlines()
    assert section[:4] == [LATENCY, TOKENS, "test/accuracy", "val/accuracy"]
    assert section[4:] == [value for pair in zip(*(numbers[name] for name in order), strict=True) for value in pair]


def test_the_sweeps_own_page_shows_the_answer_and_the_variants_means(browser, pages, sweep):
    look_at(browser, pages["sweeps"])
    wait_for(browser, lambda: "sweep s1" in names(browser), "the run table")
    browser.find_element("link text", "sweep s1").click()
    wait_for(browser, lambda: "Child runs" in text(browser) and "lstm/seed=0" in text(browser), "the sweep's page")
    shown = text(browser)
    assert "No recommendation: one or two seeds do not tell a difference from noise" in shown
    assert "lstm/test/accuracy\n0.91\n" in shown
    assert [name for name in sweep[1] if name not in shown] == []  # links to its runs
