"""Exports the model of a run: its backend writes a file, which is proven before it is kept."""

from dataclasses import dataclass
from pathlib import Path

from harness.backends.trained import TrainedModel
from harness.config.schema import HardwareConfig
from harness.errors import UserError
from harness.runner.export.onnx_session import open_onnx
from harness.runner.export.proof import proof_rows, prove

FILES = {"onnx": "model.onnx", "torch": "model.pt2", "keras": "model.keras"}
"""The file of each format in its folder."""


PLAIN = HardwareConfig(accelerator="cpu", devices=1, nodes=1, precision="32", threads=None)
"""What exported models are built for."""


@dataclass
class ExportedRun:
    """A file that was proven: where it is, the run's model, the largest difference, and the lengths compared."""

    file: Path
    model: TrainedModel
    difference: float
    lengths: list[int]


def export_run(run: Path, kind: str, folder: Path) -> ExportedRun:
    """Write the model of a run's best epoch into a folder: for the processor, in float32, whatever the run used.

    Raises:
        UserError: the run has no model, its backend has no such format, a part of the model cannot be exported, or the
            file gives other outputs than the run; then no file is left.
    """
    model = TrainedModel(run, PLAIN)
    if kind not in model.backend.exports:
        has = " or ".join(model.backend.exports) or "nothing"
        raise UserError(
            f"--format {kind}: this run was trained by backend={model.record.config['backend']['name']}, which exports "
            f"{has}"
        )
    rows = proof_rows(model.data)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILES[kind]
    unproven = file.with_name(f"unproven_{file.name}")
    try:
        model.backend.export(kind, unproven, rows)
        exported = open_onnx(unproven) if kind == "onnx" else model.backend.exported(kind, unproven)
        difference = prove(rows, model.outputs(rows), exported, model.data.task == "regression")
        unproven.replace(file)
    except UserError as error:
        raise UserError(f"{model.record.label} was not exported: {error}") from error
    finally:
        unproven.unlink(missing_ok=True)
    return ExportedRun(file, model, difference, rows.length_N.tolist())
