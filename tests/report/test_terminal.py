"""What the terminal shows of runs and of comparisons, in every width."""

import io

import pytest
from made_records import LATENCY, MEMORY, TOKENS, made, over_seeds
from rich.console import Console

from harness.analysis.comparison import compare
from harness.records.metrics import EPOCH_SECONDS, METRICS
from harness.report import single_run, tables
from harness.report.terminal import console, print_comparison, print_runs


def shown_by(capsys):
    """What was printed, as one line: a sentence may go on in the next one."""
    return " ".join(capsys.readouterr().out.split())


def test_a_run_measured_on_a_busy_machine_is_marked(capsys):
    busy, quiet = (
        made(environment={"other_processes_cpu_share": 0.4}),
        made(environment={"other_processes_cpu_share": 0.0}),
    )
    print_runs([busy])
    sentence = "other processes used up to 40% of the processor during the run: speed is not comparable"
    assert sentence in shown_by(capsys)
    print_runs([quiet, busy])
    assert "during 1 of 2 runs" in capsys.readouterr().out
    print_runs([quiet])
    assert "busy" not in capsys.readouterr().out


def test_a_run_measured_on_a_busy_accelerator_is_marked(capsys):
    shared = made(environment={"other_processes_device_share": 0.63, "other_device_processes": 1})
    print_runs([shared])
    assert (
        "busy other processes used up to 63% of the accelerator during the run: speed is not comparable: run it "
        "again on a quiet machine" in shown_by(capsys)
    )


def test_texts_of_test_that_occur_in_train_are_counted_once_for_each_data_set(capsys):
    repeated = {"repeated_texts": {"validation": 0, "test": 107}}
    imdb = {"hash": "1", "sizes": {"train": 22500, "test": 25000}, "notes": repeated}
    print_runs([made("lstm", data=imdb), made("gru", data=imdb), made("gru", data={"hash": "2"})])
    shown = shown_by(capsys)
    assert shown.count("note 107 of 25,000 test texts also occur in train, word for word") == 1
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
        shown = shown_by(capsys)
        assert (f"note {count}{sentence}" in shown) if count else ("note" not in shown)


def test_runs_on_subsets_of_one_data_set_say_a_sentence_once(capsys):
    dropped = {"unlabelled_rows": {"train": 3}}
    print_runs([made(data={"hash": name, "notes": dropped}) for name in "ab"])
    assert shown_by(capsys).count("note rows without a label, which were dropped: 3 train") == 1


MEASURED = {
    "test/f1_macro": 0.875, "test/loss": 0.5, "val/accuracy": 0.925, "val/loss": 0.25, "train/loss": 0.125,
    TOKENS: 123456.0, "speed/training_seconds": 21.5, "speed/inference_sequences_per_second": 98765.0, LATENCY: 2.125,
    "latency/p95_ms": 3.0, MEMORY: 31.25, "memory/host_peak_mib": 376.5, "cost/parameters": 77442, "cost/epochs": 5,
}  # fmt: skip
SHORT = """\
digits: lstm/seed=0
test/accuracy                                 0.9
  level of chance                           0.125
val/accuracy                                0.925
test/f1_macro                               0.875
test/loss                                0.5 nats
speed/train_tokens_per_second         123,456 1/s
speed/training_seconds                     21.5 s
speed/inference_sequences_per_second   98,765 1/s
latency/p50_ms                           2.125 ms
memory/host_train_peak_mib              31.25 MiB
cost/parameters                            77,442
all     5 more numbers: the same command with --all, or record.json
folder  outputs/runs/a
look    python -m harness ui
"""


def test_a_single_run_has_its_most_important_numbers_and_where_the_others_are(capsys):
    """Below the score that decides, the level of chance, where the record has it."""
    data = {"chance": {"test/accuracy": 0.125, "test/f1_macro": 0.03, "val/accuracy": 0.25}}
    print_runs([made(metrics=MEASURED, data=data, run_dir="runs/a")])
    shown = capsys.readouterr().out
    assert "".join(f"{line.rstrip()}\n" for line in shown.splitlines()) == SHORT
    print_runs([made(metrics=MEASURED)])
    assert "chance" not in capsys.readouterr().out
    print_runs([made()])
    assert "all     " not in capsys.readouterr().out


def test_all_numbers_of_each_run_where_they_are_asked_for(capsys):
    runs = [made(name, metrics=MEASURED, run_dir=f"runs/{name}", data={"chance": {"test/accuracy": 0.125}})
            for name in ("lstm", "gru")]  # fmt: skip
    print_runs(runs, every_number=True)
    shown = capsys.readouterr().out
    for name in ("lstm", "gru"):
        own = shown.partition(f"digits: {name}/seed=0\n")[2].partition(f"folder  outputs/runs/{name}\n")[0]
        assert [metric for metric in ("test/accuracy", *MEASURED) if own.count(f"{metric} ") != 1] == []
        assert "level of chance" in own
    assert "--all" not in shown
    print_runs([made(accuracy=None, status="failed", run_dir="runs/b")], every_number=True)
    assert "folder  outputs/runs/b\n" in capsys.readouterr().out


def test_a_narrow_terminal_shows_every_number_of_a_run_whole(monkeypatch, capsys):
    record = made(metrics={LATENCY: 2.125, TOKENS: 123456.0, MEMORY: 31.25, "cost/parameters": 77442})
    shown = {}
    for width in (50, 90, 130):
        narrow = Console(width=width, highlight=False)
        monkeypatch.setattr("harness.report.terminal.console", lambda console=narrow: console)
        print_runs([record], every_number=True)
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
    # no line of the legend ends with a sign whose meaning is in the next
    assert not [line for line in shown.splitlines() if line.rstrip().endswith((" *", " =", " ?", " !"))]
    for name in ("bag_of_embeddings/seed=0", "self_attention/seed=1", "bag_of_embeddings  ", "self_attention   "):
        assert name in shown
    assert "not shown for lack of width: memory/host_train_peak_mib, cost/parameters" in shown


@pytest.mark.parametrize(("given", "width"), [(None, 80), ("132", 132), ("0", 80), ("wide", 80)])
def test_what_goes_through_a_pipe_is_as_wide_as_columns_says_else_as_any_terminal(monkeypatch, capsys, given, width):
    monkeypatch.delenv("COLUMNS", raising=False)
    if given:
        monkeypatch.setenv("COLUMNS", given)
    console().print("word " * 100)
    lines = capsys.readouterr().out.splitlines()
    assert width - 5 <= max(map(len, lines)) <= width


@pytest.mark.parametrize("width", range(100, 140))
def test_no_number_of_a_run_is_cut_whatever_the_width(width):
    metrics = {name: 12_345_678.0 for name in METRICS if not name.startswith("profile/")}
    console = Console(width=width, file=io.StringIO())
    console.print(single_run.whole_table(made(metrics=metrics), width))
    assert "…" not in console.file.getvalue()
    assert console.file.getvalue().count("12,345,678") == len(metrics)


def test_where_no_run_finished_nothing_is_said_of_how_it_was_ranked(capsys):
    record = made("lstm", 0, None, status="killed", metrics={})
    compared = compare([record], "x")
    assert compared.groups[0].quality == "test/accuracy"
    print_comparison(compared)
    shown = capsys.readouterr().out
    assert "No run finished, so there is nothing to rank." in shown
    for text in (shown, tables.markdown(compared)):
        assert not {word for word in ("Margin", "Means over seeds", "Verdicts", "span F1") if word in text}


def test_the_recommended_variant_comes_with_the_command_that_asks_its_best_run_on_validation(capsys):
    """Seed 1 is the best on validation, seed 2 on test, which chooses nothing."""
    on_validation = {"val/accuracy": [0.8, 0.9, 0.7]}
    lstm = over_seeds("lstm", [0.90, 0.91, 0.92], metrics=on_validation)
    gru = over_seeds("gru", [0.50, 0.52, 0.51], metrics=on_validation)
    print_comparison(compare([*lstm, *gru], "x"))
    shown = shown_by(capsys)
    assert "Take lstm: accuracy 0.910" in shown
    use = "To use lstm, seed 1, the best of its runs on validation: python -m harness predict"
    assert f"{use} outputs/{lstm[1].run_dir} --file FILE " in shown
    assert shown.count("To use") == 1
    print_comparison(compare([*lstm[:2], *gru[:2]], "x"))  # too few seeds for a recommendation
    assert "To use" not in shown_by(capsys)
