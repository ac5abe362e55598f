"""Rows of words and tags in a table: spaces around tags, and lists that are no list of words."""

import pandas as pd
import pytest
from conftest import refused

from harness.data.loaders.pretokenized import read_pretokenized
from harness.data.loaders.tagging import read_tagged


def test_spaces_around_a_tag_make_no_class_and_those_of_words_stay():
    frame = pd.DataFrame({"words": [["New York", " b"]], "tags": [["B-LOC ", "\tO"]]})
    assert read_tagged(frame, "a.jsonl", "words", "tags") == ([("New York", " b")], [("B-LOC", "O")])


@pytest.mark.parametrize("value", [[["a"], ["b"]], [{"text": "a"}], {"a": 1}, [("a", "b")]])
def test_lists_of_lists_and_objects_are_no_words(value):
    frame = pd.DataFrame({"words": [["a"], value], "label": ["x", "y"]}, dtype=object)
    said = "a.jsonl, row 2 has lists or objects inside 'words', set by data.tokens; give each row one list of texts"
    assert said in refused(read_pretokenized, frame, "a.jsonl", "words", "label", "drop")
    frame["tags"] = frame["words"]
    frame["words"] = [["a"], ["a"]]
    assert "row 2 has lists or objects inside 'tags'" in refused(read_tagged, frame, "a.jsonl", "words", "tags")
