"""A run with measure.serve=true, and its exported folder in an environment without the harness."""

import csv
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from commands import run
from conftest import QUICK

from harness.backends.trained import TrainedModel
from harness.records import store

WORDS = ["film", "the", "it’s", "of", "café", "ΟΔΟΣ", "and <br /> so", "movie,", "很好", "👍🏽"]
ARGUMENTS = (
    "data=files", "data.train=train.csv", "data.max_length=24", "input.size=8", "tracking.uri=none", *QUICK[:4],
    "hardware.threads=1", "measure.latency_passes=2", "measure.attention_examples=0", "measure.serve=true",
)  # fmt: skip


def rows(count, seed):
    """Texts of 0 to 30 words, of which one decides the class."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        words = rng.choice(WORDS, rng.integers(0, 30)).tolist()
        words.insert(int(rng.integers(0, len(words) + 1)), ("good", "BAD")[number % 2])
        yield " ".join(words), ("pos", "neg")[number % 2]


def write_csv(file, texts):
    with open(file, "w", encoding="utf8", newline="") as opened:
        csv.writer(opened).writerows([("text", "label"), *texts])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with data, and below outputs a run that was served and one whose encoder cannot be exported."""
    folder = tmp_path_factory.mktemp("served")
    write_csv(folder / "train.csv", rows(240, 0))
    write_csv(folder / "new.csv", [*rows(300, 1), ("", "pos"), ("film " * 900, "neg")])
    (folder / "looped.py").write_text(LOOPED)
    return folder


LOOPED = '''
import torch


class Looped(torch.nn.Module):
    """An encoder whose loop over the steps no exporter follows."""

    def __init__(self, in_dim):
        super().__init__()
        self.out_dim = in_dim

    def forward(self, x_BLD, mask_BL):
        steps = [x_BLD[:, step] for step in range(int(mask_BL.sum(1).max()))]
        padded = steps + [steps[0] * 0] * (x_BLD.shape[1] - len(steps))
        return torch.stack(padded, 1) * mask_BL[..., None]
'''


@pytest.fixture(scope="module")
def served(place):
    """The record of a run that was served, and what its command said."""
    done = run(place, *ARGUMENTS, "encoder=self_attention", "encoder.hidden_size=8", "name=served")
    assert done.returncode == 0, done.stderr
    (record,) = store.read_all(place / "outputs" / "runs" / "served")
    return record, done.stderr


def test_the_run_has_the_numbers_of_both_forms_and_the_score_of_float32_is_the_runs(served):
    record, said = served
    numbers = ("latency_p50_ms", "latency_p95_ms", "sequences_per_second", "best_batch_size", "model_mib", "accuracy")
    for prefix in ("serving", "serving_int8"):
        assert {f"{prefix}/{name}" for name in numbers} <= record.metrics.keys()
        assert all(record.metrics[f"{prefix}/{name}"] > 0 for name in numbers)
    assert record.metrics["serving/accuracy"] == pytest.approx(record.metrics["test/accuracy"], abs=1e-9)
    assert record.environment.versions["onnxruntime"]
    found = json.loads((record.folder / "serving.json").read_text())
    assert (found["threads"], found["rows"]) == (1, record.data.sizes["validation"])
    best = max(found["float32"]["curve"], key=lambda point: point["sequences_per_second"])
    assert record.metrics["serving/sequences_per_second"] == best["sequences_per_second"]
    assert record.metrics["serving/best_batch_size"] == best["batch_size"]
    assert "the exported model costs to serve" in said


@pytest.fixture(scope="module")
def exported(place, served):
    """The folder that the run is exported to."""
    record, _ = served
    before = dict(record.metrics)
    done = run(place, "export", str(record.folder), "--format", "onnx", "--measure", "--out", "exported")
    assert done.returncode == 0, done.stderr
    assert "serving_int8/latency_p50_ms" in done.stdout
    measured = store.read(record.folder).metrics
    assert measured.keys() == before.keys()
    assert measured["serving/accuracy"] == before["serving/accuracy"]
    assert {name for name in before if measured[name] != before[name]} <= {one for one in before if "serving" in one}
    return place / "exported"


ALONE = """
import importlib.util, runpy, sys

for hidden in ("harness", "torch", "pandas", "scipy", "pydantic"):
    assert importlib.util.find_spec(hidden) is None, hidden
sys.argv = ["predict.py", *sys.argv[2:]]
sys.path.insert(0, "exported")
runpy.run_path("exported/predict.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def alone(place):
    """A folder of packages that holds nothing but onnxruntime, tokenizers and numpy."""
    folder = place / "packages"
    folder.mkdir()
    for name in ("onnxruntime", "tokenizers", "numpy"):
        package = Path(find_spec(name).origin).parent
        (folder / name).symlink_to(package)
        if (libraries := package.with_name(f"{name}.libs")).exists():
            (folder / libraries.name).symlink_to(libraries)
    return folder


def test_with_onnxruntime_tokenizers_and_numpy_alone_the_answers_are_the_runs(place, served, exported, alone):
    record, _ = served
    done = subprocess.run(
        [sys.executable, "-S", "-c", ALONE, "-", "--file", "new.csv", "--out", "answers.csv"], cwd=place,
        capture_output=True, text=True, env={"PYTHONPATH": str(alone), "PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    texts = [row["text"] for row in csv.DictReader((place / "new.csv").open(encoding="utf8"))]
    expected = TrainedModel(record.folder).predict(texts)
    found = list(csv.DictReader((place / "answers.csv").open(encoding="utf8")))
    assert len(found) == 302
    assert [row["label"] for row in found] == expected["label"].tolist()
    for name in ("probability", "probability_neg", "probability_pos"):
        assert [float(row[name]) for row in found] == pytest.approx(expected[name].tolist(), abs=1e-5)


def test_an_encoder_that_cannot_be_exported_ends_its_run_well_and_says_why(place):
    done = run(place, *ARGUMENTS, "encoder=custom", "encoder._target_=looped.Looped", "name=looped")
    assert done.returncode == 0, done.stderr
    (record,) = store.read_all(place / "outputs" / "runs" / "looped")
    assert record.status == "finished"
    assert not [name for name in record.metrics if "serving" in name]
    why = json.loads((record.folder / "serving.json").read_text())["reason"]
    assert "torch.export cannot follow this model" in why
    assert f"the model was not served: {why}" in done.stderr
