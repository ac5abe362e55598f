"""The hash of code: equal for code that does the same, different for code that does something else."""

import pytest

from harness.data import source_code

CODE = '''
"""A module."""

LIMIT = 3
"""What the limit means."""


class Counter:
    """A class."""

    def add(self, step=1):
        """A method."""
        return self.total + step  # a comment


async def wait():
    """A coroutine."""
    return "text"
'''


def digest(folder, content: str | bytes, name="code.py") -> str:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return source_code.digest([file])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# a comment", "# another comment"),
        ("  # a comment", ""),
        ('"""A module."""', '"""Another module."""'),
        ('"""What the limit means."""', '"""What it means,\nin two lines."""'),
        ('    """A class."""\n', ""),
        ('"""A method."""', "'''Another method.'''"),
        ('"""A coroutine."""', '"""Another coroutine."""'),
        ("self.total + step", "(\n            self.total\n            + step\n        )"),
        ("\n\nclass", "\n\n\n\nclass"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(tmp_path, old, new):
    changed = CODE.replace(old, new)
    assert changed != CODE
    assert digest(tmp_path / "new", changed) == digest(tmp_path / "old", CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("LIMIT = 3", "LIMIT = 3.0"),
        ("LIMIT = 3", "LIMITS = 3"),
        ("LIMIT = 3", 'LIMIT = "3"'),
        ("self.total", "self.sum"),
        ("step=1", "step=True"),
        ("step=1", "step"),
        ("total + step", "total - step"),
        ("async def", "def"),
        ('return "text"', 'return "Text"'),
        ('    return "text"', '    print("more")\n    return "text"'),
        ('    return "text"', '    "text"'),
    ],
)
def test_what_the_code_does_counts(tmp_path, old, new):
    changed = CODE.replace(old, new)
    assert changed != CODE
    assert digest(tmp_path / "new", changed) != digest(tmp_path / "old", CODE)


def test_statements_that_move_into_a_block_count(tmp_path):
    inside, outside = (f"if ready:\n    first()\n{indent}second()\n" for indent in ("    ", ""))
    assert digest(tmp_path / "inside", inside) != digest(tmp_path / "outside", outside)


@pytest.mark.parametrize("content", [b"not python at all # a comment", b"\xff\xfe", b"x = 1\0"])
def test_a_file_that_is_not_valid_python_counts_by_its_bytes(tmp_path, content):
    one = digest(tmp_path / "one", content)
    assert one == digest(tmp_path / "same", content)
    assert one != digest(tmp_path / "other", content + b" # another comment")


def test_names_of_files_and_a_file_that_changes_count(tmp_path):
    assert digest(tmp_path, CODE, "one.py") != digest(tmp_path, CODE, "other.py")
    before = digest(tmp_path, CODE)
    assert digest(tmp_path, CODE + "\nADDED = 1\n") != before  # the digest of a file is kept while it is unchanged
