"""``harness.records``: a table of all runs, and still the package of that name."""

import importlib
import math

import pandas as pd
import pytest
from conftest import refused
from made_records import made, sweep, write

import harness
from harness.records import store


def test_every_run_is_a_row_with_every_metric_of_its_record(tmp_path):
    records = [*sweep(), made("rnn", accuracy=None, status="failed", reason="boom", started=1)]
    folder = write(tmp_path, records)
    table = harness.records(folder)
    assert len(table) == len(records) == 7
    for record in records:
        row = table[table["folder"] == str(record.folder)].iloc[0]
        for column in ("name", "label", "status", "seed", "run_dir"):
            assert row[column] == getattr(record, column)
        assert [row[one] for one in ("encoder", "data", "backend")] == [record.choices["encoder"], "digits", "pytorch"]
        assert row["started"] == pd.Timestamp(record.started)
        for metric in {name for one in records for name in one.metrics}:
            value = record.metrics.get(metric)
            assert math.isnan(row[metric]) if value is None else row[metric] == value
    assert table["reason"].tolist()[-1] == "boom"
    assert list(table.columns[:8]) == ["name", "label", "status", "reason", "encoder", "data", "backend", "seed"]
    assert list(table.columns[-3:]) == ["run_dir", "started", "folder"]


def test_every_key_that_a_command_set_is_a_column_with_the_value_of_each_run():
    from harness.records.table import table_of

    records = [
        made("lstm", config={"trainer.epochs": 7}, overrides=["trainer.epochs=7", "optimizer=sgd", "data=digits"]),
        made("gru", overrides=["+encoder.own=3", "pooling=last"], choices={"pooling": "last"}),
    ]
    records[1].config["encoder"]["own"] = 3
    table = table_of(records)
    assert table["trainer.epochs"].tolist() == [7, 2]  # the default where the command set none
    assert table["optimizer"].tolist()[0] == "sgd"
    assert table["optimizer"].isna().tolist() == [False, True]
    assert table["pooling"].tolist() == ["mean", "last"]
    assert table["encoder.own"].isna().tolist() == [True, False]
    assert table["encoder.own"].tolist()[1] == 3
    assert table["data"].tolist() == ["digits", "digits"]
    assert list(table.columns).count("data") == 1


def test_copies_that_mlflow_keeps_and_files_that_are_no_records_are_left_out(tmp_path, capsys):
    folder = write(tmp_path, sweep())
    write(folder / "mlartifacts" / "1", sweep())
    (folder / "runs" / "0" / store.RECORD).write_text("{")
    assert len(harness.records(str(folder))) == 5
    assert f"left out: {folder}/runs/0/record.json is not a record" in capsys.readouterr().err
    assert len(harness.records([folder / "runs" / "1", folder / "runs" / "2", folder])) == 5


def test_a_folder_without_records_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused(harness.records) == (
        "there is no folder outputs; run something first, or name the folder of the records"
    )
    (tmp_path / "outputs").mkdir()
    assert refused(harness.records, "outputs") == (
        "there is no record below outputs; run something first, or name the folder of the records"
    )
    assert refused(harness.records, []) == (
        "there is no record; run something first, or name the folder of the records"
    )


def test_the_table_is_the_package_too():
    assert importlib.import_module("harness.records") is harness.records
    assert harness.records.store is store
    assert importlib.reload(harness.records) is harness.records
    assert callable(harness.records)


@pytest.mark.parametrize("reason", [None, "out of memory"])
def test_a_record_is_one_line_in_a_notebook(reason):
    status, why = ("failed", " (out of memory)") if reason else ("finished", "")
    record = made("lstm", status=status, reason=reason)
    assert repr(record) == f"<Record digits: lstm/seed=0, {status}{why}>"
