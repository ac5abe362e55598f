"""Serving in the reports: who is ranked with whom, what int8 loses, and why a model was not served."""

import json
import re

import pytest
from made_records import VERSIONS, over_seeds, write

from harness.analysis.comparison import compare
from harness.analysis.serving import served_models
from harness.report import tables
from harness.report.html.page import html
from harness.report.serving import columns, table
from harness.report.terminal import print_comparison


def served(encoder, latency, whole, int8, version="1.32.0", score="accuracy", tokenizers="0.23.1", **more):
    """Three runs of an encoder that were served: the latency in float32, and the scores of both forms."""
    numbers = {
        "serving/latency_p50_ms": latency, "serving/latency_p95_ms": 2 * latency, "serving/model_mib": 4.0,
        "serving/sequences_per_second": 1e3 / latency, "serving/best_batch_size": 32, f"serving/{score}": whole,
        "serving_int8/latency_p50_ms": latency / 2, "serving_int8/latency_p95_ms": latency,
        "serving_int8/sequences_per_second": 2e3 / latency, "serving_int8/best_batch_size": 64,
        "serving_int8/model_mib": 1.0, f"serving_int8/{score}": int8,
    }  # fmt: skip
    spread = {name: [value, value * 1.01, value * 0.99] for name, value in numbers.items()}
    fixed = {name: [value] * 3 for name, value in numbers.items() if not name.endswith(("_ms", "_second"))}
    environment = {"versions": {**VERSIONS, "onnxruntime": version, "tokenizers": tokenizers}}
    return over_seeds(encoder, [0.9, 0.91, 0.92], metrics=spread | fixed, environment=environment, **more)


def rows(records):
    (group,) = compare(records, "digits").groups
    models = served_models(group)
    return columns(models), list(table(models))


def test_a_row_for_each_form_with_what_int8_loses():
    head, (whole, int8) = rows(served("lstm", 2.0, 0.9, 0.8765))
    assert head == ["variant", "model", "accuracy", "p50, ms", "p95, ms", "seq./s", "at batch", "MiB"]
    assert whole == ["lstm", "float32", "0.9", "2", "4", "500", "32", "4"]
    assert int8 == ["lstm", "int8", "0.8765 (loses 2.4 points)", "1", "2", "1,000", "64", "1"]


def test_int8_that_loses_nothing_says_nothing_and_errors_that_grow_are_said():
    _, (_, int8) = rows(served("lstm", 2.0, 0.9, 0.9))
    assert int8[2] == "0.9"
    _, (_, int8) = rows(served("lstm", 2.0, 0.9, 0.95))
    assert int8[2] == "0.95"
    head, (_, int8) = rows(served("lstm", 2.0, 4.0, 4.25, score="mse"))
    assert (head[2], int8[2]) == ("squared error", "4.25 (worse by 0.25)")
    _, (_, int8) = rows(served("lstm", 2.0, 0.25, 0.27, score="label_error_rate"))
    assert int8[2] == "0.27 (loses 2 points)"


@pytest.mark.parametrize("older", [{"version": "1.31.0"}, {"tokenizers": "0.22.0"}])
def test_only_models_of_one_version_of_onnx_runtime_and_tokenizers_are_ranked_together(older):
    records = served("lstm", 2.0, 0.9, 0.9) + served("gru", 1.0, 0.9, 0.9)
    verdicts = {one.name: one.verdict("serving/latency_p50_ms") for one in compare(records, "digits").variants}
    assert verdicts == {"lstm": "worse", "gru": "best"}
    records = served("lstm", 2.0, 0.9, 0.9) + served("gru", 1.0, 0.9, 0.9, **older)
    (group,) = compare(records, "digits").groups
    assert [one.verdict("serving/latency_p50_ms") for one in group.variants] == ["", ""]
    assert all(one.verdict("test/accuracy") for one in group.variants), "all else is compared as before"


def test_the_sizes_are_counted_and_the_best_batch_size_is_never_ranked():
    records = served("lstm", 2.0, 0.9, 0.9) + served("gru", 1.0, 0.9, 0.9)
    for one in compare(records, "digits").variants:
        assert one.verdict("serving/best_batch_size") == ""
        assert one.means["serving/model_mib"].half == 0


def files(folder, **content):
    """Two encoders, of which one was to be served and was not; ``content`` is that of their ``serving.json``."""
    refused = over_seeds("cnn", [0.5, 0.51, 0.52], config={"measure.serve": True})
    records = served("lstm", 2.0, 0.9, 0.88) + refused
    write(folder, records)
    for record in records:
        (record.folder / "serving.json").write_text(json.dumps(content[record.choices["encoder"]]))
    return records


POINT = {"latency_p50_ms": 2.0, "latency_p95_ms": 4.0, "sequences_per_second": 500.0}
CURVE = {"curve": [{"batch_size": 1, **POINT}, {"batch_size": 2, **POINT, "sequences_per_second": 750.0}]}


def test_all_formats_have_the_section_and_say_why_a_model_was_not_served(tmp_path, capsys):
    records = files(tmp_path, lstm={"float32": CURVE, "int8": CURVE}, cnn={"reason": "a <loop> over the steps"})
    comparison = compare(records, "digits")
    markdown = tables.markdown(comparison)
    section = markdown[markdown.index("### Serving") :].splitlines()
    assert section[4:8] == [
        "| lstm | float32 | 0.9 | 2 | 4 | 500 | 32 | 4 |",
        "| lstm | int8 | 0.88 (loses 2 points) | 1 | 2 | 1,000 | 64 | 1 |",
        "| cnn | float32 | not served: a \\<loop\\> over the steps | - | - | - | - | - |",
        "| cnn | int8 | not served: a \\<loop\\> over the steps | - | - | - | - | - |",
    ]
    print_comparison(comparison)
    shown = capsys.readouterr().out
    assert re.search(r"lstm +int8 +0\.88 +1 +2 +1,000 +64 +1", shown)
    assert max(map(len, shown.splitlines())) <= 80
    page = html(comparison)
    assert "0.88 (loses 2 points)" in page
    assert "not served: a &lt;loop&gt; over the steps" in page
    assert "Sequences served per second against the batch size" in page
    assert "batch size 2: 750 sequences" in page


def test_there_is_no_section_where_nothing_was_served_and_a_damaged_file_leaves_the_numbers(tmp_path):
    assert "Serving" not in tables.markdown(compare(over_seeds("lstm", [0.9, 0.91]), "digits"))
    records = files(tmp_path, lstm=[1], cnn={})
    (group,) = compare(records, "digits").groups
    assert [(one.form, bool(one.means), one.curve) for one in served_models(group)] == [
        ("float32", True, []), ("int8", True, []),
    ]  # fmt: skip
