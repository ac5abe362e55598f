"""Exports the model of a run: its backend writes a file, which is proven before it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.backends.base import Backend
from harness.backends.trained import TrainedModel
from harness.config.schema import HardwareConfig
from harness.data import Dataset, Split, open_prepared
from harness.data.examples import load_examples
from harness.data.prepared_of_run import prepared_of_run
from harness.errors import UserError
from harness.runner.export.bundle import ABOUT, PREDICT, TOKENIZER, as_served, write_bundle
from harness.runner.export.onnx_session import check_installed, open_onnx
from harness.runner.export.proof import BEYOND, proof_rows, prove
from harness.runner.export.reading_proof import prove_reading

MLFLOW = "mlflow"
"""The format that is a folder, and no graph of a backend: the run's model as an MLflow model."""
FILES = {"onnx": "model.onnx", "torch": "model.pt2", "keras": "model.keras"}
"""The file of each format in its folder."""
PLAIN = HardwareConfig(accelerator="cpu", devices=1, nodes=1, precision="32", threads=None)
"""What exported models are built for."""


@dataclass
class ExportedRun:
    """A file that was proven: where it is, the run's model, the largest difference, and what was compared.

    ``prepared`` is the folder with the run's prepared data, whose rows were compared; None: random ones were, because
    the data are gone, or an MLflow model was proven.
    """

    file: Path
    model: TrainedModel
    difference: float
    lengths: list[int]
    prepared: Path | None = None


def export_run(run: Path, kind: str, folder: Path) -> ExportedRun:
    """Write the model of a run's best epoch into a folder: for the processor, in float32, whatever the run used.

    An MLflow model needs the harness, and computes as the run does.

    Raises:
        UserError: the run has no model, its backend has no such format, a part of the model cannot be exported, or the
            file gives other outputs than the run; then no file is left.
    """
    if kind == MLFLOW:
        from harness.runner.export.mlflow_model import export_mlflow  # here: measure.serve does without MLflow

        exported_run, difference, lengths = export_mlflow(run, folder)
        return ExportedRun(folder, exported_run, difference, lengths)
    if kind == "onnx":
        check_installed()
    model = TrainedModel(run, PLAIN)
    if kind not in model.backend.exports:
        has = " or ".join([*filter(None, [", ".join(model.backend.exports)]), MLFLOW])
        raise UserError(
            f"--format {kind}: this run was trained by backend={model.record.config['backend']['name']}, whose models "
            f"are exported as {has}; take that --format, or name a run of another backend"
        )
    prepared = prepared_of_run(model.record)
    real = None if prepared is None else real_rows(prepared, model.data)
    rows = proof_rows(model.data, real, model.longest or model.data.max_length + BEYOND)
    if not _can_read(model, rows):
        rows = proof_rows(model.data, real)
    examples = None if prepared is None else load_examples(prepared)
    make_folder(folder, [FILES[kind], *((ABOUT, TOKENIZER, PREDICT) if kind == "onnx" else ())])
    try:
        with TemporaryDirectory(prefix="unproven_", dir=folder, ignore_cleanup_errors=True) as temporary:
            made = Path(temporary)  # a refusal leaves nothing of it, and an earlier export as it was
            difference = write_proven(model.backend, kind, made / FILES[kind], model.data, rows)
            if kind == "onnx":
                data = as_served(model.data, model.longest)
                write_bundle(made, data, model.task, model.longest, model.record)
                prove_reading(made, data, examples or [])
            move_files(made, folder)
    except UserError as error:
        raise UserError(f"{model.record.label} was not exported: {error}") from error
    except OSError as error:
        why = error.strerror or error
        raise UserError(f"--out {folder} cannot be written ({why}); make room there, or name another folder") from None
    return ExportedRun(folder / FILES[kind], model, difference, rows.length_N.tolist(), prepared)


def make_folder(folder: Path, names: Sequence[str]) -> None:
    """Make the folder of an export, in which these names will be files.

    Raises:
        UserError: it cannot be made, or one of the names is a folder there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {folder} cannot be a folder ({error.strerror}); name another") from None
    for name in names:
        if (folder / name).is_dir():
            raise UserError(f"--out {folder} has a folder {name}, where a file is to be; remove it, or name another")


def move_files(made: Path, folder: Path) -> None:
    """Move all files of one folder to another on the same disk, in place of earlier ones: all, or none is left there.

    Raises:
        OSError: one cannot be moved.
    """
    moved: list[Path] = []
    try:
        for file in sorted(one for one in made.rglob("*") if one.is_file()):
            target = folder / file.relative_to(made)
            target.parent.mkdir(exist_ok=True)
            moved.append(file.replace(target))
    except OSError:
        for target in moved:
            target.unlink(missing_ok=True)
        raise


def _can_read(model: TrainedModel, rows: Split) -> bool:
    """Whether a model takes sequences above the longest of its data; a pretrained one has a limit of its own."""
    try:
        model.outputs(rows)
    except Exception:  # whatever the framework raises
        return False
    return True


def real_rows(prepared: Path, data: Dataset) -> Split:
    """The validation split of prepared data, or train if that is empty; with characters where ``data`` has them."""
    found = open_prepared(prepared, characters=data.train.characters is not None)
    return found.validation if len(found.validation.x) else found.train


def write_proven(backend: Backend, kind: str, file: Path, data: Dataset, rows: Split) -> float:
    """Have a backend, built on the processor, write a file; it is kept if it gives the backend's outputs of these rows.

    Returns:
        The largest difference.

    Raises:
        UserError: a part of the model cannot be exported, or the file gives other outputs; then it is not left.
    """
    unproven = file.with_name(f"unproven_{file.name}")
    try:
        backend.export(kind, unproven, rows)
        exported = open_onnx(unproven) if kind == "onnx" else backend.exported(kind, unproven)
        difference = prove(rows, backend.predict(rows), exported, data.task == "regression")
        unproven.replace(file)
        return difference
    finally:
        unproven.unlink(missing_ok=True)
