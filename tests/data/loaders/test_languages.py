"""Languages without spaces, from a file to the end of a run: two phrases decide, the characters around them do not."""

import json
import random

import pytest
from conftest import QUICK

from harness.data.loaders.text import load_files

PHRASES = {
    "chinese": ("电影很好看", "电影很难看", "我你他她它们这那都也真太非常极其特别"),
    "japanese": ("映画はおもしろい", "映画はつまらない", "わたしあなたかれそれこれあれどれここそこ"),
    "thai": ("หนังสนุกมาก", "หนังน่าเบื่อ", "กขคงจฉชซฌญฎฏฐณดตถ"),
}


def written(folder, language):
    good, bad, noise = PHRASES[language]
    choice = random.Random(7)
    rows = []
    for row in range(300):
        around = [choice.choice(noise) for _ in range(8)]
        text = "".join([*around[:4], good if row % 2 else bad, *around[4:]])
        rows.append({"text": text, "label": row % 2})
    file = folder / f"{language}.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return str(file)


@pytest.mark.parametrize(("language", "tokenizer", "deciding"), [
    ("chinese", "words", {"好", "难"}),
    ("japanese", "characters", {"お", "も", "ろ", "つ", "ま", "ら", "な"}),
    ("thai", "words", {"น่", "เ", "บื่", "อ", "ส", "นุ", "ม"}),
    ("chinese", "subwords", {"电影很好看", "电影很难看"}),
    ("japanese", "subwords", {"映画はおもしろい", "映画はつまらない"}),
    ("thai", "subwords", {"หนังสนุกมาก", "หนังน่าเบื่อ"}),
])  # fmt: skip
def test_the_tokens_that_decide_are_in_the_vocabulary_and_none_is_unknown(tmp_path, language, tokenizer, deciding):
    data = load_files(written(tmp_path, language), tokenizer=tokenizer)
    assert deciding <= set(data.vocabulary)
    assert data.notes["unknown_tokens"] == {"validation": 0, "test": 0}


def test_tokenizers_that_differ_on_new_texts_only_make_other_data(tmp_path):
    """A finished run of one is not taken for a run of the other: its folder keeps how new texts are read."""
    file = written(tmp_path, "chinese")
    words, characters, marks = (
        load_files(file, **settings) for settings in ({}, {"tokenizer": "characters"}, {"punctuation": True})
    )
    assert words.train.x.tolist() == characters.train.x.tolist() == marks.train.x.tolist()
    assert words.vocabulary == characters.vocabulary == marks.vocabulary
    assert len({words.hash, characters.hash, marks.hash}) == 3


def test_a_bag_of_embeddings_reads_chinese_and_its_run_keeps_how(command, tmp_path):
    settings = ("encoder=bag_of_embeddings", "optimizer.lr=0.01", "tracking=none", *QUICK, "trainer.epochs=4")
    ended = command("data=files", f"data.train={written(tmp_path, 'chinese')}", *settings)
    assert ended.code == 0, ended.err
    assert ended.record.metrics["test/accuracy"] >= 0.95
    assert "unknown" not in ended.out
    settings = json.loads((ended.record.folder / "preparation.json").read_text())
    assert settings["columns"] == ["text"]
    assert (ended.record.folder / "tokenizer.json").is_file()
