"""The table of metrics is complete, everything that orders or selects metrics is derived from it, and nothing else
knows what a metric's name means.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from typing import get_args

import pytest
from conftest import REPOSITORY

from harness.records.metric import Kind
from harness.records.metrics import (
    COLUMNS,
    GATED,
    HEADLINES,
    METRICS,
    QUALITY,
    RUN_COLUMNS,
    column_name,
    definition,
    headlines,
    known,
    with_validation,
)

PACKAGE = REPOSITORY / "harness"
PREFIXES = {name.partition("/")[0] for name in METRICS}
"""The parts of metrics' names before the slash: test, val, train, best, speed, latency, memory, cost, profile."""


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_a_unit_a_definition_and_a_kind(name):
    metric = METRICS[name]
    assert re.fullmatch(r"[a-z0-9_]+/[a-z0-9_]+", name)
    assert metric.unit in ("", "1/s", "s", "ms", "MiB", "nats")
    assert len(metric.definition) > 20
    assert metric.kind in get_args(Kind)
    low, high = metric.bounds
    assert low < high


def test_columns_and_preferences_are_derived_from_the_table():
    for derived, field in ((COLUMNS, "column"), (RUN_COLUMNS, "run_column"), (QUALITY, "decides")):
        places = {name: getattr(metric, field) for name, metric in METRICS.items() if getattr(metric, field)}
        assert derived == sorted(places, key=places.get)
        assert len(set(places.values())) == len(places), f"two metrics have the same {field}"
    assert [name for name, metric in METRICS.items() if metric.gated] == GATED
    assert [name for name, metric in METRICS.items() if metric.headline] == HEADLINES
    assert {name for name in METRICS if name.startswith("test/")} < set(HEADLINES)
    assert QUALITY == ["test/f1_span", "test/accuracy", "test/f1_micro", "test/label_error_rate", "test/mse"]
    assert COLUMNS[:2] == ["test/accuracy", "test/f1_span"]
    assert COLUMNS[-1] == RUN_COLUMNS[-1] == "cost/parameters"


def test_a_single_run_shows_some_ten_numbers():
    """Those of a task and of the machine alone; of validation, the score that decides on test."""
    common = set(METRICS) - {name for name in METRICS if name.startswith(("test/", "val/"))} - {"train/mse"}
    of_classes = {"test/accuracy", "test/f1_macro", "test/loss", "val/accuracy", "val/f1_macro", "val/loss"}
    assert headlines(common | of_classes) == [
        "test/accuracy", "val/accuracy", "test/f1_macro", "test/loss", "speed/train_tokens_per_second",
        "speed/training_seconds", "speed/seconds_to_accuracy", "speed/inference_sequences_per_second", "latency/p50_ms",
        "memory/host_train_peak_mib", "memory/device_train_peak_mib", "cost/parameters",
    ]  # fmt: skip
    assert headlines({"test/mse", "val/mse", "train/mse"}) == ["test/mse", "val/mse"]
    assert headlines({"train/loss", "cost/steps"}) == []


def test_the_column_of_a_score_on_validation_is_behind_that_of_the_same_score_on_test_if_both_are_there():
    columns = ["test/accuracy", "test/mse", "cost/parameters"]
    with_both = ["test/accuracy", "test/mse", "val/mse", "cost/parameters"]
    assert with_validation(columns, "test/mse", {"val/mse", "val/accuracy"}) == with_both
    assert with_validation(columns, "test/mse", {"val/accuracy"}) == columns
    assert with_validation(columns, "test/f1_span", {"val/f1_span"}) == columns
    assert [column_name(name) for name in with_both] == ["accuracy", "squared error", "val squared error", "parameters"]


@pytest.mark.parametrize("name", [*GATED, *QUALITY])
def test_every_gated_metric_and_every_quality_has_a_direction(name):
    assert METRICS[name].higher_is_better is not None


@pytest.mark.parametrize("name", [*COLUMNS, *RUN_COLUMNS])
def test_every_metric_with_a_column_has_a_short_name(name):
    assert METRICS[name].short_name


def test_only_qualities_on_test_decide_and_only_speed_and_latency_are_timed():
    assert {METRICS[name].kind for name in QUALITY} == {"quality"}
    assert all(name.startswith("test/") for name in QUALITY)
    assert {metric.kind for metric in METRICS.values() if metric.timed} == {"speed", "latency"}
    assert {metric.kind for metric in METRICS.values() if metric.of_hardware} == {"speed", "latency", "memory"}
    assert {metric.kind for metric in METRICS.values() if metric.exact} == {"cost"}


def test_a_metric_of_each_epoch_has_the_definition_of_its_stem_and_an_unknown_one_is_never_ranked():
    assert definition("test/accuracy_each_epoch") is METRICS["test/accuracy"]
    assert known("my/own").higher_is_better is None
    with pytest.raises(KeyError):
        definition("my/own")


NEW_METRIC = """METRICS: dict[str, Metric] = {
    "energy/per_sequence": Metric("J", False, "energy of one sequence", "latency", "energy", 99, gated=True),
"""
REPORT = """
from made_records import over_seeds
from harness.analysis.comparison import compare
from harness.analysis.gate_baseline import baseline_of
from harness.report import tables

name = "energy/per_sequence"
records = over_seeds("lstm", [0.9] * 3, metrics={name: [1.0, 1.1, 0.9]})
records += over_seeds("gru", [0.9] * 3, metrics={name: [5.0, 5.1, 4.9]})
comparison = compare(records, "x")
print({variant.name: variant.verdict(name) for variant in comparison.variants})
print(tables.markdown(comparison).count("energy, J"))
print({name in side.metrics for side in baseline_of(comparison).values()})
"""


def test_a_line_in_the_table_is_enough_to_rank_show_and_gate_a_new_metric(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    table = tmp_path / "harness" / "records" / "metrics.py"
    head, found, rest = table.read_text(encoding="utf8").partition("METRICS: dict[str, Metric] = {\n")
    assert found
    table.write_text(head + NEW_METRIC + rest, encoding="utf8")
    path = os.pathsep.join([str(tmp_path), str(REPOSITORY / "tests")])
    done = subprocess.run(
        [sys.executable, "-c", REPORT],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.stdout.splitlines() == ["{'lstm': 'best', 'gru': 'worse'}", "1", "{True}"], done.stderr


def prefix_checks(source: str) -> list[int]:
    """The lines that look at the part of a metric's name before the slash."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and called(node) in ("startswith", "removeprefix"):
            constants = {leaf.value for argument in node.args for leaf in ast.walk(argument) if is_text(leaf)}
            lines += [node.lineno] if constants & {f"{prefix}/" for prefix in PREFIXES} else []
        if isinstance(node, ast.Compare):
            splits = (leaf for leaf in ast.walk(node) if isinstance(leaf, ast.Call))
            lines += [node.lineno for leaf in splits if called(leaf) in SPLITTING and any(map(is_slash, leaf.args))]
    return lines


SPLITTING = ("split", "rsplit", "partition", "rpartition")


def called(node: ast.Call) -> str | None:
    return node.func.attr if isinstance(node.func, ast.Attribute) else None


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_slash(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == "/"


@pytest.mark.parametrize(
    "line",
    [
        'name.startswith("test/")', 'name.startswith(("val/", "train/"))', 'name.removeprefix("speed/")',
        'name.split("/")[0] == "latency"', 'name.partition("/")[0] in ("memory", "cost")',
    ],
)  # fmt: skip
def test_prefix_checks_are_recognised(line):
    assert prefix_checks(f"x = 1\ny = {line}\n") == [2]
    assert prefix_checks('label.split("/")\nlabel.startswith("seed=")\na = path.rpartition("/")') == []


def test_no_other_module_tests_the_prefix_of_a_metric():
    files = [file for file in PACKAGE.rglob("*.py") if file != PACKAGE / "records" / "metrics.py"]
    assert len(files) > 100
    lines = {str(file.relative_to(PACKAGE)): prefix_checks(file.read_text(encoding="utf8")) for file in files}
    assert {file: numbers for file, numbers in lines.items() if numbers} == {}
