"""Word vectors for a data set: what they cover, and that they are read once."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import refused

from harness.data import from_sequences
from harness.data.dataset import SPECIAL
from harness.data.tokenizers import SEPARATOR
from harness.data.vectors import prepare as word_vectors
from harness.data.vectors.prepare import prepare, sentence


def data_of(*words: str):
    """Texts of ids; the first of train has each word once, [UNK] twice and the separator three times."""
    vocabulary = [*SPECIAL, SEPARATOR, *words]
    first = [1, 1, 2, 2, 2, *range(3, len(vocabulary))]
    part = ([first, [3]], ["a", "b"])
    return from_sequences(part, part, part, classes=["a", "b"], vocabulary=vocabulary)


@pytest.fixture
def glove(tmp_path):
    file = tmp_path / "glove.txt"
    file.write_text("the 1 2 3\nfilm 4 5 6\nof 7 8 9\n")
    return file


def test_what_a_file_covers_is_counted_in_words_and_in_the_tokens_of_train(glove, tmp_path):
    found = prepare(str(glove), None, data_of("the", "film", "a", "b", "c"), tmp_path)
    # train has 2 unknown tokens, 5 words and "the" once more; separators do not count
    assert found.coverage == {
        "file": "glove.txt", "width": 3, "vocabulary": 5, "found": 2, "train_tokens": 3 / 8
    }  # fmt: skip
    assert sentence(found.coverage) == (
        "glove.txt (input.vectors) has 2 of the 5 tokens of the vocabulary (40.0%) and 37.5% of the train tokens; the "
        "others start at random"
    )
    ids_K, vectors_KD = found.vectors.read()
    assert (ids_K.tolist(), vectors_KD.tolist()) == ([3, 4], [[1, 2, 3], [4, 5, 6]])


def test_a_vector_of_unknown_words_covers_none(glove, tmp_path):
    with open(glove, "a") as opened:
        opened.write("<unk> 0 0 1\n")
    found = prepare(str(glove), None, data_of("the", "film", "a", "b", "c"), tmp_path)
    assert (found.coverage["found"], found.coverage["train_tokens"]) == (2, 3 / 8)
    assert found.vectors.read()[0].tolist() == [1, 3, 4]


def test_a_file_is_read_once_for_a_vocabulary_and_again_for_another_or_when_what_is_kept_is_damaged(
    glove, tmp_path, monkeypatch, capsys
):
    read = []
    monkeypatch.setattr(word_vectors, "find", lambda *some: read.append(some) or found(*some))
    from harness.data.vectors.lookup import find as found

    data = data_of("the", "film")
    first = prepare(str(glove), 3, data, tmp_path / "cache")
    (tmp_path / "elsewhere.txt").write_bytes(glove.read_bytes())
    moved = prepare(str(tmp_path / "elsewhere.txt"), None, data, tmp_path / "cache")
    assert (len(read), moved.content, moved.vectors) == (1, first.content, first.vectors)
    assert prepare(str(glove), None, data_of("the"), tmp_path / "cache").vectors != first.vectors
    assert len(read) == 2
    whole = first.vectors.rows.read_bytes()
    for damaged in (whole[:-30], whole.replace(np.float32(5).tobytes(), np.float32(6).tobytes())):
        first.vectors.rows.write_bytes(damaged)
        capsys.readouterr()
        again = prepare(str(glove), None, data, tmp_path / "cache")
        assert again.vectors.read()[1].tolist() == [[1, 2, 3], [4, 5, 6]]
        assert "npz is damaged: the vectors are read again" in capsys.readouterr().err
    glove.write_text("the 1 2 3\nfilm 4 5 7\n")
    assert prepare(str(glove), None, data, tmp_path / "cache").content != first.content


def test_what_does_not_fit_is_refused(glove, tmp_path):
    assert refused(prepare, str(glove), 128, data_of("the"), tmp_path) == (
        f"input.size=128, and the vectors of {glove} are 3 wide; set input.size=null, or take another file"
    )
    part = ([np.zeros((3, 5), np.float32), np.ones((3, 5), np.float32)], ["a", "b"])
    features = from_sequences(part, part, part, classes=["a", "b"])
    assert refused(prepare, str(glove), None, features, tmp_path) == (
        "input.vectors are vectors of words, and this data has feature vectors; set input=embedding"
    )
    said = refused(prepare, str(glove), None, data_of("the"), glove / "cache")
    assert f"cache_dir={glove / 'cache'} cannot be written to" in said


def test_the_vectors_are_no_part_of_the_data(glove, tmp_path):
    data = data_of("the", "film")
    vectors = prepare(str(glove), None, data, tmp_path).vectors
    assert replace(data, vectors=vectors).hash == data.hash
