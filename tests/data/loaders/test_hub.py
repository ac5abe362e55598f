"""Data sets of the hub that have their own config, on small copies with the hub's layout."""

import datasets
import pytest
from conftest import refused
from huggingface_hub import constants

from harness.config.compose import compose
from harness.data import open_prepared
from harness.data.loaders import hub
from harness.runner.run import prepare_data


def lay_out(folder, config_name, splits, names):
    """Write a hub data set as Parquet: each split maps columns to values; ``label`` has classes of these names."""
    path = "data" if config_name == "default" else config_name
    lines = [f"- config_name: {config_name}", "  data_files:"]
    for split, columns in splits.items():
        rows = datasets.Dataset.from_dict(columns)
        rows = rows.cast(datasets.Features({**rows.features, "label": datasets.ClassLabel(names=names)}))
        (folder / path).mkdir(parents=True, exist_ok=True)
        rows.to_parquet(folder / path / f"{split}-00000-of-00001.parquet")
        lines += [f"  - split: {split}", f"    path: {path}/{split}-*"]
    (folder / "README.md").write_text("\n".join(["---", "configs:", *lines, "---", ""]))


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Prepare the data of a config from a mirror in the test's folder, and return the data."""
    monkeypatch.setenv("HARNESS_DATA_MIRROR", str(tmp_path / "mirror"))

    def prepared(*overrides):
        config = compose(*overrides, f"output_dir={tmp_path / 'outputs'}")
        return open_prepared(prepare_data(config))

    return prepared


def words(data, split):
    part = data.splits[split]
    rows = zip(part.padded(), part.length_N, strict=True)
    return {" ".join(data.vocabulary[one] for one in row[:length]) for row, length in rows}


def test_ag_news_has_its_test_split_and_four_classes(load, tmp_path):
    names = ["World", "Sports", "Business", "Sci/Tech"]
    rows = {split: {"text": [f"news {split} {number} \\a \\b" for number in range(size)],
                    "label": [number % 4 for number in range(size)]}
            for split, size in (("train", 200), ("test", 40))}  # fmt: skip
    lay_out(tmp_path / "mirror" / "fancyzhx" / "ag_news", "default", rows, names)
    data = load("data=ag_news")
    assert [len(split) for split in data.splits.values()] == [180, 20, 40]
    assert data.classes == sorted(names)
    assert [data.classes[one] for one in data.test.y[:4]] == names
    # a number that train lacks is unknown; a backslash, which means a line break in this data, separates words
    assert words(data, "test") <= {f"news [UNK] {one} a b" for one in [*range(40), "[UNK]"]}


def test_sst2_uses_validation_as_its_test_split_because_the_labels_of_the_test_split_are_not_published(load, tmp_path):
    sizes = {"train": 200, "validation": 30, "test": 10}
    rows = {split: {"idx": list(range(size)), "sentence": [f"{split} sentence {number % 7}" for number in range(size)],
                    "label": [-1 if split == "test" else number % 2 for number in range(size)]}
            for split, size in sizes.items()}  # fmt: skip
    lay_out(tmp_path / "mirror" / "stanfordnlp" / "sst2", "default", rows, ["negative", "positive"])
    data = load("data=sst2")
    assert [len(split) for split in data.splits.values()] == [180, 20, 30]
    assert data.test.y.tolist() == [0, 1] * 15
    assert data.classes == ["negative", "positive"]
    assert {one.split()[0] for one in words(data, "validation")} == {"train"}
    assert {one.split()[0] for one in words(data, "test")} == {"[UNK]"}  # "validation" does not occur in train


def test_the_line_breaks_of_yelp_separate_words(load, tmp_path):
    rows = {split: {"text": ["Never again.\\n\\nNot for n dollars", "nice\\nplace"] * (size // 2),
                    "label": [0, 1] * (size // 2)}
            for split, size in (("train", 200), ("test", 40))}  # fmt: skip
    lay_out(tmp_path / "mirror" / "fancyzhx" / "yelp_polarity", "plain_text", rows, ["1", "2"])
    data = load("data=yelp_polarity")
    assert [len(split) for split in data.splits.values()] == [180, 20, 40]
    assert data.classes == ["1", "2"]
    assert words(data, "test") == {"never again not for n dollars", "nice place"}
    assert "nnot" in load("data=yelp_polarity", "data.line_break=null").vocabulary


COMMIT, OLDER = "1" * 40, "2" * 40


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """The cache of the hub's library in offline mode: downloads of a data set and of a model with the same name."""
    monkeypatch.setenv("HARNESS_DATA_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    for kind, references in (("datasets", {"main": COMMIT, "refs/convert/parquet": OLDER}), ("models", {"v1": OLDER})):
        folder = tmp_path / "hub" / f"{kind}--some--reviews"
        for name, commit in references.items():
            reference, snapshot = folder / "refs" / name, folder / "snapshots" / commit
            reference.parent.mkdir(parents=True, exist_ok=True)
            reference.write_text(commit)
            snapshot.mkdir(parents=True)
            (snapshot / "README.md").write_text("reviews")
    return tmp_path / "hub"


def test_without_the_hub_a_download_says_which_commit_a_revision_names(hub_cache):
    assert hub.content_key("some/reviews", "main") == f"hub some/reviews {COMMIT}"
    assert hub.content_key("some/reviews", "refs/convert/parquet") == f"hub some/reviews {OLDER}"
    assert hub.content_key("other/reviews", "3" * 40) == f"hub other/reviews {'3' * 40}"  # a commit needs no look


@pytest.mark.parametrize(
    ("source", "revision"), [("some/reviews", "v1"), ("some/reviews", "v2"), ("other/reviews", "main")]
)
def test_without_the_hub_and_a_download_the_source_is_refused(hub_cache, source, revision):
    sentence = refused(hub.content_key, source, revision)
    assert f"no source {source!r}" in sentence
    assert "the hub is not reachable and no download of it is kept" in sentence


def test_without_the_hub_and_a_cache_the_source_is_refused(hub_cache, monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "none"))
    assert "no download of it is kept" in refused(hub.content_key, "some/reviews", "main")
