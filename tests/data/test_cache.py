"""Prepared data: their key covers the loader's code without its comments; they are small, mapped and read-only."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness.data
from harness.data import Batches, Dataset, Split, cache, from_sequences, open_prepared, prepare
from harness.data.cache import damage
from harness.data.loaders.digits import digits
from harness.data.synthetic.features import synthetic_features

LOADER = '''
from harness.data import from_sequences
from harness.data.cache import cached_by


@cached_by(lambda rows: str(rows))
def load(rows):
    """Sequences of two classes."""
    part = ([[2], [3]] * rows, ["a", "b"] * rows)
    return from_sequences(part, part, part, classes=["a", "b"], vocabulary=["[PAD]", "[UNK]", "x", "y"])
'''


def prepared(folder: Path, code: str) -> Path:
    """The folder with the data of a custom loader with this code."""
    file = folder / "my_loader.py"
    file.write_text(code)
    module: dict[str, Any] = {"__name__": "my_loader"}
    exec(compile(code, file, "exec"), module)  # an import could take an older version from its cache
    return prepare(module["load"], {"rows": 5}, folder / "cache")


def test_a_changed_comment_or_docstring_of_a_custom_loader_keeps_its_prepared_data(tmp_path):
    first = prepared(tmp_path, LOADER)
    assert prepared(tmp_path, LOADER.replace("Sequences of", "Some sequences of") + "# a comment\n") == first


def test_a_changed_custom_loader_is_prepared_again(tmp_path):
    first = prepared(tmp_path, LOADER)
    second = prepared(tmp_path, LOADER.replace("[[2], [3]]", "[[2], [2]]"))
    assert open_prepared(first).train.x.tolist() == [2, 3] * 5
    assert open_prepared(second).train.x.tolist() == [2, 2] * 5


def test_the_key_covers_the_shared_code_and_the_file_of_the_loader(tmp_path, monkeypatch):
    hashed: list[Path] = []
    monkeypatch.setattr(cache.source_code, "digest", lambda files: hashed.extend(files) or "digest")
    prepare(synthetic_features, {"sequences": 200, "classes": 2}, tmp_path)
    package = Path(harness.data.__file__).parent
    names = {str(file.relative_to(package)) for file in hashed}
    assert {"dataset.py", "labels.py", "tokenizers.py", "loaders/splits.py", "loaders/tables.py"} <= names
    assert {name for name in names if name.startswith("synthetic")} == {"synthetic/features.py"}
    assert len(hashed) == len(names)


@pytest.mark.parametrize("name", ["train.x.npy", "test.y.npy"])
def test_prepared_data_whose_content_was_lost_are_prepared_again(tmp_path, capsys, name):
    """As after a power failure: the size is right, the content is not."""
    settings = {"validation": 0.15, "test": 0.2, "limit": None}
    folder = prepare(digits, settings, tmp_path)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:128] + bytes(len(whole) - 128))
    assert "its content is not what was written" in damage(folder)
    assert prepare(digits, settings, tmp_path) == folder
    assert (folder / name).read_bytes() == whole
    assert name in capsys.readouterr().err


def saved(tmp_path: Path) -> tuple[Any, Path]:
    """A data set of 5 sequences of 0 to 7 token ids, and the folder that it was saved to."""
    x = [[2 + step % 3 for step in range(length)] for length in (3, 0, 7, 2, 5)]
    part = (x, ["a", "b", "a", "b", "a"])

    def load():
        return from_sequences(part, part, part, classes=["a", "b"], vocabulary=["[PAD]", "[UNK]", "x", "y", "z"])

    return load(), prepare(load, {}, tmp_path)


def test_prepared_data_take_4_bytes_a_token_however_long_the_longest_sequence_is(tmp_path):
    data, folder = saved(tmp_path)
    header = 128
    assert (folder / "train.x.npy").stat().st_size == header + 4 * int(data.train.length_N.sum())
    assert (folder / "train.offsets.npy").stat().st_size == header + 8 * (5 + 1)
    assert (folder / "train.y.npy").stat().st_size == header + 8 * 5


@pytest.mark.parametrize("task", ["classification", "tagging", "ctc", "regression"])
def test_what_is_prepared_is_what_is_opened_from_a_read_only_folder(tmp_path, task):
    x = [np.full((length, 3), length, np.float32) for length in (3, 0, 7, 2, 5)]
    labels = [[n % 2] * (len(row) if task == "tagging" else len(row) // 2) for n, row in enumerate(x)]
    part = (x, {"classification": [0, 1, 0, 1, 0], "regression": [0.5, 1, 2, 3, 4]}.get(task, labels))
    empty = ([x[1]], [part[1][1]])  # a split without any step: its file holds no number

    def load():
        validation = part if task in ("tagging", "ctc") else empty
        return from_sequences(part, validation, part, classes=() if task == "regression" else (0, 1), task=task)

    folder = prepare(load, {}, tmp_path)
    for file in (*folder.iterdir(), folder):
        file.chmod(0o555)
    assert prepare(load, {}, tmp_path) == folder
    data, opened = load(), open_prepared(folder)
    assert opened.hash == data.hash
    assert Dataset(*opened.splits.values(), opened.classes, task=task).hash == data.hash
    for name, split in opened.splits.items():
        split.make_resident()
        assert not split.x.flags.writeable
        for one, other in zip(Batches(split, 2, seed=0), Batches(data.splits[name], 2, seed=0), strict=True):
            assert one.x.flags.writeable  # torch warns of an array that is not
            assert one.y.flags.writeable
            np.testing.assert_array_equal(one.x, other.x)
            np.testing.assert_array_equal(one.y, other.y)
    folder.chmod(0o755)


def file_pages_mib() -> float:
    """Pages of files that are resident in this process, MiB."""
    return int(re.search(r"^RssFile:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)[1]) / 1024


def test_the_pages_of_data_are_resident_before_memory_is_measured(tmp_path):
    """16 MiB of features: without this, they would count as memory of the model that reads them first."""
    rows = 2**15

    def load():
        train = Split(np.ones((rows * 2, 64), np.float32), np.arange(rows + 1) * 2, np.arange(rows) % 2)
        rest = Split(np.zeros((2, 64), np.float32), np.array([0, 2]), np.zeros(1, np.int64))
        return Dataset(train, rest, rest, ["a", "b"])

    folder = prepare(load, {}, tmp_path)
    opened = open_prepared(folder)
    before = file_pages_mib()
    opened.train.make_resident()
    resident = file_pages_mib()
    assert resident - before > 15.9
    assert sum(batch.tokens for batch in Batches(opened.train, 256, seed=0)) == 2 * rows
    assert file_pages_mib() - resident < 1


def test_another_version_of_unicode_prepares_the_data_again(tmp_path, monkeypatch):
    first = prepared(tmp_path, LOADER)
    monkeypatch.setattr(cache.unicodedata, "unidata_version", "99.0.0")  # decides what a letter and its lower case are
    assert prepared(tmp_path, LOADER) != first
