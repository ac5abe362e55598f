"""Where records are kept: names of folders, whole files, and what is done about damaged ones."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_records import sweep, write

from harness.records import store
from harness.records.store import LONGEST_NAME, Unreadable, file_name, readable, run_folder

NAMES = st.text(min_size=1, max_size=300)


@given(NAMES, NAMES)
def test_different_names_have_different_files(one, other):
    assert (file_name(one) == file_name(other)) == (one == other)


@given(NAMES)
def test_a_name_of_any_script_and_length_is_one_that_a_file_system_takes(name):
    made = file_name(name)
    assert made not in ("", ".", "..")
    assert "/" not in made
    assert "\0" not in made
    assert len(made.encode()) <= LONGEST_NAME + 9
    assert not made.startswith(("-", "."))


@given(NAMES, st.text(max_size=300))
def test_every_run_lies_below_its_output_folder(name, label):
    output = Path("/tmp/does-not-exist")
    folder = run_folder(output, name, label, "f" * 64)
    assert folder.parent.parent == output / "runs"
    assert len(folder.name.encode()) <= 255


@pytest.mark.parametrize("name", ["digits", "imdb", "lstm_self-attention.v2", "größe", "データ", "a=1,b=2"])
def test_a_name_that_a_file_can_have_stays(name):
    assert file_name(name) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [("exp 1", "exp/1"), ("exp 1", "exp-1"), ("..", "."), ("///", " "), ("a" * 300, "a" * 301), ("x.", "x")],
)
def test_names_that_clean_to_the_same_are_kept_apart(one, other):
    assert file_name(one) != file_name(other)


def test_a_name_that_looks_like_a_cleaned_one_is_kept_apart_from_it():
    made = file_name("exp 1")
    assert file_name(made) != made


def test_a_label_is_cut_at_a_whole_letter():
    assert readable("é" * 200) == "é" * (LONGEST_NAME // 2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not a record"),
        (b'{"schema": 2, "status": "fin', "is not a record"),
        (b"\xff\xfe\x00", "is not a record"),
        (b"[1, 2]", "is not a record"),
        (b'"text"', "is not a record"),
        (b'{"schema": 2}', "is not a record"),
        (b'{"schema": 1}', "has schema 1, and this version reads schema 2"),
        (b"{}", "has schema None"),
        (b'{"schema": 2, "metrics": {"test/accuracy": NaN}}', "it has NaN, which is no number"),
    ],
)
def test_a_damaged_record_is_named_left_out_and_no_finished_run(tmp_path, content, said):
    folder = tmp_path / "runs" / "digits" / "lstm-ffffffffffff"
    folder.mkdir(parents=True)
    (folder / "record.json").write_bytes(content)
    with pytest.raises(Unreadable, match=said) as refused:
        store.read(folder)
    assert str(folder / "record.json") in str(refused.value)
    assert store.read_usable(folder) is None
    assert store.find(tmp_path, "f" * 64, "digits") is None
    left_out = []
    assert list(store.read_all(tmp_path, left_out)) == []
    assert left_out == [str(refused.value)]


def test_a_model_that_was_exported_into_a_runs_folder_is_no_second_run(tmp_path):
    runs = tmp_path / "runs" / "digits"
    for folder in (runs / "lstm", runs / "lstm" / "export" / "mlflow" / "run", runs / "gru"):
        folder.mkdir(parents=True)
        (folder / "record.json").write_text("{}")
    assert sorted(store.run_folders(tmp_path)) == [runs / "gru", runs / "lstm"]
    assert list(store.run_folders(runs / "lstm")) == [runs / "lstm"]


def test_a_folder_without_a_record_has_none(tmp_path):
    assert store.read(tmp_path) is None


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / "a.json"
    store.write_json(file, {"a": 1})
    with pytest.raises(ValueError, match="Out of range"):
        store.write_json(file, {"a": float("nan")})
    assert json.loads(file.read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_empty_folders_are_removed_and_others_stay(tmp_path):
    folder = tmp_path / "runs" / "digits" / "lstm"
    folder.mkdir(parents=True)
    (tmp_path / "other").write_text("")
    store.remove_empty(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_two_that_write_one_file_at_a_time_write_it_whole(tmp_path):
    """Processes of two machines, or containers, may have the same number."""
    file = tmp_path / "shared.json"
    with store.whole_file(file) as mine:
        mine.write_text("mine")
        with store.whole_file(file) as theirs:
            theirs.write_text("theirs")
        assert file.read_text() == "theirs"
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


def test_runs_behind_links_are_found_once(tmp_path):
    """An experiment that was moved to a larger disk, a run that is linked twice, and a link that leads back."""
    runs = write(tmp_path / "outputs", sweep()) / "runs"
    expected = sorted(record.fingerprint for record in store.read_all(runs))
    assert len(expected) > 2
    (tmp_path / "disk").mkdir()
    first, second, *_ = sorted(store.run_folders(runs))
    (runs / first.name).rename(tmp_path / "disk" / first.name)
    (runs / first.name).symlink_to(tmp_path / "disk" / first.name)
    (runs / "again").symlink_to(second)
    (runs / "back").symlink_to(runs)
    assert sorted(record.fingerprint for record in store.read_all(runs)) == expected
