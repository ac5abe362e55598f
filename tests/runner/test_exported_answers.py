"""An exported folder answers rows as its model does, for every task and kind of row; its scores are the model's."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness import backends
from harness.cli.answer_files import as_text as predict_as_text
from harness.config.compose import compose
from harness.data import from_sequences
from harness.data.loaders.series import Scale
from harness.data.preparation import TextPreparation, WordPreparation
from harness.data.series_preparation import SeriesPreparation
from harness.data.tokenizers import special_tokens, train_tokenizer
from harness.records.record import Hardware
from harness.runner.export.answering import Predictor, Refused
from harness.runner.export.answering.command import as_text, main
from harness.runner.export.bundle import write_bundle
from harness.runner.export.export import write_proven
from harness.runner.export.proof import proof_rows
from harness.runner.export.serving import Settings, metrics_of, not_comparable, rows_of, score_of, serve_folder
from harness.tasks.answers import answers
from harness.tasks.task import task_of

TEXTS = ["The film is great,", "<br /> a sad film...", "", "It’s GREAT great great great great great", "café ΟΔΟΣ film"]
PAIRS = list(zip(TEXTS, ["so", "", "", "a great film that is too long here", "?"], strict=True))
SENTENCES = [("The", "film"), ("é", "is", "unknownword"), ("A",), ("great", "film", "is", "is", "is", "film")]
SERIES = [np.arange(15.0).reshape(5, 3), np.array([[np.nan, 1, 2], [4, np.nan, np.nan], [6, 3, 2.0]]), np.ones((1, 3))]


def texts(rows, columns=1):
    """Data of texts, as a loader makes them."""
    every = [text for row in rows for text in ([row] if isinstance(row, str) else row)]
    tokenizer = train_tokenizer("words", every, 30, special_tokens(columns - 1))
    names = ("title", "body")[:columns]
    return TextPreparation(tokenizer, "words", False, names, None, 7, "head"), tokenizer.vocabulary


def dataset(rows, y, classes, preparation, vocabulary=(), **more):
    """All three splits are these rows, encoded."""
    x = [np.asarray(one, np.float32) if not vocabulary else list(one) for one in preparation.encode(rows)]
    part = (x, y)
    made = from_sequences(part, part, part, classes=classes, vocabulary=vocabulary, **more)
    if isinstance(preparation, WordPreparation):
        spelled = {name: replace(split, characters=preparation.spell(rows)) for name, split in made.splits.items()}
        made = replace(made, **spelled, alphabet=preparation.alphabet)
    return replace(made, preparation=preparation)


def words():
    return WordPreparation.learn({"train": SENTENCES, "validation": [], "test": []}, ("words",), 6, 5, "tail")


def cases():
    """By name: rows, data, and what makes a model of it."""
    one, vocabulary = texts(TEXTS)
    two, of_pairs = texts(PAIRS, 2)
    given = words()
    scale = Scale(np.array([1.0, 2, 3]), np.array([2.0, 1, 5]))
    series, ctc = SeriesPreparation(scale, True), SeriesPreparation(scale, False)
    tags = [["N" if word == "film" else "O" for word in row[-5:]] for row in SENTENCES]
    return {
        "classification": (TEXTS, dataset(TEXTS, [*"ababc"], [*"abc"], one, vocabulary), ()),
        "two columns": (PAIRS, dataset(PAIRS, [*"ababa"], [*"ab"], two, of_pairs), ()),
        "multilabel": (TEXTS, dataset(TEXTS, [["a"], [], ["b"], ["a", "b"], []], [*"ab"], one, vocabulary,
                                      task="multilabel"), ()),
        "regression": (TEXTS, dataset(TEXTS, [1, 2, 3, 4, 9], [], one, vocabulary, task="regression",
                                      standardise_labels=True), ()),
        "tagging": (SENTENCES, dataset(SENTENCES, tags, ["O", "N"], given, given.vocabulary), ("input=word_char",)),
        "series": (SERIES, dataset(SERIES, [*"aba"], [*"ab"], series), ("input.size=5",)),
        "ctc": (SERIES, dataset(SERIES, [[*"ab"], ["b"], ["a"]], [*"ab"], ctc, task="ctc"), ("input.size=5",)),
    }  # fmt: skip


CASES = cases()
TINY = ("encoder=self_attention", "encoder.hidden_size=8", "encoder.num_heads=2", "input.size=6")


def made(case, folder):
    """Rows, data, its model in the backend, and the folder that it is exported to."""
    rows, data, overrides = CASES[case]
    backend = backends.load("pytorch")(compose(*TINY, *overrides), Hardware("cpu"))
    backend.seed(3)
    backend.build(data, 3)
    write_proven(backend, "onnx", folder / "model.onnx", data, proof_rows(data))
    write_bundle(folder, data, task_of(data))
    return rows, data, backend, folder


@pytest.fixture(scope="module", params=CASES)
def exported(request, tmp_path_factory):
    """Rows, data, its model in the backend, and the folder that it was exported to."""
    return made(request.param, tmp_path_factory.mktemp("exported"))


def by_hand(rows, data, backend):
    """The answers of the model to the rows of its data, column by column; words that it does not read have None."""
    found = answers(task_of(data), backend.predict(data.test), data.test.length_N).to_dict("list")
    for name in {"tags", "probabilities"} & found.keys():
        found[name] = [[None] * (len(row) - len(own)) + own for row, own in zip(rows, found[name], strict=True)]
    return found


def rounded(answer):
    """An answer to compare: numbers to five digits after the point."""
    if isinstance(answer, list):
        return [rounded(one) for one in answer]
    return answer if answer is None or isinstance(answer, str) else pytest.approx(answer, abs=1e-5)


def test_rows_are_answered_as_by_the_model(exported):
    rows, data, backend, folder = exported
    expected = {name: rounded(list(values)) for name, values in by_hand(rows, data, backend).items()}
    for batch_size in (1, 2, 32):
        assert Predictor(folder, 1).predict(rows, batch_size) == expected
    assert Predictor(folder, 1).predict([]) == {name: [] for name in expected}


@pytest.mark.parametrize(("between", "written"), [(" ", '["a", "b c"]'), ("|", "a|b c")])
def test_several_labels_of_a_row_are_written_as_predict_writes_them(exported, between, written):
    _, data, _, folder = exported
    assert Predictor(folder, 1).about["between_items"] == ("|" if data.task == "multilabel" else " ")
    labels = ["a", "b c"]
    assert as_text(labels, between) == predict_as_text(labels, between) == written


def test_the_score_of_the_exported_model_is_that_of_the_model(exported):
    _, data, backend, folder = exported
    task = task_of(data)
    name, value = score_of(Predictor(folder, 1), task, data.test, batch_size=2)
    outputs = backend.predict(data.test)
    assert name == task.scores[0]
    expected = task.evaluate([(outputs, data.test.labels(), data.test.length_N)])[name]
    assert value == pytest.approx(expected, abs=1e-5)


@pytest.fixture(scope="module")
def one_text(tmp_path_factory):
    """The exported folder of a model of texts, with its data and its backend."""
    _, data, backend, folder = made("classification", tmp_path_factory.mktemp("texts"))
    return data, backend, folder


SETTINGS = Settings(threads=1, passes=2, seconds=1e-4, batch_size=2)


def test_the_numbers_of_serving_are_of_both_forms_and_each_has_the_score_of_its_own_file(one_text, tmp_path, clock):
    data, backend, folder = one_text
    ticks = iter(range(10**6))
    found = serve_folder(folder, data, TEXTS, SETTINGS, lambda: float(next(ticks)))  # a second between two looks
    assert (found["threads"], found["rows"]) == (1, 5)
    for form, file in (("float32", "model.onnx"), ("int8", "model_int8.onnx")):
        own = found[form]
        assert [point["batch_size"] for point in own["curve"]] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
        assert all(point["sequences_per_second"] == point["batch_size"] for point in own["curve"])
        assert (own["latency_p50_ms"], own["best_batch_size"]) == (1000, 256)
        assert own["model_mib"] == (folder / file).stat().st_size / 2**20
    assert found["int8"]["model_mib"] < found["float32"]["model_mib"]
    accuracy = {name: value for name, value in metrics_of(found).items() if name.endswith("accuracy")}
    right = backend.predict(data.test).argmax(1) == data.test.y
    assert accuracy["serving/accuracy"] == right.mean()
    assert accuracy["serving_int8/accuracy"] == by_onnxruntime(folder / "model_int8.onnx", data)


def by_onnxruntime(file, data):
    """The accuracy of a file, without any of our code for exported models."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    right = []
    for row, label in enumerate(data.test.y):
        ids = data.test.sequence(row).astype(np.int64)
        x = np.zeros((1, max(1, len(ids))), np.int64)
        x[0, : len(ids)] = ids
        (outputs,) = session.run(None, {"x": x, "length": np.array([len(ids)])})
        right.append(outputs[0].argmax() == label)
    return np.mean(right)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_a_full_disk_is_an_error_and_ends_no_process(one_text, kind):
    data, backend, _ = one_text
    with pytest.raises(OSError, match="No space left on device"):
        backend.export(kind, Path("/dev/full"), proof_rows(data))


def test_int8_that_cannot_be_served_says_why_and_leaves_float32(one_text, monkeypatch, capsys):
    data, _, folder = one_text

    def fail(model, file):
        raise NotImplementedError("no kernel\nfor it")

    monkeypatch.setattr("harness.runner.export.serving.quantize", fail)
    found = serve_folder(folder, data, TEXTS, SETTINGS, iter(range(10**6)).__next__)
    assert found["int8"] == {"reason": "NotImplementedError: no kernel"}
    assert {name.partition("/")[0] for name in metrics_of(found)} == {"serving"}
    assert "not served in int8: NotImplementedError" in capsys.readouterr().err


def test_numbers_of_another_processor_or_of_a_busy_machine_do_not_belong_to_a_run():
    assert not_comparable("EPYC", "EPYC", 0.05) is None
    assert not_comparable("Xeon", "EPYC", 0.0) == "it ran on EPYC, and this is Xeon"
    assert not_comparable("EPYC", "EPYC", 0.4).startswith("other processes used 40% of the processor meanwhile")


def test_rows_to_serve_are_those_of_the_loader_or_else_the_steps_of_validation(tmp_path):
    _, series, _ = CASES["series"]
    rows = rows_of(tmp_path, series)
    assert [row.tolist() for row in rows] == [series.validation.sequence(row).tolist() for row in range(3)]
    (tmp_path / "examples.json").write_text(json.dumps([["a", "b"], ["c", "\ud800"]]))
    assert rows_of(tmp_path, series) == [("a", "b"), ("c", "\ud800")]


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_command_reads_a_csv_lines_and_columns_and_refuses_in_a_sentence(one_text, tmp_path, capfdbinary):
    _, _, folder = one_text
    file, out = tmp_path / "new.csv", tmp_path / "answers.csv"
    file.write_text('id,title\n1,"The film, is\ngreat"\n2,\n', encoding="utf-8-sig")
    assert main(folder, ["--file", str(file), "--out", str(out), "--threads", "1"]) == 0
    expected = Predictor(folder, 1).predict(["The film, is\ngreat", ""])
    found = table(out.read_text())
    assert [row["label"] for row in found] == expected["label"]
    assert [float(row["probability_a"]) for row in found] == pytest.approx(expected["probability_a"], abs=1e-6)
    lines = tmp_path / "lines.txt"
    lines.write_text("The film\r\n\n great\u2028film\n", encoding="utf8")
    assert main(folder, ["--file", str(lines), "--out", str(out)]) == 0
    assert len(table(out.read_text())) == 3, "an empty line is an empty text, and only a line feed ends a line"

    def written(name, content):
        (tmp_path / name).write_text(content, encoding="latin-1")
        return tmp_path / name

    for arguments, sentence in (
        (["--file", str(file), "--column", "body"], b"has no column 'body', only id, title"),
        (["--file", str(tmp_path / "none.csv")], b"none.csv cannot be read (No such file or directory); name a file"),
        (["--file", str(tmp_path)], f"{tmp_path} cannot be read (Is a directory); name a file with".encode()),
        (["--file", str(written("latin.csv", "title\ncafé\n"))], b"latin.csv is not in UTF-8; save it in that"),
        (["--file", str(written("latin.txt", "café\n"))], b"latin.txt is not in UTF-8; save it in that encoding"),
        (["--file", str(file), "--out", str(tmp_path)], f"--out {tmp_path} cannot be written (Is a dir".encode()),
        (["--file", str(file), "--column", "id", "--column", "title"], b"--column names 2 columns, and this model"),
        (["--file", str(tmp_path / "new.jsonl")], b"new.jsonl ends in .jsonl; this model reads .csv, or .txt with a"),
        (["--file", str(written("empty.csv", ""))], b"has no column 'title', it is empty; name one"),
        (["--file", str(written("TWICE.CSV", "title,title\na,b\n"))], b"has 2 columns named 'title'; rename all but"),
    ):
        assert main(folder, arguments) == 2
        assert sentence in capfdbinary.readouterr().err


@pytest.mark.parametrize("option", ["--batch-size", "--threads"])
def test_numbers_of_the_command_are_1_or_more(tmp_path, capsys, option):
    with pytest.raises(SystemExit):
        main(tmp_path, [option, "0"])
    assert f"argument {option}: 0 is below 1" in capsys.readouterr().err


def test_series_are_read_from_npz_and_npy(exported, tmp_path):
    rows, data, _, folder = exported
    if data.tokens:
        return
    np.savez(tmp_path / "new.npz", *rows)
    np.save(tmp_path / "new.npy", np.stack([rows[0], rows[0]]))
    out = tmp_path / "answers.csv"
    for file, series in (("new.npz", rows), ("new.npy", [rows[0], rows[0]])):
        assert main(folder, ["--file", str(tmp_path / file), "--out", str(out)]) == 0
        answers_of = Predictor(folder, 1).predict(series)
        first = next(iter(answers_of))
        written = [" ".join(one) if isinstance(one, list) else one for one in answers_of[first]]
        assert [row[first] for row in table(out.read_text())] == written
    with pytest.raises(Refused, match=r"row 2: the model reads arrays of shape \(steps, 3\), not \(4, 2\)"):
        Predictor(folder).predict([rows[0], np.ones((4, 2))])
