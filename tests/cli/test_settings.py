"""Settings and files that other tools leave behind: each is there once, and a quick run has to do what it should."""

import sys
import sysconfig
from pathlib import Path

import pytest
from commands import cold
from conftest import QUICK

from harness.config import shadowing
from harness.records import store

RUN = ["encoder=bag_of_embeddings", *QUICK[1:], "trainer.epochs=1", "hardware=cpu"]


def harness(folder, *arguments, **settings):
    """``python -m harness`` in a folder, with these environment variables; None removes one."""
    return cold(folder, *arguments, changes={"HYDRA_FULL_ERROR": "0", **settings})


def only_record(folder):
    (record,) = store.read_all(folder / "outputs" / "runs")
    return record


SETTINGS = {
    "a notebook's matplotlib": {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
    "an MLflow run of another tool": {
        "MLFLOW_RUN_ID": "0123456789abcdef0123456789abcdef",
        "MLFLOW_EXPERIMENT_NAME": "other",
        "MLFLOW_EXPERIMENT_ID": "99",
    },
    "another Keras backend": {"KERAS_BACKEND": "torch"},
    "a login node of Slurm": {
        "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "work", "SLURM_NTASKS": "4", "SLURM_PROCID": "2", "SLURM_LOCALID": "2",
        "SLURM_NODELIST": "n1",
    },
    "processes of another training": {"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "3", "LOCAL_WORLD_SIZE": "8"},
    "no home, and a fixed hash seed": {"HOME": None, "PYTHONHASHSEED": "7"},
}  # fmt: skip


def test_a_run_is_the_same_whatever_other_tools_have_set(tmp_path):
    """All of it at once: each of these has broken a run in a way of its own, and a command takes its time to start."""
    everything = {name: value for settings in SETTINGS.values() for name, value in settings.items()}
    ended = harness(tmp_path, *RUN, "tracking.system_metrics_seconds=0.1", **everything)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "MLflow" not in ended.stderr
    record = only_record(tmp_path)
    assert record.status == "finished"
    assert {"learning_curves.png", "confusion.png"} <= {file.name for file in record.folder.iterdir()}
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path}/outputs/mlflow.db")
    assert {experiment.name for experiment in client.search_experiments()} == {"Default", "digits"}
    assert client.get_run(record.mlflow_run_id).info.status == "FINISHED"


def test_keras_is_on_tensorflow_whatever_the_setting(tmp_path):
    ended = harness(tmp_path, *RUN, "backend=tensorflow", "tracking=none", KERAS_BACKEND="torch")
    assert (ended.returncode, only_record(tmp_path).status) == (0, "finished"), ended.stderr


@pytest.mark.parametrize("full", ["0", "1"])
def test_what_the_user_must_fix_is_a_sentence_whatever_hydra_is_told(tmp_path, full):
    ended = harness(tmp_path, "encoder=lstmm", HYDRA_FULL_ERROR=full)
    assert ended.returncode == 2
    assert ended.stderr.startswith("there is no encoder=lstmm; did you mean encoder=lstm? ")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("file", "arguments"),
    [
        ("torch.py", []),
        ("numpy/__init__.py", []),
        ("random.py", []),
        ("mlflow/__init__.py", []),
        ("datasets.py", ["data=hub", "data.source=./rows", "data.splits.test=null"]),
    ],
)
def test_a_file_in_a_librarys_place_is_named(tmp_path, file, arguments):
    shadow = tmp_path / file
    shadow.parent.mkdir(exist_ok=True)
    shadow.write_text("X = 1\n")
    (tmp_path / "rows").mkdir()
    rows = "".join(f"word{number % 9} {'ab'[number % 2]},{number % 2}\n" for number in range(60))
    (tmp_path / "rows" / "train.csv").write_text(f"text,label\n{rows}")
    ended = harness(tmp_path, *RUN, *arguments)
    assert ended.returncode == 2, ended.stderr
    name = file.split("/")[0].removesuffix(".py")
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(f"{shadow} has the name of the library {name}, and Python would load it in its place;")
    assert "Traceback" not in ended.stderr
    assert not list(tmp_path.glob("outputs/runs/**"))


def test_a_file_with_a_librarys_name_that_nobody_else_imports_is_the_users(tmp_path):
    """``datasets`` is a usual name for a folder of one's own, and no library asks for it here."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("WIDTH = 5\n")
    (tmp_path / "mine.py").write_text(
        "import torch\nfrom datasets import WIDTH\n\n"
        "class Mine(torch.nn.Module):\n"
        "    out_dim = WIDTH\n"
        "    def __init__(self, in_dim):\n        super().__init__()\n"
        "        self.dense = torch.nn.Linear(in_dim, WIDTH)\n"
        "    def forward(self, x, mask):\n        return self.dense(x) * mask[..., None]\n"
    )
    ended = harness(tmp_path, *RUN[1:], "encoder=custom", "encoder._target_=mine.Mine", "tracking=none")
    assert (ended.returncode, only_record(tmp_path).status) == (0, "finished"), ended.stderr


def test_a_librarys_own_copy_of_another_shadows_nothing(monkeypatch):
    """Ray puts a folder of its own in front of the path."""
    copies = next(Path(sysconfig.get_path("purelib")).glob("*/thirdparty_files"), None)
    if copies is None:
        pytest.skip("no installed library has copies of others")
    monkeypatch.syspath_prepend(str(copies))
    monkeypatch.delitem(sys.modules, "psutil", raising=False)
    assert "psutil" not in dict(shadowing._shadowing())
