"""Profiles in the terminal and as a picture, from records built by hand."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from made_records import made
from rich.console import Console

from harness.records.record import Point
from harness.report import plots, profiles
from harness.report.build import show_profiles, summarise_profiles
from harness.report.profiles import (
    COLUMNS,
    Curve,
    axis_label,
    curves,
    exponents_table,
    picture,
    points_table,
    short_labels,
)


def record(label, points=(), **exponents):
    """A profile; its encoder and overrides are those of the label."""
    encoder, *rest = label.split("/")
    overrides = [part for part in rest if not part.startswith("seed=")]
    metrics = {f"profile/{name}_exponent": value for name, value in exponents.items()}
    return made(
        encoder, accuracy=None, mode="profile", label=label, overrides=overrides, profile=list(points), metrics=metrics
    )


def shown(table):
    console = Console(width=200)
    with console.capture() as captured:
        console.print(table)
    return [line.split() for line in captured.get().splitlines()]


POINTS = [
    Point(128, 8, numbers={
        "forward_ms": 2.0, "forward_ms_p95": 3.5, "training_ms": 8.0, "training_ms_p95": 9.0, "forward_peak_mib": 4.0,
        "training_peak_mib": 20.0, "tokens_per_second_forward": 512000.0, "tokens_per_second_training": 128000.0,
    }),
    Point(256, 8, "out_of_memory", numbers={"forward_ms": 4.0, "forward_ms_p95": 5.0}),
    Point(512, 8, "timed_out"),
]  # fmt: skip


def test_brackets_in_labels_and_reasons_are_shown_and_not_read_as_markup(capsys):
    label = "lstm/[red]sizes=[64]"
    assert shown(exponents_table([record(label), record("gru")]))[2][0] == label
    show_profiles([replace(record(label, POINTS), status="failed", reason="[bold]boom[/]"), record("gru")])
    printed = capsys.readouterr().out
    assert f"failed {label}: [bold]boom[/]" in printed
    assert f"\nprofile of {label}: median ms (95th percentile)\n" in printed


def test_a_row_for_each_point_with_its_spread_and_its_status():
    lines = shown(points_table(record("lstm/seed=0", POINTS)))
    assert lines[0][:4] == ["length", "batch", "forward", "ms"]
    assert lines[1] == ["128", "8", "2", "(3.5)", "8", "(9)", "512,000", "128,000", "4", "20"]
    assert lines[2] == ["256", "8", "4", "(5)", "-", "-", "-", "-", "-", "out", "of", "memory"]
    assert lines[3] == ["512", "8", "-", "-", "-", "-", "-", "-", "time-out"]


def test_a_number_that_no_point_has_gets_no_column():
    assert "device" not in str(shown(points_table(record("lstm/seed=0", POINTS))))
    on_device = [replace(POINTS[0], numbers={**POINTS[0].numbers, "training_device_peak_mib": 33.0})]
    assert shown(points_table(record("lstm/seed=0", on_device)))[1][-1] == "33"


def test_exponents_side_by_side_and_a_dash_where_there_is_none():
    done = [
        record("lstm/seed=0", forward_time=1.0, training_time=1.04, forward_memory=0.9, training_memory=0.98),
        record("self_attention/seed=0/encoder.score=additive", forward_time=1.98),
    ]
    lines = shown(exponents_table(done))
    assert lines[2] == ["lstm", "1.00", "1.04", "0.90", "0.98"]
    assert lines[3] == ["self_attention/encoder.score=additive", "1.98", "-", "-", "-"]


def test_the_title_of_the_exponents_says_which_lengths_are_fitted():
    assert exponents_table([record("lstm")]).title == (
        "p of cost = c * length**p, over the longer half of the lengths (at least 3)"
    )


def test_profiles_that_were_disturbed_are_named_below_the_exponents(tmp_path, capsys):
    quiet, busy, shared = (record(name, POINTS) for name in ("lstm", "gru", "rnn"))
    busy.environment.other_processes_cpu_share = 0.49
    shared.environment.other_device_processes = 1
    for profile in (quiet, busy, shared):
        profile.config["output_dir"] = str(tmp_path)
    summarise_profiles([quiet, busy, shared])
    printed = capsys.readouterr().out.splitlines()
    assert printed.count("busy    measured on a busy machine, so repeat it on a quiet one: gru, rnn") == 1
    summarise_profiles([quiet])
    assert "busy" not in capsys.readouterr().out


def test_short_labels_show_only_what_differs():
    labels = ("gru/seed=0/input.size=8", "gru/seed=1/input.size=8")
    assert short_labels([record(label) for label in labels]) == ["gru/seed=0", "gru/seed=1"]
    assert short_labels([record("gru/seed=0/input.size=8")]) == ["gru"]
    long = short_labels([record("a/" + "x" * 100), record("b")])[0]
    assert len(long) == 61


def test_curves_hold_the_numbers_above_0_by_pass_and_batch_size():
    points = [
        Point(128, 3, numbers={"forward_ms": 2.0, "training_ms": 7.0, "training_peak_mib": 0.0}),
        Point(256, 3, numbers={"forward_ms": 4.5}),
        Point(128, 2, numbers={"forward_ms": 1.5, "training_peak_mib": 11.0}),
    ]
    profile = record("lstm", points, forward_time=1.25)
    assert list(curves(profile, "time")) == [
        Curve("forward", 2, (128,), (1.5,), 1.25),
        Curve("forward", 3, (128, 256), (2.0, 4.5), 1.25),
        Curve("training", 3, (128,), (7.0,), None),
    ]
    assert list(curves(profile, "memory")) == [Curve("training", 2, (128,), (11.0,), None)]


ON_DEVICE = [
    Point(length, 8, numbers={
        "forward_ms": 2.0, "forward_peak_mib": 30.0, "forward_device_peak_mib": length**2 / 2**14,
        "training_peak_mib": 31.0, "training_device_peak_mib": 3 * length**2 / 2**14,
    })
    for length in (128, 256, 512)
]  # fmt: skip
"""Memory on the device that grows with the square of the length, where the host's stays."""


def test_where_there_is_a_device_its_memory_is_drawn_and_tabled():
    profile = record("self_attention", ON_DEVICE, forward_memory=2.0)
    assert list(curves(profile, "memory")) == [
        Curve("forward", 8, (128, 256, 512), (1.0, 4.0, 16.0), 2.0),
        Curve("training", 8, (128, 256, 512), (3.0, 12.0, 48.0), None),
    ]
    table = points_table(profile)
    titles = [str(column.header) for column in table.columns]
    assert titles[-5:-1] == ["forward MiB", "training MiB", "forward device MiB", "training device MiB"]
    assert shown(table)[3][-4:] == ["30", "31", "16", "48"]
    assert axis_label("memory", [profile]) == "device peak MiB over what was allocated before"
    assert axis_label("memory", [record("lstm", POINTS)]) == "peak MiB over the baseline"
    assert axis_label("memory", [record("lstm", POINTS), profile]) == "peak MiB, of the device where there is one"


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.5, 2e4, ["1", "10", "100", "1,000", "10,000"]), (0.9, 40, ["1", "3", "10", "30"]),
        (1.4, 12, ["1.5", "2", "3", "4", "5", "7", "10"]), (300, 800, ["300", "400", "500", "700"]),
        (51, 54.5, ["51", "52", "53", "54"]), (0.0101, 0.0142, ["0.011", "0.012", "0.013", "0.014"]),
    ],
)  # fmt: skip
def test_a_logarithmic_axis_has_round_labels_however_short_it_is(low, high, labels):
    assert list(plots.logarithmic_labels(low, high).values()) == labels


def test_the_ends_of_a_logarithmic_axis_leave_some_room_also_around_one_value():
    low, high = plots.logarithmic_ends([1.0, 100.0])
    assert (low, high) == (pytest.approx(10**-0.12), pytest.approx(10**2.12))
    assert plots.logarithmic_ends([5.0]) == (pytest.approx(5 * 10**-0.03), pytest.approx(5 * 10**0.03))


def test_the_picture_labels_its_axes(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(profiles, "save", lambda figure, file: figures.append(figure))
    picture([record("lstm", POINTS)], tmp_path / "a.png")
    time, memory = figures[0].axes
    assert [label.get_text() for label in time.get_yticklabels()] == ["2", "3", "4", "5", "7"]
    assert time.get_ylim() == pytest.approx((2 * 4**-0.06, 8 * 4**0.06))
    assert [label.get_text() for label in memory.get_yticklabels()] == ["4", "5", "7", "10", "15", "20"]


def test_a_picture_is_drawn_also_where_numbers_are_missing(tmp_path):
    empty = record("rnn/seed=0", [Point(8, 1, "failed")])
    for name, done in (("some", [record("lstm/seed=0", POINTS), empty]), ("none", [empty])):
        file = picture(done, Path(tmp_path, f"{name}.png"))
        assert file.read_bytes().startswith(b"\x89PNG")


def test_the_files_stay_below_reports_whatever_the_name(tmp_path):
    outputs = tmp_path / "outputs"
    for name in ("../../x", "..", str(tmp_path / "y"), "a b"):
        profile = replace(record("lstm", POINTS), name=name)
        profile.config["output_dir"] = str(outputs)
        files = summarise_profiles([profile])
        assert [file.name for file in files] == ["profile.png", "profile.html"]
        assert {file.resolve().parent.parent.parent for file in files} == {outputs / "reports"}
    assert len(list((outputs / "reports").iterdir())) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["outputs"]


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_no_number_of_a_profile_is_cut_whatever_the_width(monkeypatch, capsys, width):
    numbers = {key: 1234567.0 for keys in COLUMNS.values() for key in keys}
    monkeypatch.setattr("harness.report.build.console", lambda: Console(width=width))
    both = [record(name, [Point(4096, 256, numbers=numbers)]) for name in ("lstm/seed=0", "gru/seed=0")]
    show_profiles(both)
    printed = capsys.readouterr().out
    assert "…" not in printed
    assert printed.count("1,234,567") >= 2
    assert ("not shown for lack of width" in printed) == (width < 150)


@pytest.mark.parametrize("width", [70, 80, 120])
def test_no_exponent_and_no_label_is_cut_whatever_the_width(width):
    exponents = dict.fromkeys(profiles.EXPONENTS.values(), 1.25)
    both = [replace(record(f"{name}/encoder.inner.hidden_size=8"), metrics=exponents) for name in ("lstm", "gru")]
    both = [*both, replace(record("gru"), metrics=exponents)]  # so that the others are named by their setting
    console = Console(width=width, file=io.StringIO())
    console.print(exponents_table(both))
    lines = console.file.getvalue().splitlines()
    assert "…" not in console.file.getvalue()
    assert max(map(len, lines)) <= width
    assert console.file.getvalue().count("1.25") == 3 * len(exponents)
    assert "lstm/encoder.inner.hidden_size=8" in "".join(line.split()[0] for line in lines[2:])
