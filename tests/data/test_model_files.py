"""The files of a pretrained model: found in a folder or on the hub, known by their content."""

import pytest
from conftest import refused
from tokenizers import Tokenizer, models

from harness.data.model_files import content_of, model_folder, tokenizer_of
from harness.data.tokenizers import tokenizer_file


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text("{}")
    (made / "model.safetensors").write_bytes(b"weights")
    Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]")).save(str(made / "tokenizer.json"))
    return made


def test_a_model_is_known_by_its_content_and_not_by_its_place(folder):
    before = content_of(folder)
    moved = folder.rename(folder.with_name("moved"))
    assert content_of(moved) == before
    (moved / "README.md").write_text("says nothing that is computed")
    assert content_of(moved) == before
    found = {before}
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (moved / name).write_bytes((moved / name).read_bytes() + b" ")
        found.add(content_of(moved))
    assert len(found) == 4


def test_a_folder_stands_for_the_tokenizer_in_it(folder):
    assert tokenizer_file(str(folder)) == folder / "tokenizer.json"
    (folder / "tokenizer.json").unlink()
    sentence = f"data.tokenizer={folder}: {folder} has no tokenizer.json; transformers writes one"
    assert refused(tokenizer_file, str(folder)).startswith(sentence)
    assert refused(tokenizer_of, str(folder)).startswith(f"encoder.model={folder}: ")


def test_what_holds_no_model_is_refused(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "has no weights in .safetensors; pickled ones (.bin) are not read" in refused(content_of, folder)
    (folder / "config.json").unlink()
    assert "has no config.json, so that it holds no model of transformers" in refused(content_of, folder)


def test_a_model_of_the_hub_is_taken_from_its_cache_by_name_and_by_commit(folder, tmp_path, monkeypatch):
    """Without a network: as after a download."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    commit, repository = "1" * 40, tmp_path / "hub" / "models--me--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    kept = repository / "snapshots" / commit
    kept.parent.mkdir()
    folder.rename(kept)
    assert model_folder("me/tiny").samefile(kept)
    assert model_folder(f"me/tiny@{commit}").samefile(kept)
    assert tokenizer_file("me/tiny").samefile(kept / "tokenizer.json")
    message = refused(model_folder, "me/tiny@v2")
    assert message.startswith("encoder.model=me/tiny@v2: there is no folder me/tiny@v2 (looked in ")
    assert message.endswith("name a folder with the model's files")
    assert "the hub or its cache on this machine gives no such model" in refused(tokenizer_file, "me/other")


def test_a_name_that_can_be_neither_is_refused(tmp_path):
    assert refused(model_folder, "tiny").endswith("name a folder, or a model on the hub as OWNER/NAME")
    assert "there is no folder" in refused(model_folder, str(tmp_path / "none"))
