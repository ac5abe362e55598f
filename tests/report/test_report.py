import csv
import io
import json
import re

import pytest
from made_records import HARDWARE, made, over_seeds
from pages import Page
from rich.console import Console

from harness.analysis.comparison import compare
from harness.cli import report
from harness.records import store
from harness.records.record import SCHEMA
from harness.report import tables
from harness.report.build import compare as build
from harness.report.html import html
from harness.report.html.charts import plots
from harness.report.notes import notes
from harness.report.terminal import print_comparison, print_runs
from harness.runner.sweep import _summary

LATENCY, TOKENS, MEMORY = "latency/p50_ms", "speed/train_tokens_per_second", "memory/host_train_peak_mib"
HISTORY = [{"epoch": 1, "val/accuracy": 0.5, "val/loss": 2.0}, {"epoch": 2, "val/accuracy": 0.7, "val/loss": 1.0}]


def sweep():
    lstm = {"metrics": {LATENCY: [2.0, 2.2, 2.1], TOKENS: [100.0, 110.0, 105.0]}, "history": HISTORY}
    gru = {"metrics": {LATENCY: [1.0, 1.2, 1.1], TOKENS: [200.0, 210.0, 205.0]}, "history": HISTORY}
    return over_seeds("lstm", [0.90, 0.92, 0.91], **lstm) + over_seeds("gru", [0.50, 0.52, 0.51], **gru)


def write(folder, records):
    for number, record in enumerate(records):
        record.folder = folder / "runs" / str(number)
        record.folder.mkdir(parents=True)
        store.write(record)
    return folder


def test_the_page_is_well_formed_and_shows_variants_numbers_and_definitions():
    page = Page(html(compare(sweep(), "my sweep", "encoder=lstm")))
    assert page.open == []
    shown = page.shown()
    assert ("h1", "my sweep") in page.texts
    assert "Best accuracy: lstm with 0.910 (0.885 to 0.935), 3 seeds" in shown
    assert ("h3", "Against lstm") in page.texts
    assert "0.400 worse, in every run" in shown
    assert re.search(r"gru\s+3\s+0\.510\s+±0\.025", shown)
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
    assert page.tags.count("script") == 3
    embedded = re.search(r'id="figures">(.*?)</script>', text, re.DOTALL).group(1)
    assert "<" not in embedded
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
    for plot in drawn:
        content = plot.figure.to_dict()
        Figure(data=content["data"], layout=content["layout"])  # refuses properties that it does not know
    titles = [plot.title for plot in drawn]
    assert titles == [
        "Accuracy of each variant", "Accuracy against latency p50", "Accuracy against train tokens/s",
        "Validation accuracy", "Validation loss",
    ]  # fmt: skip
    points = {trace.legendgroup: trace for trace in drawn[1].figure.data if trace.error_x.array}
    assert (points["gru"]["x"][0], points["gru"]["y"][0]) == pytest.approx((1.1, 0.51))
    # half = t(0.975, 2) * 0.1 / sqrt(3)
    assert points["gru"]["error_x"]["array"][0] == pytest.approx(4.30265 * 0.1 / 3**0.5, rel=1e-5)
    front = drawn[1].figure.data[0]
    assert (front["name"], front["x"]) == ("Pareto front", pytest.approx([1.1, 2.1]))
    curve = next(trace for trace in drawn[3].figure.data if trace["mode"] == "lines+markers")
    assert (curve.x, curve.y) == ((1, 2), (0.5, 0.7))


def test_a_variant_that_is_worse_in_both_is_not_on_the_front():
    records = sweep() + over_seeds("rnn", [0.4, 0.4, 0.4], metrics={LATENCY: [3.0, 3.1, 3.2], TOKENS: [1.0, 2.0, 3.0]})
    (group,) = compare(records, "x").groups
    assert plots(group)[1].figure.data[0].x == pytest.approx([1.1, 2.1])


def test_csv_has_a_row_for_each_variant_and_metric():
    rows = list(csv.DictReader(io.StringIO(tables.csv_text(compare(sweep(), "x", "encoder=lstm")))))
    assert len(rows) == 6
    row = next(row for row in rows if (row["variant"], row["metric"]) == ("gru", LATENCY))
    assert (row["n"], row["unit"], row["direction"], row["rank"]) == ("3", "ms", "lower is better", "best")
    assert (float(row["mean"]), float(row["difference"])) == pytest.approx((1.1, -1.0))


def test_markdown_has_a_row_for_each_variant_the_best_first_and_takes_no_markup_from_names():
    text = tables.markdown(compare([*sweep(), made("a|b*c", accuracy=0.1)], "x"))
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows] == ["| variant", "| lstm", "| gru", "| a\\|b\\*c"]
    assert "0.910 ±0.025 \\*" in rows[1]


def test_the_command_writes_the_files_and_prints_the_table(tmp_path, capsys):
    failed = made("rnn", accuracy=None, status="failed", reason="RuntimeError: boom")
    folder = write(tmp_path, [*sweep(), failed])
    assert report.main(["--output-dir", str(folder), "--name", "digits", "--baseline", "encoder=lstm"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"lstm\s+3\s+0\.910 ±0\.025 \*", shown)
    assert "accuracy, gru: 0.400 worse than lstm" in shown
    assert "failed rnn/seed=0: RuntimeError: boom" in shown
    assert max(len(line) for line in shown.splitlines() if "±" in line) <= 120
    files = sorted(path.name for path in (folder / "reports" / "digits").iterdir())
    assert files == ["report.csv", "report.html", "report.md"]


def test_folders_of_records_may_be_named_and_may_lie_in_one_another(tmp_path, capsys):
    folder = write(tmp_path, sweep())
    named = [str(folder), str(folder / "runs")]
    assert report.main([*named, "--output-dir", str(tmp_path / "elsewhere")]) == 0
    assert "repeated" not in capsys.readouterr().out
    assert (tmp_path / "elsewhere" / "reports" / "digits" / "report.html").exists()


WHOLE = json.dumps(made("rnn").to_json()).encode()
UNREADABLE = {
    "empty": b"",
    "cut": WHOLE[: len(WHOLE) // 2],
    "not UTF-8": b'{"label": "\xff"}',
    "another list": b"[]",
    "another object": json.dumps({"schema": SCHEMA, "loss": 1.0}).encode(),
    "of schema 1": json.dumps({**made("rnn").to_json(), "schema": 1}).encode(),
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_record_that_cannot_be_read_is_a_note_of_the_report_with_its_path(tmp_path, capsys, content):
    folder = write(tmp_path, sweep())
    file = folder / "runs" / "damaged" / "record.json"
    file.parent.mkdir()
    file.write_bytes(content)
    assert report.main(["--output-dir", str(folder)]) == 0
    printed = capsys.readouterr()
    assert f"left out: {file} " in printed.err
    assert f"note Left out: {file} " in " ".join(printed.out.split())
    reports = folder / "reports" / "digits"
    markdown = (reports / "report.md").read_text(encoding="utf8").replace("\\", "")
    assert f"- Left out: {file} " in markdown.partition("## Notes\n")[2]
    assert f"Left out: {file} " in Page((reports / "report.html").read_text(encoding="utf8")).shown()
    assert len(list(csv.DictReader((reports / "report.csv").open(encoding="utf8")))) == 6  # the sweep and no more


def test_of_a_record_of_another_schema_the_report_says_so(tmp_path, capsys):
    folder = write(tmp_path, sweep())
    (folder / "runs" / "0" / "record.json").write_bytes(UNREADABLE["of schema 1"])
    report.main(["--output-dir", str(folder)])
    assert f"has schema 1, and this version reads schema {SCHEMA}" in " ".join(capsys.readouterr().out.split())


def test_the_notes_name_ten_unreadable_files_and_count_the_rest():
    reasons = [f"runs/{number}/record.json is not a record (empty)" for number in range(12)]
    sentences = notes(compare(sweep(), "x", left_out=reasons))
    assert sentences[:10] == [f"Left out: {reason}." for reason in reasons[:10]]
    assert sentences[10] == "Left out: 2 more files that are not readable records; the command names each of them."


def test_with_unreadable_records_only_the_error_says_that_none_can_be_read(tmp_path, capsys):
    folder = tmp_path / "runs" / "damaged"
    folder.mkdir(parents=True)
    (folder / "record.json").write_bytes(b"")
    assert report.main(["--output-dir", str(tmp_path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"left out: {folder / 'record.json'} ")
    assert lines[1].startswith("there is no record that can be read below ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--name", "imdb"], "has the name imdb; there are: digits"),
        (["--sweep", "s1"], "has the sweep s1; there is none"),
        (["--baseline", "encoder=none"], "describes none of the variants"),
        (["--gate", "none.json"], "there is no baseline none.json"),
        (["nowhere"], "there is no folder nowhere"),
    ],
)
def test_user_errors_are_one_sentence(tmp_path, capsys, arguments, message):
    write(tmp_path, sweep())
    assert report.main(["--output-dir", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_gate_passes_its_own_baseline_and_fails_what_got_worse(tmp_path, capsys):
    file = str(tmp_path / "baseline.json")
    assert report.main(["--output-dir", str(write(tmp_path / "one", sweep())), "--write-baseline", file]) == 0
    assert "baseline of 2 variants written" in capsys.readouterr().out
    assert report.main(["--output-dir", str(tmp_path / "one"), "--gate", file]) == 0
    worse = sweep()
    for record in worse:
        record.metrics[TOKENS] /= 3
    assert report.main(["--output-dir", str(write(tmp_path / "two", worse)), "--gate", file]) == 1
    assert "gate failed" in capsys.readouterr().out


def test_means_have_names_that_mlflow_takes(tmp_path):
    records = sweep() + over_seeds("lstm", [0.8, 0.8], config={"encoder.hidden_size": 64})
    means = build(records, tmp_path, "x").means()
    assert means["gru/test/accuracy"] == pytest.approx(0.51)
    assert means["lstm hidden_size:64/test/accuracy"] == pytest.approx(0.8)
    assert all(re.fullmatch(r"[\w\-./: ]+", name) for name in means)


def test_a_run_measured_on_a_busy_machine_is_marked(capsys):
    busy, quiet = (
        made(environment={"other_processes_cpu_share": 0.4}),
        made(environment={"other_processes_cpu_share": 0.0}),
    )
    print_runs([busy])
    sentence = "other processes used up to 40% of the processor during the run: speed is not comparable"
    assert sentence in capsys.readouterr().out
    print_runs([quiet, busy])
    assert "during 1 of 2 runs" in capsys.readouterr().out
    print_runs([quiet])
    assert "busy" not in capsys.readouterr().out


def test_only_plots_with_a_hollow_point_explain_it():
    busy = {"metrics": {LATENCY: [2.0, 2.2], MEMORY: [5.0, 6.0]}, "environment": {"other_processes_cpu_share": 0.9}}
    (group,) = compare(over_seeds("lstm", [0.9, 0.8], **busy), "x").groups
    captions = {plot.title: plot.caption for plot in plots(group)}
    assert "Hollow" in captions["Accuracy against latency p50"]
    assert "Hollow" not in captions["Accuracy against train peak"]


def test_texts_of_test_that_occur_in_train_are_counted_once_for_each_data_set(capsys):
    repeated = {"repeated_texts": {"validation": 0, "test": 107}}
    imdb = {"hash": "1", "sizes": {"train": 22500, "test": 25000}, "notes": repeated}
    print_runs([made("lstm", data=imdb), made("gru", data=imdb), made("gru", data={"hash": "2"})])
    shown = capsys.readouterr().out
    assert shown.count("note    107 of 25,000 test texts also occur in train, word for word\n") == 1
    assert shown.count("note") == 1


def test_brackets_in_a_label_are_shown_and_not_read_as_markup(capsys):
    print_runs([made(label="lstm/head.hidden_sizes=[64]"), made(label="lstm/[red]x", accuracy=None, status="failed")])
    shown = capsys.readouterr().out
    assert "lstm/head.hidden_sizes=[64]" in shown
    assert "failed lstm/[red]x: no reason was recorded" in shown


def test_a_sweeps_description_names_the_runs_that_were_done_before_it(tmp_path, capsys):
    old = [made("gru", seed, skipped=True, sweep=other) for seed, other in enumerate([None, "s1", "s2"])]
    note = _summary([*over_seeds("lstm", [0.9, 0.8]), *old], tmp_path, "digits", "s2").note
    last = note.splitlines()[-1]
    assert last == "Done before this sweep, so compared here but not among its child runs: `gru/seed=0`, `gru/seed=1`."
    many = [made("gru", seed, skipped=True, sweep="s1") for seed in range(23)]
    assert _summary(many, tmp_path, "digits", "s2").note.endswith("`gru/seed=19` and 3 more.\n")
    assert "Done before" not in _summary(over_seeds("lstm", [0.9, 0.8]), tmp_path, "digits", "s2").note


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


def test_a_narrow_terminal_shows_every_number_of_a_run_whole(monkeypatch, capsys):
    record = made(metrics={LATENCY: 2.125, TOKENS: 123456.0, MEMORY: 31.25, "cost/parameters": 77442})
    shown = {}
    for width in (80, 160):
        narrow = Console(width=width, highlight=False)
        monkeypatch.setattr("harness.report.terminal.console", lambda console=narrow: console)
        print_runs([record])
        shown[width] = capsys.readouterr().out
        for text in ("test/accuracy", LATENCY, "2.125 ms", TOKENS, "123,456", "31.25 MiB", "77,442"):
            assert text in shown[width]
        assert max(map(len, shown[width].splitlines())) <= width
    assert len(shown[80].splitlines()) > len(shown[160].splitlines())


def test_a_narrow_terminal_names_every_variant_and_cuts_no_number(monkeypatch, capsys):
    measured = {LATENCY: [2.0, 2.2], TOKENS: [100000.0, 110000.0], MEMORY: [30.0, 31.0], "cost/parameters": [77442] * 2}
    names = ("bag_of_embeddings", "self_attention")
    records = [record for name in names for record in over_seeds(name, [0.9, 0.8], metrics=measured)]
    monkeypatch.setattr("harness.report.terminal.console", lambda: Console(width=80, highlight=False))
    print_runs(records)
    print_comparison(compare(records, "x"))
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    for name in ("bag_of_embeddings/seed=0", "self_attention/seed=1", "bag_of_embeddings  ", "self_attention   "):
        assert name in shown
    assert "not shown for lack of width: memory/host_train_peak_mib, cost/parameters" in shown
