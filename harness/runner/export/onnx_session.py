"""An ONNX file, opened by ONNX Runtime on the processor."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from harness.backends.exported import OUTPUT, Exported, Inputs
from harness.errors import UserError

NEEDED = ("onnx", "onnxscript", "onnxruntime")


def check_installed() -> None:
    """Refuse to write ONNX where a package for it is absent.

    Raises:
        UserError: it names the package, and how it is installed.
    """
    for name in NEEDED:
        if find_spec(name) is None:
            raise UserError(f"--format onnx needs {name}: in the harness's folder, pip install '.[export]'")


def open_onnx(file: Path, threads: int | None = None) -> Exported:
    """The model of an ONNX file; ``threads`` None: as many as ONNX Runtime chooses."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # an error is raised, and need not be printed too
    if threads is not None:
        options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def run(inputs: Inputs) -> np.ndarray:
        return session.run([OUTPUT], inputs)[0]

    return run
