"""Profiles on a page: the plots show what was measured."""

import json
import re
from dataclasses import replace

from made_records import HARDWARE, made, over_seeds
from pages import Page

from harness.analysis.comparison import compare
from harness.records.record import Point
from harness.report.html import html, profile_page

POINTS = [
    Point(128, 8, numbers={"forward_ms": 2.0, "training_ms": 8.0, "forward_peak_mib": 4.0, "training_peak_mib": 20.0}),
    Point(256, 8, numbers={"forward_ms": 4.5, "training_ms": 17.0, "forward_peak_mib": 0.0, "training_peak_mib": 41.0}),
    Point(1024, 8, "out_of_memory", numbers={"forward_ms": 19.0}),
]


def with_forward(milliseconds, **more):
    """The first point with another forward time."""
    return replace(POINTS[0], numbers={**POINTS[0].numbers, "forward_ms": milliseconds}, **more)


def profile(encoder="lstm", points=POINTS, **more):
    metrics = {"profile/forward_time_exponent": 1.04, "profile/training_memory_exponent": 1.98}
    return made(encoder, accuracy=None, mode="profile", profile=points, metrics=metrics, **more)


def test_the_plots_hold_the_records_points_and_its_exponents():
    time, memory = profile_page.plots([profile()])
    assert [(t.name, t.x, t.y) for t in time.figure.data] == [
        ("lstm, forward: L<sup>1.04</sup>", (128, 256, 1024), (2.0, 4.5, 19.0)),
        ("lstm, training", (128, 256), (8.0, 17.0)),
    ]
    assert [(t.name, t.x, t.y) for t in memory.figure.data] == [
        ("lstm, forward", (128,), (4.0,)),  # a logarithmic axis cannot show a peak of 0
        ("lstm, training: L<sup>1.98</sup>", (128, 256), (20.0, 41.0)),
    ]
    for plot in (time, memory):
        assert plot.figure.layout.xaxis.type == plot.figure.layout.yaxis.type == "log"
        assert plot.figure.layout.xaxis.tickvals == (128, 256, 1024)
        assert "Ended early, out of memory: lstm at 1,024." in plot.caption


def test_the_axis_of_a_short_span_has_labels_of_its_own():
    time, memory = profile_page.plots([profile()])  # 2 to 19 ms, 4 to 41 MiB
    assert time.figure.layout.yaxis.tickvals == (2, 5, 10, 20)
    assert memory.figure.layout.yaxis.ticktext == ("4", "5", "7", "10", "15", "20", "30", "40")
    low, high = (10**end for end in time.figure.layout.yaxis.range)
    assert 1.5 < low < 2
    assert 19 < high < 25


def test_the_points_are_a_table_of_length_time_and_memory_for_each_encoder():
    late = Point(512, 8, "timed_out")
    text = profile_page.html([profile(), profile("gru", [with_forward(1234.5, length=64), late])], "x")
    page = Page(text)
    heads = [data for tag, data in page.texts if tag == "button"]
    assert heads[-7:] == ["profile", "length", "batch", "forward ms", "training ms", "forward MiB", "training MiB"]
    rows = re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", text, re.DOTALL)
    assert [" ".join(Page(row).shown().split()) for row in rows] == [
        "lstm 128 8 2 8 4 20", "lstm 256 8 4.5 17 0 41", "lstm 1,024 8 19 – – – out of memory",
        "gru 64 8 1,234 8 4 20", "gru 512 8 – – – – time-out",
    ]  # fmt: skip
    values = [own["data-value"] for tag, own in page.attributes if tag == "td" and "data-value" in own]
    assert values[-8:-2] == ["64", "8", "1234.5", "8.0", "4.0", "20.0"]


def test_where_there_is_a_device_its_memory_is_plotted():
    numbers = {"forward_peak_mib": 30.0, "forward_device_peak_mib": 4.0}
    points = [Point(length, 8, numbers=numbers) for length in (128, 256)]
    (memory,) = profile_page.plots([profile(points=points)])
    assert [(trace.name, trace.y) for trace in memory.figure.data] == [("lstm, forward", (4.0, 4.0))]
    assert memory.figure.layout.yaxis.title.text == "device peak MiB over what was allocated before"


def test_plotly_accepts_the_figures():
    from plotly.graph_objects import Figure

    for plot in profile_page.plots([profile(), profile("gru")]):
        embedded = Figure(json.loads(plot.figure.to_json()))  # Plotly reads it back and checks it
        assert [trace.name for trace in embedded.data] == [trace.name for trace in plot.figure.data]


def test_each_batch_size_has_a_line_of_its_own():
    points = [*POINTS[:2], with_forward(0.5, batch_size=2)]
    time, _ = profile_page.plots([profile(points=points)])
    lines = {trace.name: trace.y for trace in time.figure.data if "forward" in trace.name}
    assert lines == {
        "lstm, forward, batch 2: L<sup>1.04</sup>": (0.5,),
        "lstm, forward, batch 8: L<sup>1.04</sup>": (2.0, 4.5),
    }


def test_machines_are_shown_apart_and_of_repeated_profiles_the_newest():
    gpu = {"hardware": {**HARDWARE, "accelerator": "gpu", "device_names": ["H200 <NVL>"]}}
    records = [profile(points=[with_forward(3.0)], started=5), profile(), profile(environment=gpu)]
    text = profile_page.html(records, "x")
    assert re.findall(r'<p class="where">On accelerator (\w+)', text) == ["cpu", "gpu"]
    assert "device H200 &lt;NVL&gt;" in text
    plots = [plot for part in profile_page.by_machine(records).values() for plot in part.plots]
    assert [plot.figure.data[0].y for plot in plots if "Time" in plot.title] == [(3.0,), (2.0, 4.5, 19.0)]


def test_a_busy_machine_is_reported():
    time, _ = profile_page.plots([profile(environment={"other_processes_cpu_share": 0.2}), profile("gru")])
    assert time.caption.endswith("Measured on a busy machine, so repeat it on a quiet one: lstm.")


def test_the_points_of_a_disturbed_profile_are_marked_in_the_table():
    busy = profile(environment={"other_processes_cpu_share": 0.49})
    (part,) = profile_page.by_machine([busy, profile("gru")]).values()
    assert [(point.profile, point.length, point.notes) for point in part.points] == [
        ("lstm", 128, "busy machine"), ("lstm", 256, "busy machine"), ("lstm", 1024, "out of memory, busy machine"),
        ("gru", 128, ""), ("gru", 256, ""), ("gru", 1024, "out of memory"),
    ]  # fmt: skip
    assert "<td>out of memory, busy machine</td>" in profile_page.html([busy, profile("gru")], "x")


def test_the_caption_says_which_lengths_are_fitted():
    time, _ = profile_page.plots([profile()])
    assert "fitted over the longer half of the lengths (at least 3)." in time.caption


def test_the_report_draws_the_profiles_among_its_records():
    page = Page(html(compare([*over_seeds("lstm", [0.9, 0.8]), profile()], "x")))
    assert ("h2", "Time and memory against length") in page.texts
    assert ("h3", "Time of a pass against length") in page.texts
    assert "Time and memory" not in html(compare(over_seeds("lstm", [0.9, 0.8]), "x"))


def test_names_on_a_page_of_profiles_are_escaped():
    evil = "<img src=x onerror=alert(1)>"
    text = profile_page.html([profile(evil), profile("gru", overrides=[f"b={evil}"])], evil)
    page = Page(text)
    assert "img" not in page.tags
    assert ("h1", evil) in page.texts
    embedded = re.search(r'id="figures">(.*?)</script>', text, re.DOTALL).group(1)
    assert "<" not in embedded
    assert "&lt;img" in embedded
