"""``python -m harness export``: the file of a run, and what is refused."""

import errno
import sys

import numpy as np
import pytest
from conftest import QUICK

from harness.backends.trained import TrainedModel
from harness.errors import UserError
from harness.runner.export.export import PLAIN, move_files
from harness.runner.export.onnx_session import open_onnx


@pytest.fixture
def run(command):
    """A finished run on digits, in bfloat16, and the arguments that find it."""
    ended = command("data=digits", "encoder=gru", "hardware=cpu_bf16", "tracking=none", *QUICK)
    assert ended.code == 0, ended.err
    return ended.record.folder


def test_a_run_is_exported_in_float32_refused_in_a_foreign_format_and_removed_if_it_differs(
    run, command, monkeypatch, tmp_path
):
    """One run for all: training it takes longer than the rest."""
    file = run / "export" / "onnx" / "model.onnx"
    ended = command("export", str(run), "--format", "onnx")
    assert ended.code == 0, ended.err
    first, second = ended.out.splitlines()
    assert first.startswith(f"{file}: gives the run's outputs (largest difference ")
    assert first.endswith(" for sequences of 0, 1, 5, 7, 8, 73 steps, put together from its data, alone and in batches")
    assert second == "it computes in float32: the run's own outputs, in bfloat16, differ by their rounding"
    rows = np.random.default_rng(0).normal(size=(2, 3, 8)).astype(np.float32)
    outputs = open_onnx(file)({"x": rows, "length": np.array([3, 3])})
    model = TrainedModel(run, PLAIN)
    np.testing.assert_allclose(outputs, model.outputs(model.split_of(list(rows))), atol=1e-5)

    foreign = command("export", str(run), "--format", "keras")
    assert foreign.code == 2
    assert foreign.err.endswith(
        "\n--format keras: this run was trained by backend=pytorch, whose models are exported as onnx, torch or "
        "mlflow; take that --format, or name a run of another backend\n"
    )

    out = tmp_path / "out"
    assert_nothing_is_left_of_a_refused_folder(run, command, monkeypatch, out)
    monkeypatch.setattr("harness.backends.pytorch.exporting.graph.followed", fixed_length)
    wrong = command("export", str(run), "--format", "torch", "--out", str(out))
    assert wrong.code == 2
    assert "was not exported: the exported model differs from the run by " in wrong.err
    assert wrong.err.endswith(" for one sequence of length 8, and 0.0001 is allowed\n")
    assert list(out.iterdir()) == []

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    absent = command("export", str(run), "--format", "onnx", "--out", str(out))
    assert absent.code == 2
    assert absent.err.endswith("\n--format onnx needs onnxruntime: in the harness's folder, pip install '.[export]'\n")
    assert list(out.iterdir()) == []

    taken = command("export", str(run), "--format", "torch", "--out", str(run / "record.json"))
    assert taken.code == 2
    assert taken.err.endswith(f"\n--out {run / 'record.json'} cannot be a folder (File exists); name another\n")


def assert_nothing_is_left_of_a_refused_folder(run, command, monkeypatch, out):
    """Neither where a file cannot be written or moved, nor where rows would be read otherwise."""
    earlier = {file: file.read_bytes() for file in (run / "export").rglob("*") if file.is_file()}

    def fail(error):
        def raise_it(*_arguments):
            raise error

        return raise_it

    full = f"--out {out} cannot be written (No space left on device); make room there, or name another folder"
    where = "harness.runner.export.export."
    for folder, name, error, said in (
        (out, "write_bundle", OSError(errno.ENOSPC, "No space left on device"), f"\n{full}\n"),
        (out, "prove_reading", UserError("a row differs"), " was not exported: a row differs\n"),
        (run / "export" / "onnx", "prove_reading", UserError("a row differs"), " was not exported: a row differs\n"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(f"{where}write_proven", lambda _backend, _kind, file, *_rest: file.write_text("graph"))
            patched.setattr(where + name, fail(error))
            refused = command("export", str(run), "--format", "onnx", "--out", str(folder))
        assert (refused.code, refused.err.endswith(said)) == (2, True), refused.err
    assert list(out.iterdir()) == []
    assert {file: file.read_bytes() for file in (run / "export").rglob("*") if file.is_file()} == earlier

    (out / "model.onnx").mkdir()
    refused = command("export", str(run), "--format", "onnx", "--out", str(out))
    assert refused.code == 2
    assert refused.err.endswith(
        f"\n--out {out} has a folder model.onnx, where a file is to be; remove it, or name another\n"
    )
    (out / "model.onnx").rmdir()


def test_files_are_moved_all_or_none(tmp_path):
    made, folder = tmp_path / "made", tmp_path / "folder"
    for name in ("a.json", "code/b.py", "z.onnx"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
    (folder / "z.onnx").mkdir(parents=True)
    (folder / "mine").touch()
    with pytest.raises(IsADirectoryError):
        move_files(made, folder)
    assert {file.name for file in folder.rglob("*") if file.is_file()} == {"mine"}
    (folder / "z.onnx").rmdir()
    for name in ("a.json", "code/b.py"):
        (made / name).write_text(name)
    move_files(made, folder)
    assert {file.name for file in folder.rglob("*") if file.is_file()} == {"mine", "a.json", "b.py", "z.onnx"}


def fixed_length(model, kind):
    """The model, but for the steps after the seventh, as if the exporter had kept a loop of 7 steps."""
    from harness.backends.pytorch.exporting.stand_ins import followed

    encoder = followed(model, kind).encoder
    original = encoder.forward
    encoder.forward = lambda x_BLD, mask_BL: original(x_BLD, mask_BL & (mask_BL.cumsum(1) <= 7))
    return model


def test_a_run_that_is_not_there_is_named(command):
    missing = command("export", "best:nothing", "--format", "onnx")
    assert missing.code == 2
    assert missing.err.startswith("best:nothing: no run below outputs/runs is of the experiment 'nothing'")
