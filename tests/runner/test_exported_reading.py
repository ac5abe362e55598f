"""The exported tokenizer.json, with its reader, makes the ids that the harness makes, for each tokenizer."""

import json
import unicodedata
from dataclasses import replace

import numpy as np
import pytest
from conftest import refused
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from harness.data.dataset import from_sequences
from harness.data.new_rows import encode_new
from harness.data.preparation import TextPreparation, WordPreparation
from harness.data.tokenizer_file import FileTokenizer
from harness.data.tokenizers import special_tokens, train_tokenizer
from harness.runner.export.answering.rows import READERS, Refused
from harness.runner.export.bundle import about_input, as_served
from harness.runner.export.reading_proof import prove_reading, traps
from harness.runner.export.tokenizer_json import MARKS, OWN_IDS, WORDS_ALONE, sentences, tokenizer_json
from harness.tasks.task import task_of

ROWS = ([[2, 3], [4]], ["a", "b"])
DATA = from_sequences(ROWS, ROWS, ROWS, classes=["a", "b"], vocabulary=list("PUabc"))
TRAINING = [
    "don't know what ΟΔΟΣ is; [PAD] [UNK] <br /> café e\u0301", "的好看 ไทย x, y! 1/2", "a|b ß İ 👍🏽",
] * 60  # fmt: skip
OLD = unicodedata.ucd_3_2_0


def is_old(character):
    """Whether all libraries know all about a character: it was in Unicode 3.2 already, with the same composition."""
    return OLD.category(character) not in ("Cn", "Cs") and OLD.decomposition(character) == unicodedata.decomposition(
        character
    )


def marks():
    return [chr(code) for code in range(0x300, 0x3100) if unicodedata.combining(chr(code)) and is_old(chr(code))]


ANY_TEXT = st.text(
    st.one_of(
        st.sampled_from("aAzZ '’.-_[]|<>/\n\t\r\u00a0Σσςİʰ·\u0345\u200d👍🏽的好ไทยー゙ﾞᆨ각"),
        st.sampled_from(marks()),
        st.characters(exclude_categories=["Cs", "Cn"]).filter(is_old),
    )
).map(lambda text: text.replace("<>", "<br />"))


def of_file(vocabulary=None, special=0):
    """A WordPiece tokenizer with special tokens in the middle, tokens around a text, and limits that are left out."""
    names = vocabulary or ["a", "##b", "[CLS]", "[SEP]", "[UNK]", "b", "[PAD]", "##s", "ß", "的"]
    library = Tokenizer(models.WordPiece({name: number for number, name in enumerate(names)}, unk_token="[UNK]"))
    library.normalizer = normalizers.Lowercase()
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    library.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    library.add_special_tokens(["[PAD]", "[CLS]", "[SEP]", "[UNK]"])
    library.add_tokens(["don't"])
    library.enable_truncation(2)
    return FileTokenizer(library.to_str(), special_tokens(special), "mine.json")


def prepared(name, columns=1, punctuation=False, line_break=None, max_length=13, truncate="head"):
    special = special_tokens(columns - 1)
    tokenizer = (
        of_file(special=columns - 1) if name == "file" else train_tokenizer(name, TRAINING, 300, special, punctuation)
    )
    names = ("first", "second", "third")[:columns]
    return TextPreparation(tokenizer, name, punctuation, names, line_break, max_length, truncate)


def reader_of(preparation, folder, data=DATA):
    """The reader of a folder that a run with this preparation is exported to."""
    (folder / "tokenizer.json").write_text(tokenizer_json(preparation), encoding="utf8")
    about = json.loads(json.dumps(about_input(replace(data, preparation=preparation))))
    return READERS[about["kind"]](folder, about)


def read(reader, rows):
    return [list(ids) for ids, *_ in reader.sequences(rows)]


KINDS = [
    prepared("words"), prepared("words", punctuation=True), prepared("subwords"),
    prepared("subwords", punctuation=True, truncate="tail"), prepared("characters", truncate="tail"),
    prepared("bytes"), prepared("file"),
]  # fmt: skip
PAIRS = [prepared("words", 2), prepared("subwords", 2, truncate="tail"), prepared("bytes", 2), prepared("file", 2),
         prepared("characters", 3, truncate="tail")]  # fmt: skip


def named(preparation):
    return f"{preparation.name}-{len(preparation.columns)}-{preparation.truncate}-{preparation.punctuation}"


@pytest.fixture(scope="module", params=KINDS, ids=named)
def one_column(request, tmp_path_factory):
    return request.param, reader_of(request.param, tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="module", params=PAIRS, ids=named)
def columns(request, tmp_path_factory):
    return request.param, reader_of(request.param, tmp_path_factory.mktemp("exported"))


@given(st.lists(ANY_TEXT, max_size=5))
def test_any_text_has_the_ids_of_the_harness(one_column, texts):
    preparation, reader = one_column
    assert read(reader, texts) == [list(ids) for ids in preparation.encode(texts)]


@given(st.lists(st.tuples(*[st.one_of(st.just(""), ANY_TEXT)] * 3), max_size=3))
def test_several_columns_have_the_ids_of_the_harness(columns, rows):
    preparation, reader = columns
    rows = [row[: len(preparation.columns)] for row in rows]
    assert read(reader, rows) == [list(ids) for ids in preparation.encode(rows)]


def test_the_traps_have_the_ids_of_the_harness_and_the_library_alone_reads_one_column(one_column):
    preparation, reader = one_column
    rows = traps(preparation)
    expected = [list(ids) for ids in preparation.encode(rows)]
    assert read(reader, rows) == expected
    assert max(map(len, expected)) == 13
    if preparation.name != "file":  # whose ids are the file's own
        assert [one.ids for one in reader.tokenizer.encode_batch(rows)] == expected


@pytest.mark.parametrize("longest", [5, 99, None])
def test_no_more_steps_are_kept_than_the_model_has_positions_for(tmp_path, longest):
    for preparation in (*KINDS, *PAIRS):
        data = replace(DATA, preparation=preparation)
        served = as_served(data, longest)
        rows = traps(preparation)[:60]
        split = encode_new(data, rows, longest).split
        found = read(reader_of(served.preparation, tmp_path), rows)
        assert found == [split.sequence(row).tolist() for row in range(len(rows))]
        assert max(map(len, found)) == min(longest or 13, 13)


def test_two_columns_are_joined_by_the_library_alone(tmp_path):
    """Three of the second column's five go: 4 + 1 + 4 of 9, by hand."""
    preparation = prepared("characters", 2, max_length=9)
    reader = reader_of(preparation, tmp_path)
    encoded = reader.tokenizer.encode("aaaa", "bbbbbbb")
    a, b = (preparation.tokenizer.id_of[letter] for letter in "ab")
    assert encoded.ids == [a] * 4 + [2] + [b] * 4
    assert read(reader, [("", ""), ("a", "")]) == [[], [a, 2]]


@pytest.mark.parametrize("name", ["words", "subwords", "characters", "bytes", "file"])
def test_a_line_break_of_the_data_is_a_space(name, tmp_path):
    preparation = prepared(name, line_break="|")
    reader = reader_of(preparation, tmp_path)
    assert read(reader, ["a|b", "||"]) == [list(ids) for ids in preparation.encode(["a b", "  "])]
    plain = prepared(name)
    reader = reader_of(plain, tmp_path)
    assert read(reader, ["a|b"]) == [list(ids) for ids in plain.encode(["a|b"])]


def test_a_lone_surrogate_and_a_row_of_another_kind_are_refused(tmp_path):
    reader = reader_of(prepared("bytes"), tmp_path)
    with pytest.raises(Refused, match="row 2 has a lone surrogate"):
        reader.sequences(["a", "b\ud800"])
    with pytest.raises(Refused, match="row 1: the model reads first"):
        reader.sequences([("a", "b")])


SENTENCES = {"train": [("An", "apple", "e\u0301", "[UNK]"), ("an", "An")], "validation": [], "test": []}
WORDS = WordPreparation.learn(SENTENCES, ("words",), 9, 3, "tail")
A_WORD = ANY_TEXT | st.sampled_from(["An", "apple", "\u00e9", "[PAD]", "\ud800"])


@given(st.lists(st.lists(A_WORD, max_size=5), max_size=4))
def test_words_have_the_ids_and_the_characters_of_the_harness(words_reader, rows):
    found = words_reader.sequences(rows)
    assert [ids for ids, _ in found] == WORDS.encode(rows)
    spelled = WORDS.spell([tuple(row) for row in rows])
    letters = [characters_LW for _, characters_LW in found]
    assert sum(map(len, letters)) == len(spelled.spelling_T)
    if letters:
        np.testing.assert_array_equal(np.concatenate(letters), spelled.table_SW[spelled.spelling_T])


@pytest.fixture(scope="module")
def words_reader(tmp_path_factory):
    data = replace(DATA, alphabet=WORDS.alphabet)
    spelled = replace(data.train, characters=WORDS.spell([("a", "b"), ("c",)]))
    return reader_of(WORDS, tmp_path_factory.mktemp("words"), replace(data, train=spelled))


def test_what_the_library_cannot_say_is_said():
    assert MARKS in sentences(prepared("words"))
    assert OWN_IDS in sentences(prepared("file"))
    assert OWN_IDS not in sentences(prepared("bytes"))
    assert sentences(WORDS) == [WORDS_ALONE]
    # the letter that this says: it is newer than the library's rules for marks
    assert unicodedata.normalize("NFC", "e\u1df7\u0301") != normalizers.NFC().normalize_str("e\u1df7\u0301")


def test_a_folder_that_reads_otherwise_is_refused(tmp_path):
    preparation = prepared("words")
    data = replace(DATA, preparation=preparation)
    about = {"task": data.task, "classes": data.classes, "per_step": task_of(data).per_step}
    (tmp_path / "about.json").write_text(json.dumps({**about, "input": about_input(data)}))
    (tmp_path / "tokenizer.json").write_text(tokenizer_json(preparation))
    assert prove_reading(tmp_path, data, ["don't know"]) == len(traps(preparation)) + 1
    (tmp_path / "tokenizer.json").write_text(tokenizer_json(prepared("words", max_length=12)))
    assert "reads a row otherwise than the run did" in refused(prove_reading, tmp_path, data, [])


def test_a_folder_that_reads_the_characters_of_words_otherwise_is_refused(tmp_path):
    preparation = replace(WORDS, alphabet=[*WORDS.alphabet], width=4)
    spelled = replace(DATA.train, characters=preparation.spell([("a", "b"), ("c",)]))
    data = replace(DATA, train=spelled, alphabet=preparation.alphabet, preparation=preparation)
    (tmp_path / "tokenizer.json").write_text(tokenizer_json(preparation))
    about = about_input(data)
    for alphabet, refuses in ((about["alphabet"], False), (about["alphabet"][::-1], True)):
        (tmp_path / "about.json").write_text(json.dumps({"input": {**about, "alphabet": alphabet}}))
        if refuses:
            assert "reads a row otherwise than the run did" in refused(prove_reading, tmp_path, data, [["apple"]])
        else:
            assert prove_reading(tmp_path, data, [["An", "apple"]]) == len(traps(preparation)) + 1
