"""Files with one word a line: CoNLL's columns, comments and documents, and CoNLL-U as a file."""

import pytest
from conftest import refused

from harness.data.loaders.tables import read_file
from harness.data.loaders.text import load_files

WANTED = {"data.tokens": "words", "data.tags": "tags"}
CONLL_2003 = """-DOCSTART- -X- O O

EU NNP I-NP I-ORG
rejects VBZ I-VP O

-DOCSTART- -X- O O

# NN O O
Peter\u00a0B NNP I-NP I-PER
"""


def sentences(file, **wanted):
    frame = read_file(file, {f"data.{key}": name for key, name in wanted.items()} or WANTED)
    return [list(zip(*row, strict=True)) for row in frame.itertuples(index=False, name=None)]


def write(file, text):
    file.write_text(text, encoding="utf-8-sig")
    return file


def test_the_four_columns_of_conll_2003(tmp_path):
    file = write(tmp_path / "a.conll", CONLL_2003)
    assert sentences(file) == [[("EU", "I-ORG"), ("rejects", "O")], [("#", "O"), ("Peter\u00a0B", "I-PER")]]
    assert sentences(file, tokens=1, tags=2)[0] == [("EU", "NNP"), ("rejects", "VBZ")]
    assert sentences(file, tokens="1", tags="3")[0] == [("EU", "I-NP"), ("rejects", "I-VP")]
    message = refused(read_file, file, {"data.tokens": "words", "data.tags": "ner"})
    assert "has no column 'ner'; it has 1, 2, 3, 4, words, tags; set data.tags" in message


@pytest.mark.parametrize(("text", "words"), [
    ("#a=b B\nis O\n\n# id=7\nbig O\n", ["#a=b", "is", "big"]),
    ("#\tFoo=Sing\nis\tO\n", ["#", "is"]),
    ("# id = 7\na 1 2 B\n\n#x=y 1 2 B\n", ["a", "#x=y"]),
])  # fmt: skip
def test_a_word_that_begins_with_a_number_sign_is_no_comment(tmp_path, text, words):
    found = sentences(write(tmp_path / "a.conll", text))
    assert [word for sentence in found for word, _ in sentence] == words


@pytest.mark.parametrize("text", [
    "New York\tB\nis\tO\n\nbig\tO",
    "# id = 7\r\nNew York\tB\r\nis\tO\r\n\r\n\r\n# id = 8\r\nbig\tO\r\n",
    "# a comment of five words\nNew York\tB\nis\tO\n \n# text\tof\tthree\nbig\tO\n\n",
])  # fmt: skip
def test_two_columns_between_tabs_with_comments(tmp_path, text):
    assert sentences(write(tmp_path / "a.bio", text)) == [[("New York", "B"), ("is", "O")], [("big", "O")]]


def test_a_line_with_other_columns_is_named(tmp_path):
    file = write(tmp_path / "a.iob", "a NN O\nb O\n")
    assert "line 2 has 2 columns, and the first word 3; give every word" in refused(read_file, file, WANTED)
    assert "line 1 has 1 column" in refused(read_file, write(tmp_path / "a.iob", "a\nb\n"), WANTED)
    assert "has no rows" in refused(read_file, write(tmp_path / "a.iob", "\n\n-DOCSTART- O\n"), WANTED)


def test_words_and_tags_are_the_default_and_a_txt_file_needs_the_settings(tmp_path):
    lines = "Ann B-PER\nsings O\n\nin O\nRome B-LOC\n\n" * 20
    data = load_files(str(write(tmp_path / "a.conll", lines)))
    assert data.task == "tagging"
    assert data.classes == ["B-LOC", "B-PER", "O"]
    assert sum(len(split) for split in data.splits.values()) == 40
    file = str(write(tmp_path / "a.txt", lines))
    assert load_files(file, tokens="words", tags="tags").hash == data.hash
    assert "set data.tokens=words data.tags=tags" in refused(load_files, file)


def test_a_conllu_file(tmp_path):
    words = ["1-2 dont _ _ _ _ _ _ _ _", "1 do do AUX VB _ 2 aux _ _", "2 _ not _ RB _ 0 root _ _", ""]
    text = "# text = x\n" + "\n".join(words).replace(" ", "\t") + "\n"
    file = write(tmp_path / "a.conllu", text * 2)
    assert sentences(file) == [[("do", "AUX"), ("_", None)]] * 2
    assert sentences(file, tokens="lemma", tags="xpos")[0] == [("do", "VB"), ("not", "RB")]
    assert "make no test split" in refused(load_files, str(file))  # the word without a tag does not count
    assert "conllu: sentence 3: " in refused(read_file, write(file, text * 2 + "no treebank\n\n"), WANTED)


def test_no_break_spaces_are_inside_words_of_a_csv_too(tmp_path):
    row = "10\u00a0000 \t\u3000 km,B O O\n"
    write(tmp_path / "a.csv", "words,ner\n" + row * 20)
    data = load_files(str(tmp_path / "a.csv"), tokens="words", tags="ner")
    assert sorted(data.vocabulary[2:]) == ["10\u00a0000", "km", "\u3000"]


def test_a_byte_order_mark_of_joined_files_is_no_part_of_a_word(tmp_path):
    text = "\ufeffa X\nb O\n\n\ufeff\n\ufeffa X\nb O\n\n\ufeff O\n"
    found = [[("a", "X"), ("b", "O")]] * 2 + [[("\ufeff", "O")]]
    assert sentences(write(tmp_path / "a.conll", text)) == found
