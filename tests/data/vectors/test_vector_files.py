"""Files of word vectors, written by hand in each form: what is read of them, and what is refused."""

import bz2
import gzip
import lzma
import struct
import zipfile

import numpy as np
import pytest
from conftest import refused
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.dataset import SPECIAL
from harness.data.vectors.files import VectorFile, open_vectors
from harness.data.vectors.lookup import find

GLOVE = b"the 0.5 -1.25 2\nfilm 1e-3 0 -7\n. . . 1 2 3\n\xc2\xa0 4 5 6\n"
WORD2VEC = b"4 3\nthe 0.5 -1.25 2 \nfilm 1e-3 0 -7 \n. . . 1 2 3 \n\xc2\xa0 4 5 6 \n"
EXPECTED = {b"the": [0.5, -1.25, 2], b"film": [0.001, 0, -7], b". . .": [1, 2, 3], b"\xc2\xa0": [4, 5, 6]}


def binary(vectors: dict[bytes, list[float]], end: bytes = b"\n") -> bytes:
    """word2vec's binary form."""
    width = len(next(iter(vectors.values())))
    whole = b"".join(word + b" " + struct.pack(f"<{width}f", *values) + end for word, values in vectors.items())
    return f"{len(vectors)} {width}\n".encode() + whole


def read(file) -> dict[bytes, list[float]]:
    opened = open_vectors(str(file))
    assert opened.width == 3
    return {word: opened.values(number, numbers).tolist() for number, word, numbers in opened.entries()}


WITHOUT_SPACES = {word: values for word, values in EXPECTED.items() if b" " not in word}
FORMS = {
    "glove.txt": GLOVE,
    "windows.txt": GLOVE.replace(b"\n", b"\r\n"),
    "marked.txt": b"\xef\xbb\xbf" + GLOVE,
    "open_end.txt": GLOVE.rstrip(b"\n"),
    "blank_end.txt": GLOVE + b"\n\n",
    "columns.txt": GLOVE.replace(b" 0.5", b"  0.5"),
    "tabs.txt": GLOVE.replace(b"film 1e-3 0 -7", b"film\t1e-3 0 -7").replace(b"the 0.5 -1.25 2", b"the\t0.5\t-1.25\t2"),
    "only_tabs.txt": GLOVE.replace(b" ", b"\t").replace(b".\t.\t.", b". . ."),
    "word2vec.txt": WORD2VEC,
    "wiki.vec": WORD2VEC,
    "marked.vec": b"\xef\xbb\xbf" + WORD2VEC,
    "glove.txt.gz": gzip.compress(GLOVE),
    "wiki.vec.bz2": bz2.compress(WORD2VEC),
    "wiki.vec.xz": lzma.compress(WORD2VEC),
    "news.bin": binary(WITHOUT_SPACES),
    "news_of_gensim.bin": binary(WITHOUT_SPACES, end=b""),
    "news.bin.gz": gzip.compress(binary(WITHOUT_SPACES)),
    "binary_by_content.w2v": binary(WITHOUT_SPACES),
    "text.bin": b"3 3" + WORD2VEC[3:].replace(b". . . 1 2 3 \n", b""),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_has_the_same_words_and_numbers(tmp_path, name):
    (tmp_path / name).write_bytes(FORMS[name])
    expected = WITHOUT_SPACES if "bin" in name else EXPECTED
    found = read(tmp_path / name)
    assert found.keys() == expected.keys()
    for word, values in expected.items():
        np.testing.assert_array_equal(found[word], np.float32(values))


def test_a_zip_archive_has_one_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "glove.zip", "w") as archive:
        archive.writestr("glove.txt", GLOVE)
    assert read(tmp_path / "glove.zip") == read_plain(tmp_path, GLOVE)
    with zipfile.ZipFile(tmp_path / "glove.zip", "a") as archive:
        archive.writestr("glove.200d.txt", GLOVE)
    said = refused(open_vectors, str(tmp_path / "glove.zip"))
    assert said.startswith("input.vectors: ")
    assert "has 2 files in it (glove.txt, glove.200d.txt); expected one: unpack it, and name the file" in said


def read_plain(folder, content: bytes) -> dict[bytes, list[float]]:
    (folder / "plain.txt").write_bytes(content)
    return read(folder / "plain.txt")


def test_a_width_is_not_that_of_a_first_word_with_spaces(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"at the end 1 2\nthe 3 4\n  5 6\n")
    opened = open_vectors(str(tmp_path / "a.txt"))
    assert [(word, numbers) for _, word, numbers in opened.entries()] == [
        (b"at the end", b"1 2"), (b"the", b"3 4"), (b" ", b"5 6")
    ]  # fmt: skip


def test_white_space_may_be_a_word_and_a_line_feed_is_none(tmp_path):
    (tmp_path / "a.vec").write_bytes(b"4 2\nthe 1 2\n\n 3 4\n\r 5 6\n  7 8\n")  # the second word is a line feed
    found = [(number, word) for number, word, _ in open_vectors(str(tmp_path / "a.vec")).entries()]
    assert found == [(2, b"the"), (4, b""), (5, b"\r"), (6, b" ")]


def test_a_tab_may_be_a_word(tmp_path):
    (tmp_path / "crawl.vec").write_bytes(b"3 2\nthe 1 2\n\t 3 4\na\tb 5 6\n")
    assert [word for _, word, _ in open_vectors(str(tmp_path / "crawl.vec")).entries()] == [b"the", b"\t", b"a\tb"]


def test_a_file_that_lacks_an_announced_vector_and_ends_with_a_whole_line_is_read(tmp_path, capsys):
    (tmp_path / "a.vec").write_bytes(b"3 2\nthe 1 2\nfilm 3 4\n")
    assert [word for _, word, _ in open_vectors(str(tmp_path / "a.vec")).entries()] == [b"the", b"film"]
    assert capsys.readouterr().err == f"{tmp_path / 'a.vec'} announces 3 vectors in its first line and has 2\n"


def test_text_with_a_control_character_is_text(tmp_path):
    (tmp_path / "a.vec").write_bytes(b"3 2\nthe 1 2\n\x07 3 4\n\x00 5 6\n")
    assert [word for _, word, _ in open_vectors(str(tmp_path / "a.vec")).entries()] == [b"the", b"\x07", b"\x00"]


def test_line_separators_of_unicode_and_broken_bytes_stay_within_their_word(tmp_path):
    words = ["a\u2028b".encode(), "a\x85b".encode(), b"broken\xff", b"\x1c"]
    (tmp_path / "a.txt").write_bytes(b"".join(word + b" 1 2\n" for word in words))
    assert [word for _, word, _ in open_vectors(str(tmp_path / "a.txt")).entries()] == words


WORDS = st.text(st.characters(exclude_characters="\n\r\t ", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9)
NUMBERS = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=5, max_size=5)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(WORDS, NUMBERS, min_size=1, max_size=11), st.sampled_from(["glove", "header", "binary"]))
def test_what_is_written_is_read(tmp_path_factory, vectors, form):
    file = tmp_path_factory.mktemp("round") / ("a.bin" if form == "binary" else "a.txt")
    encoded = {word.encode(): values for word, values in vectors.items()}
    lines = b"".join(word + b" " + " ".join(map(repr, values)).encode() + b"\n" for word, values in encoded.items())
    header = f"{len(vectors)} 5\n".encode() if form == "header" else b""
    file.write_bytes(binary(encoded) if form == "binary" else header + lines)
    opened = open_vectors(str(file))
    found = {word: opened.values(number, numbers) for number, word, numbers in opened.entries()}
    assert list(found) == list(encoded)
    np.testing.assert_array_equal([*found.values()], np.float32([*encoded.values()]))


def all_of(path: str) -> list[bytes]:
    """Open a file, and read all of it with its numbers."""
    opened = open_vectors(path)
    return [opened.values(number, numbers).tobytes() for number, _, numbers in opened.entries()]


@pytest.mark.parametrize(("name", "content", "said"), [
    ("a.txt", b"", "a.txt has no word vectors; expected a word and its numbers in each line, separated by spaces"),
    ("a.txt", b"the\nfilm\n", "a.txt has no word vectors"),
    ("a.txt", b"id,text\n1,a fine film\n", "a.txt has no word vectors"),
    ("a.txt", b"it was a film\nit was a story\n", "line 1 of FILE has something else than numbers (could not conv"),
    ("a.txt", b"a film\na story\n", "b'film'); expected a word and its numbers in each line, separated by spaces"),
    ("a.txt", b"the 1 2\nfilm 1 x\n", "line 2 of FILE has something else than numbers (could not convert string"),
    ("a.txt", b"the 1 2\nfilm 1 nan\n", "line 2 of FILE has a number that is not finite"),
    ("a.txt", b"the 1 2\nfilm 1 1e39\n", "line 2 of FILE has a number that is not finite"),
    ("a.txt", b"the 1 2\n" * 10 + b"film 3\n", "FILE is damaged or truncated (line 11 has 1 numbers, and the"),
    ("a.txt", b"the 1 2\n" * 10 + b"fil", "FILE is damaged or truncated (line 11 has 0 numbers, and the"),
    ("a.vec", b"3 2\nthe 1 2\nfilm 3 4", "(the first line announces 3 vectors, and the last line has no end)"),
    ("a.vec", b"2 3\nthe 1 2\nfilm 3 4\n", "FILE announces vectors of 3 numbers in its first line, and has 2"),
    ("a.bin", binary({b"the": [1, 2], b"a": [3, 4]})[:-5], "(it announces 2 vectors and ends after 1); download"),
    ("a.bin", b"\xba\x16\x4f\x2f\x0c\0\0\0", "FILE is neither text nor word2vec's binary form; of fastText take"),
    ("a.kv", b"\x80\x04\x95\x00\x00 gensim", "FILE is neither text nor word2vec's binary form; of fastText take"),
    ("a.npy", b"\x93NUMPY\x01", "FILE is neither text nor word2vec's binary form; of fastText take"),
    ("a.bin", b"the 1 2\n", "FILE is neither text nor word2vec's binary form"),
    ("a.bin", b"2 1\nb \0\0\x80\x7fc \0\0\0\0", "word 1 of FILE has a number that is not finite"),
    ("a.txt", gzip.compress(GLOVE), "FILE is compressed with gzip; add .gz to its name"),
    ("a.txt", b"<!DOCTYPE html><html>", "FILE is a web page, maybe the answer of a failed download; download it again"),
    ("a.txt", b"version https://git-lfs.github.com/spec/v1\n", "FILE is a pointer of Git LFS, not the data"),
    ("a.txt", "the 1 2\n".encode("utf-16-le"), "FILE is UTF-16 without a byte order mark; save it as UTF-8"),
    ("a.txt.gz", GLOVE, "FILE cannot be read (Not a gzipped file"),
    ("a.txt.gz", gzip.compress(GLOVE)[:-9], "FILE"),
    ("a.zip", b"PK\x03\x04", "FILE cannot be read as zip: File is not a zip file"),
])  # fmt: skip
def test_other_files_are_refused_in_one_sentence(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    found = refused(all_of, str(tmp_path / name))
    assert found.startswith("input.vectors: ")
    assert said.replace("FILE", str(tmp_path / name)) in found


def test_a_stream_that_breaks_off_is_refused(tmp_path):
    lines = b"".join(b"w%d %d 2\n" % (number, number * 7919) for number in range(99_999))
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(lines)[:-50_000])
    said = refused(all_of, str(tmp_path / "a.txt.gz"))
    assert "a.txt.gz is damaged or truncated (Compressed file ended before" in said


def test_no_file_is_no_vectors(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused(open_vectors, "a.txt") == f"input.vectors: a.txt is no file (looked in {tmp_path})"
    assert refused(open_vectors, str(tmp_path)) == f"input.vectors: {tmp_path} is a folder; name a file in it"


def found_in(folder, content: bytes, *words: str) -> dict[str, list[float]]:
    """The vectors of these words of a vocabulary, and of [UNK]."""
    (folder / "a.txt").write_bytes(content)
    vocabulary = [*SPECIAL, *words]
    ids_K, vectors_KD = find(open_vectors(str(folder / "a.txt")), vocabulary)
    assert (ids_K.dtype, vectors_KD.dtype) == (np.int32, np.float32)
    return {vocabulary[index]: values.tolist() for index, values in zip(ids_K, vectors_KD, strict=True)}


def test_a_word_takes_the_same_word_before_its_normalised_form_before_one_that_is_alike(tmp_path):
    content = "Paris 1 1\nparis 2 2\nPARIS 3 3\nROME 4 4\nRome 5 5\nit’s 6 6\n".encode()
    assert found_in(tmp_path, content, "paris", "Paris", "pAris", "rome", "Rome", "it's", "oslo") == {
        "paris": [2, 2], "Paris": [1, 1], "pAris": [2, 2], "rome": [4, 4], "Rome": [5, 5], "it's": [6, 6]
    }  # fmt: skip


def test_of_words_that_occur_twice_the_first_counts(tmp_path):
    assert found_in(tmp_path, b"film 1 2\nfilm 3 4\n", "film") == {"film": [1, 2]}


def test_characters_in_other_compositions_are_the_same_word(tmp_path):
    assert found_in(tmp_path, "cafe\u0301 1 2\n".encode(), "caf\u00e9") == {"caf\u00e9": [1, 2]}


def test_padding_has_no_vector_and_unknown_words_that_of_the_file(tmp_path):
    assert found_in(tmp_path, b"[PAD] 1 2\n<unk> 3 4\nfilm 5 6\n", "film") == {"[UNK]": [3, 4], "film": [5, 6]}
    assert found_in(tmp_path, b"<unk> 3 4\nfilm 5 6\n", "film", "<unk>") == {"film": [5, 6], "<unk>": [3, 4]}


def test_spaces_and_pieces_of_words_are_tokens_too(tmp_path):
    assert found_in(tmp_path, "  1 2\n▁film 3 4\n".encode(), " ", "▁film") == {" ": [1, 2], "▁film": [3, 4]}


def test_numbers_of_words_that_no_vocabulary_has_are_not_read(tmp_path):
    assert found_in(tmp_path, b"film 5 6\nbroken x y\n", "film") == {"film": [5, 6]}


def test_a_file_without_any_word_of_the_vocabulary_is_refused(tmp_path):
    (tmp_path / "de.txt").write_bytes(b"<unk> 0 0\nder 1 2\ndie 3 4\n")
    file = open_vectors(str(tmp_path / "de.txt"))
    assert isinstance(file, VectorFile)
    said = refused(find, file, [*SPECIAL, "the", "a", "of", "to"])
    assert said == (
        f"input.vectors: {tmp_path / 'de.txt'} has none of the 4 tokens of the vocabulary (such as 'the', 'a', 'of'); "
        "its own first words are '<unk>', 'der', 'die': take a file of this data's language, whose words are as "
        "data.tokenizer makes them"
    )
