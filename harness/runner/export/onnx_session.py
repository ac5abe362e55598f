"""An ONNX file, opened by ONNX Runtime on the processor."""

from pathlib import Path

import numpy as np

from harness.backends.exported import OUTPUT, Exported, Inputs
from harness.errors import UserError


def open_onnx(file: Path, threads: int | None = None) -> Exported:
    """The model of an ONNX file; ``threads`` None: as many as ONNX Runtime chooses.

    Raises:
        UserError: ONNX Runtime is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise UserError(
            "--format onnx needs onnxruntime: in the harness's folder, pip install '.[export]'"
        ) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # an error is raised, and need not be printed too
    if threads is not None:
        options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def run(inputs: Inputs) -> np.ndarray:
        return session.run([OUTPUT], inputs)[0]

    return run
