"""The report: its page, its plots, and the means and the description that a sweep's parent run gets."""

import json
import re

import pytest
from made_records import HARDWARE, HISTORY, LATENCY, MEMORY, TOKENS, made, over_seeds, sweep
from pages import Page

from harness.analysis.comparison import compare
from harness.report import plots as pictures
from harness.report import tables
from harness.report.build import compare as build
from harness.report.html import html
from harness.report.html.charts import plots
from harness.runner import sweep_summary


def test_the_page_is_well_formed_and_shows_variants_numbers_and_definitions():
    page = Page(html(compare(sweep(), "my sweep", "encoder=lstm")))
    assert page.open == []
    shown = page.shown()
    assert ("h1", "my sweep") in page.texts
    assert "Take lstm: accuracy 0.910 (0.894 to 0.926), 3 seeds; every other variant is worse." in shown
    assert ("h3", "Against lstm") in page.texts
    assert "0.400 worse, in every run" in shown
    assert re.search(r"gru\s+3\s+0\.510\s+±0\.016", shown)
    assert "median time of one sequence at batch size 1" in shown
    values = [attributes["data-value"] for tag, attributes in page.attributes if "data-value" in attributes]
    assert str(sum([0.90, 0.92, 0.91]) / 3)[:6] in {value[:6] for value in values}


def test_the_page_needs_no_network():
    page = Page(html(compare(sweep(), "x")))
    assert not [a for tag, a in page.attributes if {"src", "href"} & a.keys()]
    assert "link" not in page.tags
    policy = next(a["content"] for tag, a in page.attributes if "http-equiv" in a)
    assert policy.startswith("default-src 'none'")


def test_names_from_elsewhere_are_escaped_wherever_they_go():
    evil, strange = "</script><script>alert(1)</script>", "<marquee>"
    data = {"data": {"hash": strange, "source": strange, "classes": [strange, "b"]}}
    more = {"history": HISTORY, "choices": {"data": strange}, **data}
    records = over_seeds("lstm", [0.9, 0.8], metrics={TOKENS: [1.0, 2.0]}, **more)
    for encoder in (evil, strange):
        records += over_seeds(encoder, [0.7, 0.6], metrics={TOKENS: [3.0, 2.0]}, **more)
    records += [made("gru", accuracy=None, status="failed", reason="<img src=x onerror=alert(2)>")]
    records += [made("tcn", environment={"processor": strange, "versions": {"python": strange}})]
    for record in records:
        record.name = record.ended = strange
    comparison = compare(records, strange, "encoder=lstm")
    text = html(comparison)
    page = Page(text)
    assert "alert(1)" in page.shown()  # as text
    assert not [data for tag, data in page.texts if tag == "script" and data == "alert(1)"]
    assert ("h1", strange) in page.texts
    assert not {"img", "marquee"} & set(page.tags)
    assert "<marquee" not in tables.markdown(comparison).replace("\\<", "")
    assert page.tags.count("script") == 5
    embedded, choices = (
        re.search(rf'id="{name}">(.*?)</script>', text, re.DOTALL)[1] for name in ("figures", "choices")
    )
    assert "<" not in embedded + choices
    assert any("&lt;script&gt;" in json.dumps(figure) for figure in json.loads(embedded))


def test_a_hardware_group_has_plots_of_its_own_under_its_title():
    gpu = {"hardware": {**HARDWARE, "accelerator": "cuda", "device_names": ["H200 <NVL>"]}}
    records = sweep() + over_seeds("rnn", [0.7, 0.8], metrics={LATENCY: [0.1, 0.2]}, environment=gpu)
    page = Page(html(compare(records, "x")))
    titles = [data for tag, data in page.texts if tag == "h3"]
    assert "Accuracy against latency p50 (accelerator cuda, device H200 <NVL>)" in titles
    assert "Accuracy against latency p50 (accelerator cpu, device none)" in titles


def test_figures_are_what_plotly_takes_and_hold_the_numbers():
    from plotly.graph_objects import Figure

    (group,) = compare(sweep(), "x").groups
    drawn = plots(group)
    for plot in drawn:  # as the page embeds them, which Plotly reads back and checks
        assert Figure(json.loads(plot.figure.to_json())).data
    titles = [plot.title for plot in drawn]
    assert titles == [
        "Accuracy of each variant", "Accuracy against latency p50", "Accuracy against train tokens/s",
        "Validation accuracy", "Validation loss",
    ]  # fmt: skip
    points = {trace.legendgroup: trace for trace in drawn[1].figure.data if trace.error_x.array}
    assert (points["gru"]["x"][0], points["gru"]["y"][0]) == pytest.approx((1.1, 0.51))
    gru = next(variant for variant in group.variants if variant.name == "gru")
    assert points["gru"]["error_x"]["array"][0] == pytest.approx(gru.means[LATENCY].half)
    front = drawn[1].figure.data[0]
    assert (front["name"], front["x"]) == ("Pareto front", pytest.approx([1.1, 2.1]))
    curve = next(trace for trace in drawn[3].figure.data if trace["mode"] == "lines+markers")
    assert (curve.x, curve.y) == ((1, 2), (0.5, 0.7))


def test_the_learning_curves_have_a_ring_at_the_best_epoch_of_each_run():
    runs = over_seeds("lstm", [0.9, 0.8], history=HISTORY, metrics={"best/epoch": [2.0, 1.0]})
    runs += over_seeds("gru", [0.9, 0.8], history=HISTORY)  # whose best epochs are not known
    accuracy = next(plot for plot in plots(compare(runs, "x").groups[0]) if plot.title == "Validation accuracy")
    (rings,) = (trace for trace in accuracy.figure.data if trace.mode == "markers")
    assert (rings.legendgroup, rings.marker.symbol) == ("lstm", "circle-open")
    assert (rings.x, rings.y) == ((2, 1), (0.7, 0.5))
    assert rings.hovertext == ("lstm, seed 0: best epoch 2", "lstm, seed 1: best epoch 1")
    assert "Ring: the best epoch of a run, whose weights were tested." in accuracy.caption
    without = plots(compare(over_seeds("gru", [0.9], history=HISTORY), "x").groups[0])
    assert not [plot for plot in without if "Ring" in plot.caption]


def test_a_variant_that_is_worse_in_both_is_not_on_the_front():
    records = sweep() + over_seeds("rnn", [0.4, 0.4, 0.4], metrics={LATENCY: [3.0, 3.1, 3.2], TOKENS: [1.0, 2.0, 3.0]})
    (group,) = compare(records, "x").groups
    assert plots(group)[1].figure.data[0].x == pytest.approx([1.1, 2.1])


def test_means_have_names_that_mlflow_takes(tmp_path):
    records = sweep() + over_seeds("lstm", [0.8, 0.8], config={"encoder.hidden_size": 64})
    means = build(records, tmp_path, "x").means()
    assert means["gru/test/accuracy"] == pytest.approx(0.51)
    assert means["lstm hidden_size:64/test/accuracy"] == pytest.approx(0.8)
    assert all(re.fullmatch(r"[\w\-./: ]+", name) for name in means)


def test_only_plots_with_a_hollow_point_explain_it():
    busy = {"metrics": {LATENCY: [2.0, 2.2], MEMORY: [5.0, 6.0]}, "environment": {"other_processes_cpu_share": 0.9}}
    (group,) = compare(over_seeds("lstm", [0.9, 0.8], **busy), "x").groups
    captions = {plot.title: plot.caption for plot in plots(group)}
    assert "Hollow" in captions["Accuracy against latency p50"]
    assert "Hollow" not in captions["Accuracy against train peak"]


def test_the_answer_of_a_sweep_is_that_of_its_margin_and_requirements(tmp_path, capsys):
    records = []
    for name, accuracy, latency in (("lstm", 0.91, 2.1), ("gru", 0.906, 1.1)):
        scores = [accuracy - 0.004, accuracy, accuracy + 0.004]
        records += over_seeds(name, scores, metrics={LATENCY: [latency] * 3})

    def note(*asked):
        return sweep_summary.of_runs(records, tmp_path, "digits", "s1", *asked).note

    assert "Take gru: it has the lowest latency p50" in note(0.03)
    assert "Take lstm: accuracy 0.910" in note(0.005)
    nobody = note(0.03, ["p50_ms<0.5"])
    assert "No variant meets latency/p50\\_ms\\<0.5: the nearest is gru with 1.1 ms." in nobody


def test_each_sweep_and_the_report_of_a_name_have_a_folder_of_their_own_and_say_where(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for sweep_id, accuracy in (("s1", 0.25), ("s2", 0.75)):
        sweep_summary.of_runs([made(accuracy=accuracy)], tmp_path, "digits", sweep_id, 0.01)
        assert capsys.readouterr().out.endswith(f"report  reports/digits/{sweep_id}/report.html\n")
    build([made(accuracy=0.5)], tmp_path, "digits")
    folders = {"s1": "0.25", "s2": "0.75", ".": "0.5"}
    for folder, accuracy in folders.items():
        file = tmp_path / "reports" / "digits" / folder / "report.md"
        assert f"| lstm | 1 | {accuracy} |" in file.read_text(encoding="utf8")


def test_a_sweeps_description_names_the_runs_that_were_done_before_it(tmp_path, capsys):
    old = [made("gru", seed, skipped=True, sweep=other) for seed, other in enumerate([None, "s1", "s2"])]
    note = sweep_summary.of_runs([*over_seeds("lstm", [0.9, 0.8]), *old], tmp_path, "digits", "s2", 0.01).note
    last = note.splitlines()[-1]
    assert last == "Done before this sweep, so compared here but not among its child runs: `gru/seed=0`, `gru/seed=1`."
    many = [made("gru", seed, skipped=True, sweep="s1") for seed in range(23)]
    assert sweep_summary.of_runs(many, tmp_path, "digits", "s2", 0.01).note.endswith("`gru/seed=19` and 3 more.\n")
    new = sweep_summary.of_runs(over_seeds("lstm", [0.9, 0.8]), tmp_path, "digits", "s2", 0.01)
    assert "Done before" not in new.note


@pytest.mark.parametrize("accuracies", [[1.0], [0.0, 0.0], [0.98, 1.0]])
def test_axes_of_shares_end_just_beyond_what_a_share_can_be_even_around_one_variant(tmp_path, accuracies):
    measured = {"latency/p50_ms": [3.0] * len(accuracies)}
    records = over_seeds("lstm", accuracies, metrics=measured, history=[{"epoch": 1, "val/accuracy": 1.0}])
    drawn = plots(compare(records, "x").groups[0])
    sides = ["xaxis", "yaxis", "yaxis"]
    ranges = [plot.figure.layout[side].range for plot, side in zip(drawn, sides, strict=True)]
    for low, high in ranges:
        assert -0.02 <= low < high <= 1.02
    mean = sum(accuracies) / len(accuracies)
    assert ranges[1][0] <= mean <= ranges[1][1]


def test_the_learning_curves_of_several_labels_show_the_score_that_chooses_the_epoch(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(pictures, "save", lambda figure, file: figures.append(figure))
    entry = {"train/loss": 0.5, "val/f1_micro": 0.25, "val/f1_macro": 0.5, "val/exact_match": 0.25, "val/loss": 0.75}
    pictures.learning_curves([{"epoch": 1, **entry}, {"epoch": 2, **entry, "val/f1_micro": 0.5}], tmp_path / "a.png")
    lines = {axis.get_ylabel(): [list(line.get_ydata()) for line in axis.lines] for axis in figures[0].axes}
    assert lines == {"loss": [[0.5, 0.5], [0.75, 0.75]], "f1 micro": [[0.25, 0.5]]}
