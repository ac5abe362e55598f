"""The typed record: its JSON, its schema, and what it refuses."""

import dataclasses
import json
import subprocess
import sys

import jsonschema
import pytest
from conftest import QUICK, REPOSITORY

from harness.records.record import (
    SCHEMA,
    DataSummary,
    Environment,
    Hardware,
    Point,
    Record,
    from_json,
    json_schema,
)

RECORD = Record(
    name="digits",
    label="lstm/seed=3",
    fingerprint="f" * 64,
    variant="e" * 64,
    seed=3,
    choices={"encoder": "lstm"},
    config={"seed": 3, "encoder": {"hidden_size": 128}},
    data=DataSummary("digits", "d" * 64, "classification", {"train": 7}, ["0", "1"], 11, 13, None, {"rows": 17}),
    environment=Environment(Hardware("cpu", threads=2), host="here", versions={"python": "3.11.7"}),
    run_dir="runs/digits/lstm-seed=3-ffffffffffff",
    started="2026-01-01T00:00:00.000+00:00",
    metrics={"test/accuracy": 0.5},
    history=[{"epoch": 1, "val/accuracy": 0.25}],
    profile=[Point(128, 8, "timed_out", "too long", {"forward_ms": 1.5})],
)


def test_a_record_comes_back_from_its_json_as_it_was():
    content = json.loads(json.dumps(RECORD.to_json()))
    assert from_json(content) == RECORD
    assert next(iter(content)) == "schema"
    assert content["schema"] == SCHEMA == 2


def test_what_belongs_to_the_command_is_not_written():
    shown = dataclasses.replace(RECORD, skipped=True, asked="lstm/seed=4", follows=True)
    assert shown.to_json() == RECORD.to_json()
    assert {"folder", "skipped", "asked", "follows"}.isdisjoint(RECORD.to_json())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": "three"}, "seed"),
        ({"status": "done"}, "status"),
        ({"told": []}, "unknown keys: told"),
        ({"environment": {}}, "environment"),
        ({"metrics": {"test/accuracy": "high"}}, "metrics"),
    ],
)
def test_what_is_no_record_is_refused_by_the_key(change, said):
    with pytest.raises(ValueError, match=said):
        from_json({**RECORD.to_json(), **change})


@pytest.mark.parametrize("content", [[], None, "text", 3])
def test_what_is_no_object_is_refused(content):
    with pytest.raises(ValueError, match="no JSON object"):
        from_json(content)


def test_the_schema_in_the_docs_is_the_types_own():
    """``python -m harness.records.record > docs/record.schema.json`` writes it."""
    written = json.loads((REPOSITORY / "docs" / "record.schema.json").read_text(encoding="utf8"))
    command = [sys.executable, "-m", "harness.records.record"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert written == json.loads(printed.stdout) == json_schema()


def test_a_real_record_fits_the_schema_and_the_schema_refuses_another(command):
    record = command(*QUICK, "trainer.epochs=1", "tracking=none").record
    content = json.loads((record.folder / "record.json").read_text(encoding="utf8"))
    jsonschema.Draft202012Validator.check_schema(json_schema())
    jsonschema.validate(content, json_schema())
    for broken in ({**content, "seed": "0"}, {**content, "more": 1}, {"schema": 2}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, json_schema())
