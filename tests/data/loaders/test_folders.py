"""Folders and files as they lie on disk: links, names in other encodings, pipes, what cannot be read."""

import os

import pytest
from conftest import refused

from harness.data.loaders import archives
from harness.data.loaders.archives import file_key, visible_files
from harness.data.loaders.tables import read_file


@pytest.fixture
def folder(tmp_path):
    for name in ("good/b.txt", "good/a.txt", "bad/1.txt"):
        (tmp_path / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "train" / name).write_text(name)
    return tmp_path / "train"


def test_links_to_files_and_folders_are_followed(folder, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "2.txt").write_text("x")
    (folder / "bad" / "more").symlink_to(tmp_path / "more")
    (folder / "good" / "c.txt").symlink_to(folder / "bad" / "1.txt")
    names = [file.relative_to(folder).as_posix() for file in visible_files(folder)]
    assert names == ["bad/1.txt", "bad/more/2.txt", "good/a.txt", "good/b.txt", "good/c.txt"]


@pytest.mark.parametrize(("target", "said"), [
    ("nowhere", "link is a link to nothing"),
    ("link", "link is a link to nothing"),
    (".", "link is a link to a folder that it lies in"),
    ("..", "link is a link to a folder that it lies in"),
    ("../..", "link is a link to a folder that it lies in"),
])  # fmt: skip
def test_a_link_without_end_or_target_is_refused(folder, target, said):
    # it would give each text 40 times, or lose one
    (folder / "good" / "link").symlink_to(target)
    assert said in refused(read_file, folder)
    assert said in refused(file_key, folder)


def test_a_class_whose_name_is_not_utf8_is_refused(folder):
    name = os.fsencode(folder) + b"/caf\xe9"
    try:
        os.mkdir(name)
    except OSError:
        pytest.skip("this file system takes no such names")
    with open(name + b"/1.txt", "w") as opened:
        opened.write("x")
    assert len(file_key(folder)) == 64
    assert "has a folder whose name is not UTF-8 (b'caf\\xe9'); rename it" in refused(read_file, folder)


def test_a_pipe_is_refused_before_it_is_read(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    assert "a.csv is a device or a pipe" in refused(file_key, tmp_path / "a.csv")


def test_what_cannot_be_read_is_named(folder, monkeypatch):
    def denied(*_):
        raise PermissionError(13, "Permission denied", "the file")

    with monkeypatch.context() as patched:
        patched.setattr(archives.hashlib, "file_digest", denied)
        assert "a.txt cannot be read: Permission denied" in refused(file_key, folder / "good" / "a.txt")
    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", denied)
        assert "the file cannot be read: Permission denied" in refused(visible_files, folder)
