"""Words with tags: from treebanks, files and folders to ids, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import refused

from harness.data import open_prepared, prepare
from harness.data.loaders.conllu import load_treebank
from harness.data.loaders.tagging import encode_tagged
from harness.data.loaders.text import load_files, load_hub

SENTENCE = """\
# sent_id = {name}
# text = Don't they {verb} tea
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVBP\t_\t4\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t_\t_
3\tthey\tthey\tPRON\tPRP\t_\t4\tnsubj\t_\t_
4\t{verb}\t{verb}\tVERB\tVB\t_\t0\troot\t_\t_
4.1\thot\thot\tADJ\tJJ\t_\t_\t_\t5:amod\t_
5\ttea\ttea\tNOUN\tNN\t_\t4\tobj\t_\t_

"""


def treebank(folder, **verbs):
    folder.mkdir(parents=True)
    for part in ("train", "dev", "test"):
        text = SENTENCE.format(name=f"{part}-1", verb=verbs.get(part, "drink"))
        (folder / f"xx_small-ud-{part}.conllu").write_text(text)
    return str(folder)


def read(data, split, row=0):
    part = data.splits[split]
    inside = slice(None, part.length_N[row])
    words = [data.vocabulary[number] for number in part.sequence(row)]
    return words, [data.classes[number] for number in part.labels()[row, inside]]


def spelled(data, split, row=0):
    part = data.splits[split]
    characters_LW = part.characters_of(np.array([row]), part.length_N[row])[0]
    return ["".join(data.alphabet[number] for number in word if number) for word in characters_LW]


def test_contractions_are_split_and_empty_nodes_are_left_out(tmp_path):
    data = load_treebank(treebank(tmp_path / "bank"))
    assert read(data, "train") == (
        ["Do", "n't", "they", "drink", "tea"], ["AUX", "PART", "PRON", "VERB", "NOUN"]
    )  # fmt: skip
    assert [len(split) for split in data.splits.values()] == [1, 1, 1]
    assert data.task == "tagging"
    data.check()


def test_a_byte_order_mark_and_sentences_without_a_word_are_ignored(tmp_path):
    folder = treebank(tmp_path / "bank")
    before = load_treebank(folder)
    file = tmp_path / "bank" / "xx_small-ud-train.conllu"
    empty = "# text =\n0.1\thot\thot\tADJ\tJJ\t_\t_\t_\t5:amod\t_\n\n"
    file.write_text(empty + file.read_text(), encoding="utf-8-sig")
    assert load_treebank(folder).hash == before.hash


def test_another_column_can_be_learnt(tmp_path):
    folder = treebank(tmp_path / "bank")
    assert read(load_treebank(folder, column="xpos"), "test")[1] == ["VBP", "RB", "PRP", "VB", "NN"]
    assert read(load_treebank(folder, column="deprel"), "test")[1] == ["aux", "advmod", "nsubj", "root", "obj"]


def test_a_word_outside_the_vocabulary_keeps_its_characters(tmp_path):
    data = load_treebank(treebank(tmp_path / "bank", test="brew"))
    assert read(data, "test")[0] == ["Do", "n't", "they", "[UNK]", "tea"]
    assert spelled(data, "test") == ["Do", "n't", "they", "[UNK]re[UNK]", "tea"]  # no b and no w in train


def test_the_english_web_treebank_is_whole_and_its_splits_are_as_published(treebanks, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("HARNESS_DATA_MIRROR", treebanks)
    arguments = {"source": "UniversalDependencies/UD_English-EWT"}
    data = open_prepared(prepare(load_treebank, arguments, tmp_path_factory.mktemp("cache")))
    assert [len(split) for split in data.splits.values()] == [12_544, 2_001, 2_077]
    words = [int(split.length_N.sum()) for split in data.splits.values()]
    assert words == [204_577, 25_147, 25_094]  # lines whose id is a whole number
    assert [int((split.y >= 0).sum()) for split in data.splits.values()] == words
    assert len(data.classes) == 17
    assert spelled(data, "test")[:7] == ["What", "if", "Google", "Morphed", "Into", "GoogleOS", "?"]
    assert read(data, "test")[1][:7] == ["PRON", "SCONJ", "PROPN", "VERB", "ADP", "PROPN", "PUNCT"]


def test_a_missing_treebank_is_reported_with_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_DATA_MIRROR", str(tmp_path))
    message = refused(prepare, load_treebank, {"source": "UniversalDependencies/UD_None"}, tmp_path / "cache")
    assert f"HARNESS_DATA_MIRROR={tmp_path} holds no UniversalDependencies/UD_None/" in message
    assert "clone its repository" in message


def test_a_changed_treebank_is_read_again(tmp_path):
    folder = treebank(tmp_path / "bank")
    before = prepare(load_treebank, {"source": folder}, tmp_path / "cache")
    (tmp_path / "bank" / "xx_small-ud-train.conllu").write_text(SENTENCE.format(name="train-1", verb="pour"))
    after = open_prepared(prepare(load_treebank, {"source": folder}, tmp_path / "cache"))
    assert "drink" in open_prepared(before).vocabulary
    assert "pour" in after.vocabulary


def test_a_treebank_without_a_split_a_column_or_a_tag_is_refused(tmp_path):
    folder = treebank(tmp_path / "bank")
    assert "data.column is one of upos, xpos, deprel, not 'pos'" in refused(load_treebank, folder, column="pos")
    file = tmp_path / "bank" / "xx_small-ud-dev.conllu"
    file.write_text(file.read_text().replace("\tNN\t", "\t_\t"))
    assert "sentence dev-1 has a word without 'xpos'" in refused(load_treebank, folder, column="xpos")
    file.write_bytes("1\tcaf\u00e9".encode("latin-1"))
    assert f"{file} is not UTF-8" in refused(load_treebank, folder)
    file.write_text("no treebank\n\n")
    assert f"{file} is not CoNLL-U" in refused(load_treebank, folder)
    file.unlink()
    assert "holds 0 files *-ud-dev.conllu" in refused(load_treebank, folder)


ROWS = [(["Ann", "Lee", "sings"], ["B-PER", "I-PER", "O"]), (["in", "Rome"], ["O", "B-LOC"])] * 20
COLUMNS = {"tokens": "words", "tags": "ner"}


def table(rows=ROWS):
    return pd.DataFrame(rows, columns=["words", "ner"])


def test_lists_in_jsonl_and_parquet_equal_texts_in_csv(tmp_path):
    frame = table()
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.map(" ".join).to_csv(tmp_path / "a.csv", index=False)
    loaded = [load_files(str(file), **COLUMNS) for file in tmp_path.iterdir()]
    assert len({data.hash for data in loaded}) == 1
    assert [len(split) for split in loaded[0].splits.values()] == [29, 3, 8]
    assert loaded[0].classes == ["B-LOC", "B-PER", "I-PER", "O"]
    assert {tuple(read(loaded[0], "test", row)[0]) for row in range(8)} <= {("Ann", "Lee", "sings"), ("in", "Rome")}


def test_vocabulary_and_alphabet_come_from_train_only_by_frequency():
    parts = {"train": ([("b", "a", "a"), ("c",)], [("x", "y", "x"), ("y",)])} | {
        role: ([("z", "a", "z")], [("x", "x", "y")]) for role in ("validation", "test")
    }
    data = encode_tagged(parts, source="here", vocabulary_size=4)
    assert data.vocabulary == ["[PAD]", "[UNK]", "a", "b"]
    assert data.alphabet == ["[PAD]", "[UNK]", "a", "b", "c"]
    assert data.test.padded().tolist() == [[1, 2, 1]]
    assert data.train.padded().tolist() == [[3, 2, 2], [1, 0, 0]]
    assert data.train.labels().tolist() == [[0, 1, 0], [1, -100, -100]]


@pytest.mark.parametrize(("side", "kept"), [("head", ["a", "b"]), ("tail", ["c", "d"])])
def test_truncation_cuts_words_tags_and_characters(side, kept):
    parts = {role: ([tuple("abcd")], [tuple("ABCD")]) for role in ("train", "validation", "test")}
    data = encode_tagged(parts, source="here", max_length=2, truncate=side)
    assert read(data, "train") == (kept, [word.upper() for word in kept])
    assert spelled(data, "train") == kept


def test_tags_of_the_hub_have_their_names(tmp_path):
    import datasets

    numbers = {"O": 0, "B-PER": 1, "I-PER": 2, "B-LOC": 3}
    named = datasets.Sequence(datasets.ClassLabel(names=list(numbers)))
    features = datasets.Features({"tokens": datasets.Sequence(datasets.Value("string")), "ner_tags": named})
    rows = {"tokens": [words for words, _ in ROWS], "ner_tags": [[numbers[tag] for tag in tags] for _, tags in ROWS]}
    for split in ("train", "test"):
        datasets.Dataset.from_dict(rows, features).to_parquet(tmp_path / f"{split}-00000-of-00001.parquet")
    splits = {"train": "train", "validation": None, "test": "test"}
    data = load_hub(str(tmp_path), splits=splits, tokens="tokens", tags="ner_tags")
    assert read(data, "test", 1) == (["in", "Rome"], ["O", "B-LOC"])
    assert data.classes == ["B-LOC", "B-PER", "I-PER", "O"]


def written(tmp_path, rows):
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(json.dumps({"words": words, "ner": tags}) for words, tags in rows))
    return str(file)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((["a", "b"], ["O"]), "row 29 has 2 in 'words' and 1 in 'ner'; every word needs one tag"),
        (([], []), "row 29 has no word, or a word or a tag without text"),
        ((["a", ""], ["O", "O"]), "row 29 has no word, or a word or a tag without text"),
        ((["a", "b"], ["O", ""]), "row 29 has no word, or a word or a tag without text"),
        ((["a", "b"], [None, None]), "row 29 has no 'ner' (1 such)"),
        ((["a", "b"], None), "row 29 has no 'ner' (1 such)"),
        (("['a', 'b']", ["O", "O"]), "row 29 has a list written as text in 'words', set by data.tokens"),
        ((["a", "b"], "[0 3]"), "row 29 has a list written as text in 'ner', set by data.tags"),
        ((None, ["O"]), "row 29 has no 'words' (1 such)"),
    ],
)
def test_a_row_that_is_not_a_tagged_sentence_is_named(tmp_path, row, message):
    file = written(tmp_path, [*ROWS[:28], row, *ROWS[28:]])
    assert message in refused(load_files, file, unlabelled="error", **COLUMNS)


def test_tags_that_are_numbers_keep_their_names_beside_ignored_and_missing_tags(tmp_path):
    """Many files have -100 at words that do not count, and floats because of missing tags elsewhere."""
    rows = [(["Ann", "Lee"], [1.0, -100.0]), (["in", "Rome", "[laughs]"], [0, 1, 0])] * 20
    data = load_files(written(tmp_path, rows), **COLUMNS)
    assert data.classes == ["0", "1"]
    rows = {tuple(y[: len(words)]) for words, y in zip(data.train.padded(), data.train.labels().tolist(), strict=True)}
    assert rows == {(1, -100, -100), (0, 1, 0)}
    assert sum(data.notes["untagged_words"].values()) == 20
    frame = pd.DataFrame([(["Ann", "Lee"], [row % 2, None]) for row in range(40)], columns=["words", "ner"])
    frame.to_parquet(tmp_path / "gap.parquet")
    gaps = load_files(str(tmp_path / "gap.parquet"), **COLUMNS)
    assert gaps.classes == ["0", "1"]
    assert (gaps.train.labels()[:, 1] == -100).all()


def test_a_missing_column_names_those_that_exist_and_both_columns_are_needed(tmp_path):
    file = written(tmp_path, ROWS)
    message = refused(load_files, file, tokens="words", tags="pos")
    assert "no column 'pos'; it has words, ner; set data.tags" in message
    message = refused(load_files, file, tokens="words")
    assert "no column 'label'; it has words, ner; set data.label to one of them" in message
    assert "data.tags=ner needs data.tokens" in refused(load_files, file, tags="ner")


def test_too_few_rows_to_cut_a_split_from(tmp_path):
    assert "20% of 1 rows make no test split" in refused(load_files, written(tmp_path, ROWS[:1]), **COLUMNS)


def test_a_tag_in_test_that_train_lacks_is_kept_as_an_unseen_label(tmp_path):
    train = written(tmp_path, ROWS)
    (tmp_path / "b.jsonl").write_text(json.dumps({"words": ["Acme", "in"], "ner": ["B-ORG", "O"]}))
    data = load_files(train, test=str(tmp_path / "b.jsonl"), **COLUMNS)
    assert (data.classes, data.unseen) == (["B-LOC", "B-PER", "I-PER", "O"], ["B-ORG"])
    assert data.test.labels().tolist() == [[4, 3]]
    assert data.notes["unseen_labels"] == {"validation": 0, "test": 1}
    assert data.notes["counted_labels"]["test"] == 2
    data.check()


def test_rows_without_tags_are_dropped_and_counted(tmp_path):
    rows = [*ROWS[:28], (["a", "b"], None), (["c"], [None]), *ROWS[28:]]
    data = load_files(written(tmp_path, rows), **COLUMNS)
    assert data.notes["unlabelled_rows"] == {"train": 2}
    assert data.hash == load_files(written(tmp_path, ROWS), **COLUMNS).hash
    assert "untagged_words" not in data.notes


def test_a_test_split_without_tags_is_refused(tmp_path):
    train = written(tmp_path, ROWS)
    (tmp_path / "b.jsonl").write_text(json.dumps({"words": ["Acme", "in"], "ner": [-1, -1]}))
    message = refused(load_files, train, test=str(tmp_path / "b.jsonl"), **COLUMNS)
    assert "the test split has no labels, like many published test splits; leave data.test out" in message


def test_train_keeps_the_only_sentence_with_a_tag(tmp_path):
    rows = [(["the", "Mona"], ["O", f"B-X{row}"]) if row % 10 == 0 else ROWS[row % 2] for row in range(120)]
    data = load_files(written(tmp_path, rows), **COLUMNS)
    assert data.unseen == []
    assert len(data.classes) == 4 + 12
    assert 0 < data.notes["rare_tags"] <= 12
    sizes = [len(split) for split in data.splits.values()]
    assert sum(sizes) == 120
    assert 12 <= sizes[2] < 24  # a fifth, without the sentences that stay in train


def test_a_tag_behind_the_cut_of_a_sentence_moves_nothing(tmp_path):
    """Only what is read counts: such data are cut as if the tag were not there."""
    rows = [([*ROWS[row % 2][0], "x"], [*ROWS[row % 2][1], f"B-X{row}"]) for row in range(40)]
    short = [(words[:2], tags[:2]) for words, tags in rows]
    assert (
        load_files(written(tmp_path, rows), max_length=2, **COLUMNS).test.x.tolist()
        == load_files(written(tmp_path, short), max_length=2, **COLUMNS).test.x.tolist()
    )
