"""The key of prepared data: it covers the loader's code, but not its comments, and the code that loaders share."""

from pathlib import Path
from typing import Any

import pytest

import harness.data
from harness.data import cache, open_prepared, prepare
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
