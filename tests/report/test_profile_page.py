"""Profiles on a page: what is plotted is what was measured."""

import re

from made_records import HARDWARE, made, over_seeds
from pages import Page

from harness.analysis.comparison import compare
from harness.report.html import html, profiles

POINTS = [
    {"length": 128, "batch_size": 8, "status": "finished", "forward_ms": 2.0, "training_ms": 8.0,
     "forward_peak_mib": 4.0, "training_peak_mib": 20.0},
    {"length": 256, "batch_size": 8, "status": "finished", "forward_ms": 4.5, "training_ms": 17.0,
     "forward_peak_mib": 0.0, "training_peak_mib": 41.0},
    {"length": 1024, "batch_size": 8, "status": "out_of_memory", "forward_ms": 19.0},
]  # fmt: skip


def profile(encoder="lstm", points=POINTS, **more):
    metrics = {"profile/forward_time_exponent": 1.04, "profile/training_memory_exponent": 1.98}
    return made(encoder, accuracy=None, mode="profile", profile=points, metrics=metrics, **more)


def test_the_plots_hold_the_records_points_and_its_exponents():
    time, memory = profiles.figures([profile()])
    assert [(t["name"], t["x"], t["y"]) for t in time["data"]] == [
        ("lstm, forward: L<sup>1.04</sup>", [128, 256, 1024], [2.0, 4.5, 19.0]),
        ("lstm, training", [128, 256], [8.0, 17.0]),
    ]
    assert [(t["name"], t["x"], t["y"]) for t in memory["data"]] == [
        ("lstm, forward", [128], [4.0]),  # a peak of 0 has no place on a logarithmic axis
        ("lstm, training: L<sup>1.98</sup>", [128, 256], [20.0, 41.0]),
    ]
    for plot in (time, memory):
        assert plot["layout"]["xaxis"]["type"] == plot["layout"]["yaxis"]["type"] == "log"
        assert plot["layout"]["xaxis"]["tickvals"] == [128, 256, 1024]
        assert "Ended early, out of memory: lstm at 1,024." in plot["caption"]


def test_plotly_takes_the_figures():
    from plotly.graph_objects import Figure

    for plot in profiles.figures([profile(), profile("gru")]):
        Figure(data=plot["data"], layout=plot["layout"])


def test_each_batch_size_has_a_line_of_its_own():
    more = [{**POINTS[0], "batch_size": 2, "forward_ms": 0.5}]
    time, _ = profiles.figures([profile(points=POINTS[:2] + more)])
    found = {trace["name"]: trace["y"] for trace in time["data"] if "forward" in trace["name"]}
    assert found == {
        "lstm, forward, batch 2: L<sup>1.04</sup>": [0.5],
        "lstm, forward, batch 8: L<sup>1.04</sup>": [2.0, 4.5],
    }


def test_machines_are_shown_apart_and_of_repeated_profiles_the_newest():
    gpu = {"hardware": {**HARDWARE, "accelerator": "gpu", "device_names": ["H200 <NVL>"]}}
    newer = [{**POINTS[0], "forward_ms": 3.0}]
    plots = []
    text = profiles.section([profile(points=newer, started=5), profile(), profile(environment=gpu)], 0, plots)
    assert re.findall(r"<p class=where>On accelerator (\w+)", text) == ["cpu", "gpu"]
    assert "device H200 &lt;NVL&gt;" in text
    assert [plot["data"][0]["y"] for plot in plots if "Time" in plot["title"]] == [[3.0], [2.0, 4.5, 19.0]]


def test_a_busy_machine_is_told():
    time, _ = profiles.figures([profile(environment={"other_processes_cpu_share": 0.2}), profile("gru")])
    assert time["caption"].endswith("Measured on a busy machine, so not comparable: lstm.")


def test_the_report_draws_the_profiles_that_are_among_its_records():
    page = Page(html(compare([*over_seeds("lstm", [0.9, 0.8]), profile()], "x")))
    assert ("h2", "Time and memory against length") in page.texts
    assert ("h3", "Time of a pass against length") in page.texts
    assert "Time and memory" not in html(compare(over_seeds("lstm", [0.9, 0.8]), "x"))


def test_names_on_a_page_of_profiles_are_escaped():
    evil = "<img src=x onerror=alert(1)>"
    text = profiles.html([profile(label=evil), profile("gru", label=f"b/{evil}")], evil)
    page = Page(text)
    assert "img" not in page.tags
    assert ("h1", evil) in page.texts
    embedded = re.search(r'id="figures">(.*?)</script>', text, re.DOTALL).group(1)
    assert "<" not in embedded
    assert "&lt;img" in embedded
