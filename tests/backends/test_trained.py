"""A model that is built again answers the rows of its own test split as the run did, and new rows in their order."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from conftest import refused
from trained_runs import rows, trained, write_csv, write_json_lines, write_series

from harness.backends.trained import TrainedModel, longest_steps
from harness.config import hardware
from harness.config.compose import compose
from harness.config.schema import HardwareConfig
from harness.data import open_prepared
from harness.data.loaders.new_files import read_new
from harness.measure import processors
from harness.records import store
from harness.tasks import predictions

pytestmark = pytest.mark.usefixtures("threads_as_before")
CPU = HardwareConfig(accelerator="cpu", devices=1, nodes=1, precision="32", threads=1)
TEXTS = ("data=files", "data.max_length=5")
RUNS = {
    "texts": (*TEXTS, "position=learned", "encoder=self_attention", "encoder.num_heads=1"),
    "two columns": (*TEXTS, "data.text=[title,text]", "data.tokenizer=subwords", "data.truncate=tail",
                    "data.vocabulary_size=40"),
    "several labels": (*TEXTS, "data.task=multilabel", "data.label=labels"),
    "numbers": (*TEXTS, "data.task=regression", "data.label=price"),
    "words": (*TEXTS, "data.tokens=words", "data.truncate=tail"),
    "tags": (*TEXTS, "data.tokens=words", "data.tags=tags", "input=word_char", "encoder=gru", "encoder.hidden_size=5"),
    "tags of tails": (*TEXTS, "data.tokens=words", "data.tags=tags", "data.truncate=tail", "encoder=gru",
                      "encoder.hidden_size=5"),
    "csv": (*TEXTS, "data.text=text"),
    "series": ("data=timeseries", "input.size=null", "position=sinusoidal"),
    "series as they are": ("data=timeseries", "input.size=null", "data.standardise=false"),
}  # fmt: skip
IN_KERAS = ("texts", "tags of tails", "series")


@pytest.mark.parametrize(
    ("overrides", "most"),
    [
        (("position=none",), None),
        (("position=learned",), 7),
        (("position=learned", "measure.latency_length=9"), 9),
        (("position=learned", "encoder=dummy"), None),  # whose backend has no positions
    ],
)
def test_positions_limit_the_steps_that_a_model_reads(overrides, most):
    assert longest_steps(compose(*overrides), 7) == most


@pytest.fixture(scope="module")
def run_of(tmp_path_factory):
    """The folder of the run of a kind, and the file of its test split; each is trained once."""
    done = {}

    def run(kind, backend="pytorch"):
        if (kind, backend) not in done:
            folder = tmp_path_factory.mktemp("run")
            files = files_of(kind, folder)
            named = [f"data.{role}={file}" for role, file in files.items()]
            done[kind, backend] = trained(folder, *RUNS[kind], *named, f"backend={backend}"), files["test"]
        return done[kind, backend]

    return run


def files_of(kind, folder):
    parts = {"train": rows(61, 1), "validation": rows(13, 2), "test": rows(37, 3)}
    if kind.startswith("series"):
        return {role: write_series(folder / f"{role}.npz", len(own), len(own)) for role, own in parts.items()}
    if kind == "csv":
        return {role: write_csv(folder / f"{role}.csv", own, ["id", "text", "label"]) for role, own in parts.items()}
    return {role: write_json_lines(folder / f"{role}.jsonl", own) for role, own in parts.items()}


def assert_answers_are_those_of_the_run(folder, model, answers):
    kept = predictions.load(folder / store.PREDICTIONS)
    ids = {name: number for number, name in enumerate(model.data.classes)}
    if kept.task == "classification":
        assert [ids[name] for name in answers["label"]] == kept.predicted.tolist()
    elif kept.task == "multilabel":
        found_NA = [[name in labels for name in model.data.classes] for labels in answers["labels"]]
        assert found_NA == kept.predicted.tolist()
    elif kept.task == "regression":
        np.testing.assert_allclose(answers["value"], kept.predicted, rtol=1e-5)
    else:
        found = [[ids[name] for name in names if name is not None] for names in answers.iloc[:, 0]]
        assert found == [kept.item(row)[0].tolist() for row in range(len(kept))]


def assert_rows_of_a_file_are_answered_as_in_the_run(folder, file):
    model = TrainedModel(folder, CPU)
    new = read_new(folder / file, model.data, model.record.config["data"])
    test = prepared(folder.parents[2], model.data.train.characters is not None).test
    found, expected = model.outputs(model.split_of(new.rows)), model.outputs(test)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    assert found.std() > 0
    assert_answers_are_those_of_the_run(folder, model, model.predict(new.rows))


@pytest.mark.parametrize("kind", RUNS)
def test_the_raw_rows_of_the_test_split_are_answered_as_in_the_run(run_of, kind):
    folder, file = run_of(kind)
    assert_rows_of_a_file_are_answered_as_in_the_run(folder, file)


@pytest.mark.parametrize("kind", IN_KERAS)
def test_the_same_in_keras(in_keras, run_of, kind):
    folder, file = run_of(kind, "tensorflow")
    assert_rows_of_a_file_are_answered_as_in_the_run(folder, file)


def test_rows_without_a_preparation_are_features(tmp_path):
    """Sequences of labels (ctc), of which the run decodes each."""
    sizes = ("data.train=61", "data.validation=13", "data.test=17", "data.length=4", "data.symbols=3")
    folder = trained(tmp_path, "data=transcription", *sizes, "input.size=null", "encoder=gru", "encoder.hidden_size=9",
                     "trainer.epochs=4", "trainer.batch_size=4")  # fmt: skip
    model = TrainedModel(folder, CPU)
    test = prepared(tmp_path).test
    x = [test.sequence(row) for row in range(len(test))]
    assert_answers_are_those_of_the_run(folder, model, model.predict(x))


def test_rows_without_a_preparation_are_tokens_or_their_ids(tmp_path):
    sizes = ("data.train=61", "data.validation=13", "data.test=17")
    folder = trained(tmp_path, "data=majority", "data.length=7", "data.min_length=3", *sizes)
    model = TrainedModel(folder, CPU)
    test = prepared(tmp_path).test
    ids = [test.sequence(row) for row in range(len(test))]
    assert_answers_are_those_of_the_run(folder, model, model.predict(ids))
    names = [[model.data.vocabulary[number] for number in row] for row in ids]
    assert model.predict(names).equals(model.predict(ids))
    assert model.predict([" ".join(row) for row in names]).equals(model.predict(ids))


def test_answers_do_not_depend_on_the_rows_beside_them(run_of):
    """10,000 rows in portions, whose batches hold rows of other lengths: each has its own answer, in order."""
    folder, _ = run_of("csv")
    model = TrainedModel(folder, CPU, batch_size=512)
    texts = [row["text"] for row in rows(7)] + ["", "?"]
    alone = [model.predict([text]) for text in texts]
    order = np.random.default_rng(0).integers(0, len(texts), 10_000)
    found = model.predict([texts[number] for number in order])
    assert model.portion < 10_000
    assert found.index.tolist() == list(range(10_000))
    for number, one in enumerate(alone):
        own = found[order == number]
        assert set(own["label"]) == {one["label"][0]}
        np.testing.assert_allclose(own["probability"], one["probability"][0], atol=1e-6)


def test_without_instructions_for_bfloat16_the_answers_are_in_float32_unless_a_hardware_is_named(
    tmp_path, monkeypatch
):
    named = [f"data.{role}={file}" for role, file in files_of("csv", tmp_path).items()]
    folder = trained(tmp_path, *RUNS["csv"], *named, "hardware=cpu_bf16")
    monkeypatch.setattr(hardware, "accelerators", lambda: [])
    for own, expected in ((False, "32"), (True, "bf16"), (None, "bf16")):
        monkeypatch.setattr(processors, "has_bfloat16", lambda own=own: own)
        assert TrainedModel(folder).hardware.precision == expected
        assert TrainedModel(folder, "cpu_bf16").hardware.precision == "bf16"


def test_missing_rows_have_empty_answers_and_are_counted(run_of, capsys):
    folder, _ = run_of("csv")
    capsys.readouterr()  # the first test that asks for a run trains it
    model = TrainedModel(folder, CPU)
    found = model.predict(["alpha", None, "", float("nan")])
    assert found["label"].isna().tolist() == [False, True, False, True]
    assert found["probability"].isna().tolist() == [False, True, False, True]
    assert found.loc[0].equals(model.predict(["alpha"]).loc[0])
    assert capsys.readouterr().err.splitlines() == [
        "predict: 2 rows are missing (null), with an empty answer",
        "predict: 1 row is empty: all such rows get the same answer",
    ]
    assert model.predict([]).columns.tolist() == found.columns.tolist()
    assert len(model.predict([])) == 0


def test_rows_without_a_token_that_train_had_are_counted(run_of, capsys):
    folder, _ = run_of("csv")
    model = TrainedModel(folder, CPU)
    capsys.readouterr()
    model.predict(["alpha xyzzy", "xyzzy", "", "xyzzy plugh"])
    assert capsys.readouterr().err.splitlines() == [
        "predict: 1 row is empty: all such rows get the same answer",
        "predict: 2 rows are without any known token: the answer means little",
        "predict: 1 of 2 tokens of the other rows are unknown ([UNK]): the vocabulary lacks them",
    ]


def test_unknown_tokens_are_counted_where_they_are_more_than_a_fifth(run_of, capsys):
    folder, _ = run_of("csv")
    model = TrainedModel(folder, CPU)
    capsys.readouterr()
    model.predict(["alpha xyzzy", "alpha alpha alpha", ""])
    assert "UNK" not in capsys.readouterr().err  # 1 of 5
    model.predict(["alpha xyzzy", "alpha alpha"])
    assert capsys.readouterr().err == "predict: 1 of 4 tokens are unknown ([UNK]): the vocabulary lacks them\n"


@pytest.mark.parametrize(("kind", "side"), [("tags", "first"), ("tags of tails", "last")])
def test_words_that_are_cut_off_have_no_tag(run_of, capsys, kind, side):
    folder, _ = run_of(kind)
    capsys.readouterr()  # the first test that asks for a run trains it
    model = TrainedModel(folder, CPU)
    sentence = ["alpha", "beta", "Gamma", "new", "delta", "zeta", "eta"]
    found = model.predict([sentence, ("alpha",), [], None])
    kept = slice(0, 5) if side == "first" else slice(2, 7)
    cut = model.predict([sentence[kept]])
    for name in ("tags", "probabilities"):
        assert [item is None for item in found[name][0]] == [number not in range(7)[kept] for number in range(7)]
        assert found[name][0][kept] == pytest.approx(cut[name][0]) if name != "tags" else cut[name][0]
        assert [len(items) for items in found[name][1:3]] == [1, 0]
        assert found[name][3] is None
    assert capsys.readouterr().err.splitlines() == [
        "predict: 1 row is missing (null), with an empty answer",
        f"predict: 1 row is longer than the model reads: its {side} 5 steps were read, as in training; the words "
        "beyond them have no tag",
    ]


def test_positions_end_at_the_longest_sequence_of_training(run_of, capsys):
    """A position table has no row for a further step."""
    folder, _ = run_of("series")
    capsys.readouterr()  # the first test that asks for a run trains it
    model = TrainedModel(folder, CPU)
    assert model.longest == 7
    x_LD = np.random.default_rng(0).normal([5, -300], [3, 100], (11, 2))
    assert model.predict([x_LD]).equals(model.predict([x_LD[:7]]))
    assert "its first 7 steps were read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "row", "said"),
    [
        ("csv", 7, "predict: row 2 is int 7, and this run reads a text"),
        ("two columns", "a", "predict: row 2 is str 'a', and this run reads a tuple of 2 texts"),
        ("two columns", ("a", 1), "predict: row 2 is tuple ('a', 1), and this run reads a tuple of 2 texts"),
        ("tags", ["a", ""], "predict: row 2 is list ['a', ''], and this run reads a list of words, or a text with"),
        ("series", [[1, 2, 3]], "predict: row 2 has shape (1, 3), and this run reads arrays of shape (steps, 2)"),
        ("series", "a", "predict: row 2 is str 'a', and this run reads arrays of shape (steps, 2)"),
        ("series", [[1, np.inf]], "data: new rows, row 2 has an infinite value at step 1 of channel 2"),
    ],
)
def test_a_row_of_another_kind_is_named(run_of, kind, row, said):
    good = {"csv": "a", "two columns": ("a", "b"), "tags": ["a"], "series": [[1, 2]]}
    model = TrainedModel(run_of(kind)[0], CPU)
    assert refused(model.predict, [good[kind], row]).startswith(said)


def test_the_model_of_what_is_no_finished_run_is_refused(tmp_path, run_of):
    assert "has no record.json" in refused(TrainedModel, tmp_path)
    folder = trained_copy(run_of("csv")[0], tmp_path, status="failed")
    assert "holds a run that failed; only a finished training has a model to use" in refused(TrainedModel, folder)
    folder = trained_copy(run_of("csv")[0], tmp_path, mode="profile")
    assert "holds a profile" in refused(TrainedModel, folder)
    folder = trained_copy(run_of("csv")[0], tmp_path, status="killed")
    assert "holds a run that was killed" in refused(TrainedModel, folder)


@pytest.mark.parametrize("rows", [pd.DataFrame({"text": ["a", "b"]}), {"text": ["a"]}, b"a", iter(["a"]), None])
def test_what_is_no_list_of_rows_is_refused(run_of, rows):
    model = TrainedModel(run_of("csv")[0], CPU)
    assert refused(model.predict, rows).startswith(f"predict takes a list of rows, and not {type(rows).__name__}; of")


def test_unknown_hardware_is_refused_with_the_choices(run_of):
    assert "there is no hardware=gpuu; take one of auto, cpu" in refused(TrainedModel, run_of("csv")[0], "gpuu")


def prepared(output_dir, characters=False):
    """The data of the only run below an output folder."""
    (folder,) = (file.parent for file in output_dir.glob("cache/*/meta.json"))
    return open_prepared(folder, characters)


def trained_copy(run, tmp_path, **changed):
    """A folder with the record of a run, changed."""
    record = dataclasses.replace(store.read(run), folder=tmp_path, **changed)
    store.write(record)
    return tmp_path


def test_digits_are_features_without_a_preparation(tmp_path):
    folder = trained(tmp_path, "data=digits", "data.limit=61", "input.size=null", "data.test=0.03")
    model = TrainedModel(folder, CPU)
    test = prepared(tmp_path).test
    x = [test.sequence(row) for row in range(len(test))]
    assert_answers_are_those_of_the_run(folder, model, model.predict(x))
    message = refused(model.predict, [x[0], np.full((8, 8), np.nan)])
    assert message.startswith("predict: row 2 has a value that is missing or beyond the largest float32")
