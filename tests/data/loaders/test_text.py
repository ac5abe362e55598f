"""Texts from files and folders to ids: what is kept, what is refused, and that the cache is never stale."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import refused

from harness.data import open_prepared, prepare
from harness.data.loaders.digits import digits
from harness.data.loaders.text import load_files, load_hub
from harness.data.loaders.text_rows import encode
from harness.data.synthetic.features import synthetic_features
from harness.errors import UserError

ROWS = [("Good, GOOD film!", "pos"), ("bad film", "neg"), ("good plot", "pos"), ("don't see it 🙂🙂", "neg")] * 10


def write_csv(path, rows=ROWS, columns=("text", "label"), **options):
    pd.DataFrame(rows, columns=list(columns)).to_csv(path, index=False, **options)
    return str(path)


def words(data, split, row):
    part = data.splits[split]
    return [data.vocabulary[one] for one in part.sequence(row)]


def test_every_split_that_is_cut_has_every_class_with_enough_rows(tmp_path):
    texts = [f"film number {row}" for row in range(600)]
    enough = [(text, "rare" if row % 20 == 0 else "common") for row, text in enumerate(texts)]
    data = load_files(write_csv(tmp_path / "enough.csv", enough))
    assert data.classes == ["common", "rare"]
    counts = {role: int((split.y == 1).sum()) for role, split in data.splits.items()}
    assert counts == {"train": 22, "validation": 2, "test": 6}  # 30 of 600: a fifth, then a tenth of the rest
    assert "rare_classes" not in data.notes


def test_different_loaders_with_the_same_arguments_are_cached_apart(tmp_path):
    assert prepare(digits, {}, tmp_path) != prepare(synthetic_features, {}, tmp_path)
    assert prepare(digits, {}, tmp_path) == prepare(digits, {}, tmp_path) != prepare(digits, {"limit": 900}, tmp_path)


def test_texts_without_a_word_are_counted(tmp_path):
    rows = [*ROWS, *[("", "pos"), ("  ", "neg"), ("... !", "pos")] * 10]
    file = write_csv(tmp_path / "empty.csv", rows)
    counted = load_files(file).notes["empty_texts"]
    assert sum(counted.values()) == 30
    assert min(counted.values()) > 0


def test_a_file_in_the_home_folder(tmp_path, monkeypatch):
    file = write_csv(tmp_path / "mine.csv")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_files("~/mine.csv").hash == load_files(file).hash


def test_words_are_lower_case_without_punctuation_and_emojis_are_words():
    text = "Don't PANIC,<br />it's 2 “late” 🙂🙂!"
    parts = {role: ([text, "b"], ["0", "1"]) for role in ("train", "validation", "test")}
    data = encode(parts, source="here")
    assert words(data, "train", 0) == ["don't", "panic", "it's", "2", "late", "🙂", "🙂"]


def test_the_apostrophe_of_phones_equals_the_plain_one():
    texts = ["don\u2019t say \u2018great\u2019 \u2019", "don't say great"]
    parts = {role: (texts, ["0", "1"]) for role in ("train", "validation", "test")}
    data = encode(parts, source="here")
    assert words(data, "train", 0) == words(data, "train", 1) == ["don't", "say", "great"]


def test_composed_and_decomposed_characters_are_the_same_word():
    parts = {role: (["caf\u00e9", "cafe\u0301"], ["0", "1"]) for role in ("train", "validation", "test")}
    assert encode(parts, source="here").train.padded()[:, 0].tolist() == [2, 2]


def test_vocabulary_is_by_frequency_from_train_only_and_counts_its_special_tokens():
    parts = {"train": (["a a a b b c", "a"], ["0", "1"])} | {
        role: (["z z z z z a", "c"], ["0", "1"]) for role in ("validation", "test")
    }
    data = encode(parts, source="here", vocabulary_size=4)
    assert data.vocabulary == ["[PAD]", "[UNK]", "a", "b"]
    assert data.test.sequence(0).tolist() == [1, 1, 1, 1, 1, 2]


@pytest.mark.parametrize(("side", "kept"), [("head", ["a", "b"]), ("tail", ["c", "d"])])
def test_truncation_keeps_the_side_that_is_set(side, kept):
    parts = {role: (["a b c d", "d"], ["0", "1"]) for role in ("train", "validation", "test")}
    data = encode(parts, source="here", max_length=2, truncate=side)
    assert words(data, "train", 0) == kept
    assert data.train.length_N.tolist() == [2, 1]


def test_texts_without_a_word_and_with_fifty_thousand_words():
    parts = {role: (["", "word " * 50_000], ["0", "1"]) for role in ("train", "validation", "test")}
    data = encode(parts, source="here")
    assert data.train.length_N.tolist() == [0, 256]


def test_splits_cut_from_one_file_are_disjoint_stratified_and_always_the_same(tmp_path):
    rows = [(f"text{number}", "ab"[number % 4 == 0]) for number in range(400)]
    file = write_csv(tmp_path / "one.csv", rows)
    data, again = load_files(file), load_files(file)
    assert data.hash == again.hash
    assert [len(split) for split in data.splits.values()] == [288, 32, 80]
    assert [float(split.y.mean()) for split in data.splits.values()] == pytest.approx([0.25, 0.25, 0.25])
    assert data.notes["repeated_texts"] == {"validation": 0, "test": 0}


def test_texts_in_two_splits_are_counted(tmp_path):
    data = load_files(write_csv(tmp_path / "one.csv"))
    assert data.notes["repeated_texts"] == {"validation": len(data.validation), "test": len(data.test)}


def test_csv_tsv_jsonl_and_parquet_hold_the_same_data(tmp_path):
    frame = pd.DataFrame(ROWS, columns=["text", "label"])
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "semicolon.csv", index=False, sep=";", encoding="utf-8-sig")
    frame.to_csv(tmp_path / "a.tsv", index=False, sep="\t")
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "a.parquet")
    hashes = {load_files(str(file)).hash for file in tmp_path.iterdir()}
    assert len(hashes) == 1


def test_quotes_newlines_and_texts_that_look_like_missing_values_survive(tmp_path):
    rows = [('say ""hi""\nthere', "a"), ("NA", "b"), ("null", "a"), ("nan, but not", "b")] * 10
    data = load_files(write_csv(tmp_path / "a.csv", rows))
    assert len(data.train) + len(data.validation) + len(data.test) == 40
    assert {"say", "hi", "there", "na", "null", "nan"} <= set(data.vocabulary)


@pytest.mark.parametrize("labels", [("1", "2"), (1, 2), (1.0, 2.0)])
def test_labels_as_text_whole_numbers_or_floats_are_the_same_classes(tmp_path, labels):
    rows = [(text, labels[label == "pos"]) for text, label in ROWS]
    assert load_files(write_csv(tmp_path / "a.csv", rows)).classes == ["1", "2"]


def test_classes_that_are_numbers_are_sorted_as_numbers(tmp_path):
    rows = [(f"t{number}", str(number % 11)) for number in range(440)]
    assert load_files(write_csv(tmp_path / "a.csv", rows)).classes == [str(number) for number in range(11)]


def test_limit_keeps_a_sample_of_each_split(tmp_path):
    data = load_files(write_csv(tmp_path / "a.csv"), limit=3)
    assert [len(split) for split in data.splits.values()] == [3, 3, 3]


def test_a_missing_column_names_those_that_exist(tmp_path):
    file = write_csv(tmp_path / "a.csv", columns=("review", "stars"))
    assert "no column 'text'; it has review, stars; set data.text" in refused(load_files, file)


def test_an_empty_file_and_a_file_with_only_a_header(tmp_path):
    (tmp_path / "empty.csv").touch()
    assert "empty.csv is empty" in refused(load_files, str(tmp_path / "empty.csv"))
    (tmp_path / "head.csv").write_text("text,label\n")
    assert "head.csv has no rows" in refused(load_files, str(tmp_path / "head.csv"))


def test_no_such_file_and_no_such_kind(tmp_path):
    assert "there is no file" in refused(load_files, str(tmp_path / "none.csv"))
    assert ".csv, .tsv, .jsonl" in refused(load_files, str(tmp_path / "a.docx"))
    assert "a.xlsx is a spreadsheet; save it as CSV UTF-8" in refused(load_files, str(tmp_path / "a.xlsx"))


def test_text_that_is_not_utf8_names_file_and_row(tmp_path):
    file = tmp_path / "latin.csv"
    file.write_bytes("text,label\nfine,a\ncaf\u00e9,b\n".encode("latin-1"))
    assert f"{file} is not UTF-8 at line 3 (byte 3 of it); save it as UTF-8" in refused(load_files, str(file))


def test_a_label_in_test_that_train_lacks_is_kept_as_an_unseen_label(tmp_path):
    train, test = write_csv(tmp_path / "a.csv"), write_csv(tmp_path / "b.csv", [("x", "odd"), ("y", "pos")])
    data = load_files(train, test=test)
    assert (data.classes, data.unseen) == (["neg", "pos"], ["odd"])
    assert data.test.y.tolist() == [2, 1]
    assert data.summary().notes["unseen_labels"] == {"validation": 0, "test": 1}
    assert data.summary().unseen == ["odd"]
    data.check()


def test_one_class_only(tmp_path):
    assert "one class only ('a')" in refused(load_files, write_csv(tmp_path / "a.csv", [("x", "a")] * 9))


def test_a_class_too_rare_to_be_in_every_split_stays_in_train(tmp_path):
    rows = [(f"x{row}", "a") for row in range(50)] + [("y", "rare")]
    data = load_files(write_csv(tmp_path / "a.csv", rows))
    assert data.classes == ["a", "rare"]
    assert {role: int((split.y == 1).sum()) for role, split in data.splits.items()} == {
        "train": 1, "validation": 0, "test": 0
    }  # fmt: skip
    assert data.notes["rare_classes"] == {"test": 1, "validation": 1}
    assert data.unseen == []
    assert sum(len(split) for split in data.splits.values()) == 51


def test_a_label_column_without_repeated_labels_is_refused(tmp_path):
    rows = [("x", f"id {number}") for number in range(500)]
    frame = [("x y", label) for _, label in rows]
    parts = [write_csv(tmp_path / f"{number}.csv", frame[number:] + frame[:number]) for number in range(3)]
    message = refused(load_files, *parts)
    assert "500 different values in 500 rows" in message


def test_a_missing_field_names_its_row(tmp_path):
    file = tmp_path / "a.jsonl"
    rows = [{"text": "x", "label": "ab"[number % 2]} for number in range(40)]
    del rows[28]["label"]
    file.write_text("\n".join(map(json.dumps, rows)))
    assert "row 29 has no 'label' (1 such)" in refused(load_files, str(file), unlabelled="error")
    assert load_files(str(file)).notes["unlabelled_rows"] == {"train": 1}


def hub_folder(folder, words="good bad"):
    folder.mkdir(parents=True)
    for split in ("train", "test"):
        rows = [(word, number) for number, word in enumerate(words.split())] * 20
        frame = pd.DataFrame(rows, columns=["text", "label"])
        frame.to_parquet(folder / f"{split}-00000-of-00001.parquet")
    blocks = "".join(f"  - split: {split}\n    path: {split}-*\n" for split in ("train", "test"))
    (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: default\n  data_files:\n{blocks}---\n")


SPLITS = {"train": "train", "validation": None, "test": "test"}


def test_the_mirror_is_used_and_changed_files_are_read_again(tmp_path, monkeypatch):
    """The library's own cache is keyed by the folder's name and its README, not by the files."""
    monkeypatch.setenv("HARNESS_DATA_MIRROR", str(tmp_path / "mirror"))
    arguments = {"source": "owner/name", "splits": SPLITS}
    opened = []
    for words_now in ("good bad", "fine poor"):
        folder = tmp_path / "mirror" / "owner" / "name"
        if folder.exists():
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
        hub_folder(folder, words_now)
        opened.append(open_prepared(prepare(load_hub, arguments, tmp_path / "cache")))
    assert set(opened[0].vocabulary[2:]) == {"good", "bad"}
    assert set(opened[1].vocabulary[2:]) == {"fine", "poor"}


def test_prepared_data_is_opened_without_being_prepared_again(tmp_path, monkeypatch):
    arguments = {"train": write_csv(tmp_path / "a.csv")}
    first = prepare(load_files, arguments, tmp_path / "cache")
    monkeypatch.setattr("harness.data.loaders.text.encode", None)  # preparing would fail now
    assert prepare(load_files, arguments, tmp_path / "cache") == first
    with pytest.raises(UserError, match="must be callable"):
        prepare(load_files, {**arguments, "max_length": 3}, tmp_path / "cache")


def test_opened_data_equals_the_loaded_data(tmp_path):
    file = write_csv(tmp_path / "a.csv")
    loaded, opened = load_files(file), open_prepared(prepare(load_files, {"train": file}, tmp_path / "cache"))
    assert loaded.hash == opened.hash
    assert loaded.summary() == opened.summary()
    for name, split in loaded.splits.items():
        np.testing.assert_array_equal(split.x, opened.splits[name].x)
        np.testing.assert_array_equal(split.y, opened.splits[name].y)


def test_a_missing_source_is_reported_with_what_was_tried_and_what_to_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_DATA_MIRROR", str(tmp_path))
    message = refused(prepare, load_hub, {"source": "owner/none", "splits": SPLITS}, tmp_path / "cache")
    assert f"HARNESS_DATA_MIRROR={tmp_path} holds no owner/none/" in message
    assert "set HARNESS_DATA_MIRROR to a folder that holds owner/none/" in message


def test_no_such_split_names_those_that_exist(tmp_path, monkeypatch):
    hub_folder(tmp_path / "name")
    monkeypatch.chdir(tmp_path)
    assert "no split 'dev' for validation; it has train, test" in refused(
        load_hub, "name", splits={**SPLITS, "validation": "dev"}
    )


def test_imdb_is_whole_and_its_splits_are_as_published(mirror, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("HARNESS_DATA_MIRROR", mirror)
    data = open_prepared(
        prepare(load_hub, {"source": "stanfordnlp/imdb", "splits": SPLITS}, tmp_path_factory.mktemp("cache"))
    )
    assert [len(split) for split in data.splits.values()] == [22_500, 2_500, 25_000]
    assert [int(split.y.sum()) for split in data.splits.values()] == [11_250, 1_250, 12_500]
    assert data.classes == ["neg", "pos"]
    assert len(data.vocabulary) == 20_000
    assert data.hash == "c06681df18429b0a5c2a18c8d9d0084f9771c4c0bdc7231c77793301c0f1ded3"  # as before other tokenizers


def test_the_same_file_twice_is_refused(tmp_path):
    train, again = write_csv(tmp_path / "a.csv"), write_csv(tmp_path / "b.csv")
    assert "are the same file" in refused(load_files, train, test=again)
