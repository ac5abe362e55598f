"""The head of a report, by which it can be read alone."""

import io

import pytest
from made_records import HARDWARE, made, over_seeds
from pages import Page
from rich.console import Console

from harness.analysis.comparison import compare
from harness.analysis.searched import SearchTrial
from harness.records.slot import Slot
from harness.records.tuning import Tuning
from harness.report import searched
from harness.report.heading import heading, of_records, print_heading
from harness.report.html import html, profile_page
from harness.report.tables import markdown
from harness.report.terminal import print_comparison

SIZES = {"train": 2000, "validation": 179, "test": 361}
SHARED = {
    "overrides": ["data.limit=2000", "trainer.epochs=4"], "config": {"data.limit": 2000, "trainer.epochs": 4},
    "data": {"sizes": SIZES}, "environment": {"cores": 2, "memory_mib": 7919.0},
    "ended": "2026-01-01T00:12:31.000+00:00",
}  # fmt: skip
HEAD = [
    ("set", "data.limit=2000 trainer.epochs=4"),
    ("data", "digits (scikit-learn): 2,000 train, 179 validation, 361 test sequences; limited by data.limit=2000"),
    ("train", "4 epochs, 32 sequences a batch"),
    ("machine", "AMD EPYC, 2 cores, 8 GiB"),
    ("date", "2026-01-01 00:00 to 00:12 UTC"),
]


def shown(records, width):
    out = Console(width=width, file=io.StringIO(), highlight=False)
    print_heading(of_records(records), out)
    return out.file.getvalue().splitlines()


def test_the_head_has_the_settings_data_budget_machine_and_date_of_all_runs():
    failed = made("rnn", accuracy=None, status="failed", **SHARED)
    assert heading(compare([*over_seeds("lstm", [0.9, 0.8], **SHARED), failed], "x")) == HEAD


def test_the_head_is_in_every_format(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    compared = compare(over_seeds("lstm", [0.9, 0.8], **SHARED), "x")
    print_comparison(compared)
    lines = capsys.readouterr().out.splitlines()
    page = " ".join(Page(html(compared)).shown().split())
    written = markdown(compared).replace("\\", "").splitlines()
    assert lines[1:6] == [f"{label:8}{text}" for label, text in HEAD]
    assert written[2] == " · ".join(f"**{label}** {text}" for label, text in HEAD)
    assert " ".join(f"{label} {text}" for label, text in HEAD) in page


def test_the_head_says_which_sweeps_and_single_runs_a_report_of_several_commands_has():
    sweep = [made(name, seed, sweep="s1") for name in ("lstm", "gru") for seed in (0, 1)]
    later, single = made("rnn", sweep="s2", started=9), made("cnn")
    compared = compare([*sweep, later, single], "x")
    assert heading(compared)[-1] == (
        "runs", "1 of sweep s2, 4 of sweep s1, 1 single run; report --sweep ID compares those of one sweep alone",
    )  # fmt: skip
    compared.sweep = "s1"  # which asked for all of them: some had been finished before
    assert "runs" not in dict(heading(compared))
    for alone in (sweep, [single, made("rnn")]):
        assert "runs" not in dict(heading(compare(alone, "x")))
    many = compare([made(f"e{number}", sweep=f"s{number}", started=number) for number in range(6)], "x")
    text = "1 of sweep s5, 1 of sweep s4, 1 of sweep s3, 1 of sweep s2 and 2 more; report"
    assert dict(heading(many))["runs"].startswith(text)


def test_a_narrow_terminal_breaks_the_head_between_words_and_cuts_no_path():
    path = f"/data/{'long/' * 18}reviews-of-2026.csv"  # 115 characters
    more = {"choices": {"data": "files"}, "data": {"source": path, "sizes": SIZES}}
    assert shown([made(overrides=["data=files", f"data.train={path}", "trainer.epochs=2"], **more)], 80) == [
        "set",
        f"        data.train={path}",
        "        trainer.epochs=2",
        "data    files reviews-of-2026.csv",
        f"        ({path}):",
        "        2,000 train, 179 validation, 361 test sequences",
        "train   2 epochs, 32 sequences a batch",
        "machine AMD EPYC",
        "date    2026-01-01 00:00 UTC",
    ]


def test_a_setting_that_differs_is_left_out_and_one_that_is_another_runs_default_is_shared():
    records = [
        made("lstm", overrides=["optimizer.lr=0.1", "trainer.epochs=2"], config={"optimizer.lr": 0.1}),
        made("gru", overrides=["optimizer.lr=0.001"]),  # 2 epochs are the default
        made("rnn", overrides=["trainer.batch_size=64"], config={"trainer.batch_size": 64}),
    ]
    assert of_records(records)[0] == ("set", "trainer.epochs=2")
    assert dict(of_records(records))["train"] == "2 epochs"
    assert of_records(records[1:])[0] == ("set", "optimizer.lr=0.001")
    assert of_records([made(), made(overrides=["optimizer.lr=0.1"], config={"optimizer.lr": 0.1})])[0] == (
        "set", "nothing for all runs: the defaults, except where runs differ",
    )  # fmt: skip


def test_a_choice_that_a_record_does_not_name_is_shared_by_runs_whose_commands_have_it():
    records = [made("lstm", overrides=["experiment=a", "tune=wide"]), made("gru", overrides=["tune=wide"])]
    assert of_records(records)[0] == ("set", "tune=wide")


def test_a_setting_of_one_encoder_stands_behind_its_name():
    wide = {"overrides": ["encoder.hidden_size=256"], "config": {"encoder.hidden_size": 256}}
    records = [*over_seeds("lstm", [0.9, 0.8], **wide), *over_seeds("gru", [0.9, 0.8])]
    assert of_records(records)[0] == ("set", "lstm: encoder.hidden_size=256")
    both = [{**SHARED, "overrides": [*SHARED["overrides"], *one]} for one in (wide["overrides"], [])]
    both[0]["config"] = {**SHARED["config"], **wide["config"]}
    assert of_records([made("lstm", **both[0]), made("gru", **both[1])])[0] == (
        "set", "data.limit=2000 trainer.epochs=4; lstm: encoder.hidden_size=256",
    )  # fmt: skip
    assert of_records(records[:2])[0] == ("set", "encoder.hidden_size=256")
    one_seed = [made("lstm", **wide), made("lstm", 1), made("gru")]
    assert of_records(one_seed)[0][1].startswith("nothing for all runs")


def test_what_trials_chose_is_no_setting_of_the_command():
    tuning = Tuning("val/accuracy", 0, [0.9], 0, {"optimizer.lr": 0.01}, 1.0)
    tuned = made(overrides=["optimizer.lr=0.01", "tune=wide"], config={"optimizer.lr": 0.01}, tuning=tuning)
    assert of_records([tuned])[0] == ("set", "tune=wide")


def test_each_data_set_and_each_machine_has_its_own_words_once():
    gpu = {"hardware": {**HARDWARE, "accelerator": "gpu", "device_names": ["H100", "H100"]}, "processor": "Xeon"}
    records = [
        made("lstm", data={"sizes": {"train": 4, "validation": 0, "test": 2}}),
        made("gru", data={"sizes": {"train": 4, "validation": 0, "test": 2}}),
        made("lstm", choices={"data": "parity"}, data={"source": "parity"}, environment=gpu),
    ]
    assert [line for line in of_records(records) if line[0] in ("data", "machine")] == [
        ("data", "digits (scikit-learn): 4 train, 0 validation, 2 test sequences"), ("data", "parity"),
        ("machine", "AMD EPYC; Xeon, 2 x H100"),
    ]  # fmt: skip


def test_a_baseline_that_reads_no_epochs_does_not_hide_those_of_the_others():
    baseline = made("dummy", choices={"backend": "sklearn"}, config={"trainer.epochs": 5})
    assert dict(of_records([baseline, made()]))["train"] == "2 epochs, 32 sequences a batch"
    assert "train" not in dict(of_records([baseline]))


@pytest.mark.parametrize(
    ("ended", "text"),
    [
        ("2026-01-01T00:00:59.999+00:00", "2026-01-01 00:00 UTC"),
        ("2026-01-01T23:59:00.000+00:00", "2026-01-01 00:00 to 23:59 UTC"),
        ("2026-01-02T00:01:00.000+00:00", "2026-01-01 00:00 to 2026-01-02 00:01 UTC"),
        (None, "2026-01-01 00:00 UTC"),
    ],
)
def test_the_date_is_from_the_first_start_to_the_last_end(ended, text):
    assert dict(of_records([made(started=30, ended=ended), made(started=7)]))["date"] == text


def test_the_table_of_a_search_has_the_head_of_its_trials_without_what_they_tried():
    tried = [f"optimizer.lr={lr}" for lr in (0.1, 0.2)]
    records = [
        made(overrides=[one, "trainer.epochs=2"], config={"optimizer.lr": float(one[-3:]), "trial": number})
        for number, one in enumerate(tried)
    ]
    trials = [SearchTrial(number, {"optimizer.lr": 0.1}, records=[one]) for number, one in enumerate(records)]
    lines = searched.markdown(trials, []).splitlines()
    assert lines[0] == (
        "**set** trainer.epochs=2 · **data** digits (scikit-learn) · **train** 2 epochs, 32 sequences a batch · "
        "**machine** AMD EPYC · **date** 2026-01-01 00:00 UTC"
    )
    assert (lines[1], lines[2][:9]) == ("", "| trial |")
    assert searched.markdown([SearchTrial(0, {})], []).startswith("| trial |")


def test_the_markdown_of_a_search_is_escaped_as_that_of_a_report_is():
    named = made(overrides=["name=<b>_x_", "data.text=a_b"])
    lines = searched.markdown([SearchTrial(0, {"data.text": "a|b*"}, records=[named])], ["best    *none*"]).splitlines()
    settings = "**set** name=\\<b\\>\\_x\\_ data.text=a\\_b ·"
    assert lines[0].startswith(settings)
    assert markdown(compare([named], "digits")).splitlines()[2].startswith(settings)
    assert lines[4].startswith("| 0 | a\\|b\\* |")
    assert lines[-1] == "- \\*none\\*"


def test_profiles_have_a_head_without_data_and_epochs():
    profile = made(accuracy=None, mode="profile", overrides=["profile.seconds=0.1"])
    head = [("set", "profile.seconds=0.1"), ("machine", "AMD EPYC"), ("date", "2026-01-01 00:00 UTC")]
    assert of_records([profile]) == head
    page = " ".join(Page(profile_page.html([profile], "x")).shown().split())
    assert " ".join(f"{label} {text}" for label, text in head) in page


def test_runs_in_slots_say_the_cores_of_a_run_and_how_many_ran_at_a_time():
    def machine(**slot):
        return dict(of_records([made(environment={"cores": 1, "slot": Slot(**{"numbers": [0], **slot})})]))["machine"]

    alone = {"processors": [0], "devices": []}
    assert machine(slots=2, **alone) == "AMD EPYC, 1 core a run, up to 2 runs at a time"
    assert machine(slots=4, numbers=[0, 1], **alone) == "AMD EPYC, 1 core a run, up to 2 runs at a time"
    assert machine(slots=1, **alone) == "AMD EPYC, 1 core"
