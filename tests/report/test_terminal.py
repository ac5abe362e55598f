"""What the terminal shows of runs and of comparisons, in every width."""

import io

import pytest
from made_records import LATENCY, MEMORY, TOKENS, made, over_seeds
from rich.console import Console

from harness.analysis.comparison import compare
from harness.records.metrics import EPOCH_SECONDS, METRICS
from harness.report import terminal
from harness.report.terminal import print_comparison, print_runs


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


def test_a_run_measured_on_a_busy_accelerator_is_marked(capsys):
    shared = made(environment={"other_processes_device_share": 0.63, "other_device_processes": 1})
    print_runs([shared])
    assert (
        "busy    other processes used up to 63% of the accelerator during the run: speed is not comparable: run it "
        "again on a quiet machine\n" in capsys.readouterr().out
    )


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


def test_a_run_that_was_too_short_for_a_training_speed_says_so(capsys):
    short, long = made(metrics={EPOCH_SECONDS: 0.1}), made(metrics={EPOCH_SECONDS: 0.1, TOKENS: 10.0})
    sentence = "no training speed: every step was warm-up (measure.warmup_steps, measure.warmup_seconds); more"
    for records, count in (([short], "the run has "), ([short, long], "1 of 2 runs have "), ([long], None)):
        print_runs(records)
        shown = capsys.readouterr().out
        assert (f"note    {count}{sentence}" in shown) if count else ("note" not in shown)


def test_runs_on_subsets_of_one_data_set_say_a_sentence_once(capsys):
    dropped = {"unlabelled_rows": {"train": 3}}
    print_runs([made(data={"hash": name, "notes": dropped}) for name in "ab"])
    assert capsys.readouterr().out.count("note    rows without a label, which were dropped: 3 train\n") == 1


def test_a_narrow_terminal_shows_every_number_of_a_run_whole(monkeypatch, capsys):
    record = made(metrics={LATENCY: 2.125, TOKENS: 123456.0, MEMORY: 31.25, "cost/parameters": 77442})
    shown = {}
    for width in (50, 90, 130):
        narrow = Console(width=width, highlight=False)
        monkeypatch.setattr("harness.report.terminal.console", lambda console=narrow: console)
        print_runs([record])
        shown[width] = capsys.readouterr().out
        for text in ("test/accuracy", LATENCY, "2.125 ms", TOKENS, "123,456", "31.25 MiB", "77,442"):
            assert text in shown[width]
        assert max(map(len, shown[width].splitlines())) <= width
    lines = {width: text.splitlines() for width, text in shown.items()}
    assert {width: len(line) for width, line in lines.items()} == {50: 8, 90: 6, 130: 5}
    assert {line[0] for line in lines.values()} == {"digits: lstm/seed=0"}


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


@pytest.mark.parametrize("width", range(100, 140))
def test_no_number_of_a_run_is_cut_whatever_the_width(width):
    metrics = {name: 12_345_678.0 for name in METRICS if not name.startswith("profile/")}
    console = Console(width=width, file=io.StringIO())
    console.print(terminal._run_table(made(metrics=metrics), width))
    assert "…" not in console.file.getvalue()
    assert console.file.getvalue().count("12,345,678") == len(metrics)
