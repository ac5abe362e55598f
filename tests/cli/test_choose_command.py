"""``python -m harness choose``: the sweep that a command becomes, and what it refuses before anything runs."""

import pytest
import yaml
from conftest import refused

from harness.cli import choose
from harness.config.compose import conf_dir
from harness.runner.choose import settings


def test_short_keys_become_the_keys_of_the_config():
    given = ["data=files", "data.train=mine.csv", "margin=0.005", "budget=1.5h", "cost=memory"]
    assert choose.translated([*given, 'require=["latency/p50_ms<5"]']) == [
        "-m", "hydra/sweeper=choose", "data=files", "data.train=mine.csv", "report.margin=0.005",
        "hydra.sweeper.budget=1.5h", "hydra.sweeper.cost=memory", 'report.require=["latency/p50_ms<5"]',
        f"encoder={','.join(choose.ENCODERS)}", "tune=learning_rate",
    ]  # fmt: skip


def test_named_encoders_are_the_candidates():
    words = choose.translated(["encoder=lstm,gru", "hydra/launcher=joblib", "tune=none"])
    assert words == ["-m", "hydra/sweeper=choose", "encoder=lstm,gru", "hydra/launcher=joblib", "tune=none"]


@pytest.mark.parametrize("given", ["3,5,7", "[3,5,7]", "3, 5, 7"])
def test_looks_are_written_with_or_without_brackets(given):
    assert choose.translated([f"looks={given}", "encoder=lstm"])[2].replace(" ", "") == "hydra.sweeper.looks=[3,5,7]"


@pytest.mark.parametrize("given", ["latency/p50_ms<5", '"latency/p50_ms<5"', "'latency/p50_ms<5'"])
def test_a_single_requirement_needs_no_list(given):
    assert choose.translated([f"require={given}", "encoder=lstm"])[2] == 'report.require=["latency/p50_ms<5"]'


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("budget=1", "budget must be a time such as 90s, 5m, 1.5h or 1d, and is 1"),
        ("budget=0h", "budget must be a time such as 90s, 5m, 1.5h or 1d, and is 0h"),
        ("budget=", "budget must be a time such as 90s, 5m, 1.5h or 1d, and is "),
        ("cost=money", "cost must be one of latency, throughput, memory, parameters, and is money"),
        ("looks=1,3", "looks must be numbers of seeds that ascend from 3 or more on, such as looks=[3,5,7,10], and is"),
        ("looks=5,3", "looks must be numbers of seeds that ascend"),
        ("looks=a", "looks must be numbers of seeds that ascend"),
        ("seed=1,2", "seed=1,2: choose sets the seeds"),
        ("rerun=true", "rerun=true: choose counts finished runs"),
        ("mode=profile", "mode=profile: choose trains"),
        ("hydra/sweeper=optuna", "choose is a sweeper itself"),
        ("margin", "margin needs a value"),
        ("--budget", "--budget: write it without dashes, budget=..."),
        ("--margin=0.02", "--margin=0.02: write it without dashes, margin=0.02"),
    ],
)
def test_wrong_settings_are_one_sentence(argument, sentence):
    assert sentence in refused(choose.translated, [argument])


@pytest.mark.parametrize(
    ("budget", "seconds"), [("90s", 90), ("5m", 300), ("1h", 3600), ("1.5h", 5400), (".5m", 30), ("2d", 172800)]
)
def test_budgets_in_seconds(budget, seconds):
    assert settings.seconds_of(budget) == seconds


def test_looks_and_costs_are_read():
    assert settings.looks_of([3, 5, 7]) == (3, 5, 7)
    assert settings.cost_of("memory") == "memory"
    assert "3" in refused(settings.looks_of, [3, True])


def test_help_names_every_key_and_runs_nothing(command):
    for argument in ((), ("--help",), ("-h",)):
        ended = command("choose", *argument)
        assert (ended.code, ended.records) == (0, [])
        assert ended.out.startswith("usage: python -m harness choose ")
        for key in choose.OWN:
            assert f"\n  {key}=" in ended.out
        assert max(map(len, ended.out.splitlines())) <= 80  # a terminal would break the columns


def test_help_shows_the_defaults():
    shipped = yaml.safe_load((conf_dir() / "hydra" / "sweeper" / "choose.yaml").read_text())
    for key in ("budget", "cost", "looks"):
        assert f"\n  {key}={shipped[key]}".replace(" ", "") in choose.HELP.replace(" ", "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("budget=1",), "budget must be a time"),
        (("budget=1m", "margin=2"), "report.margin"),
        (("budget=1m", "require=latency/p50<5"), "did you mean latency/p50_ms?"),
        (("budget=1m", "data=digits,adding", "encoder=lstm"), "candidates must not differ in data"),
        (("budget=1m", "encoder=lstmm,gru"), "did you mean encoder=lstm?"),
        (("budget=1m", "marjin=0.1"), "nothing reads marjin; did you mean margin?"),
        (("bugdet=1m",), "nothing reads bugdet; did you mean budget?"),
        (("budget=1h", "data=files", "data.train=nowhere.csv", "encoder=lstm,gru"), "nowhere.csv"),
    ],
)
def test_a_wrong_command_trains_nothing(command, arguments, sentence):
    ended = command("choose", *arguments)
    assert (ended.code, ended.records) == (2, [])
    assert sentence in ended.err
    assert "Traceback" not in ended.err
