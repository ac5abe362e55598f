"""Loads TensorFlow without its start-up messages, and sets device, threads and precision of a process.

Loading runs no operation and touches no device, so that a process that has loaded TensorFlow can be forked.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from harness.errors import UserError
from harness.records.record import Hardware


@contextmanager
def without_messages() -> Iterator[None]:
    """Hide the messages of TensorFlow's C++ code.

    Early messages ignore every log level, so the file descriptor of stderr is redirected. Exceptions still get through.
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
with without_messages():
    import keras
    import tensorflow as tf

PRECISION = {"32": "float32", "bf16": "mixed_bfloat16"}


def check(hardware: Hardware) -> None:
    """Refuse hardware that this backend does not run on.

    Raises:
        UserError: it is Apple's, or more than one device, or TensorFlow finds no GPU.
    """
    if hardware.accelerator == "mps":
        raise UserError("backend=tensorflow runs on cpu and gpu, not mps; take backend=pytorch or hardware=cpu")
    if (several := hardware.devices * hardware.nodes) != 1:
        raise UserError(f"backend=tensorflow trains on one device, not {several}; take backend=pytorch")
    if hardware.accelerator == "gpu" and not tf.config.list_physical_devices("GPU"):
        raise UserError(
            "backend=tensorflow finds no GPU that it can use; in the harness's folder, "
            "pip install '.[tensorflow-gpu]', or take hardware=cpu"
        )


def start(hardware: Hardware) -> None:
    """Set device, threads and precision; call it before the first operation of the process."""
    threads = hardware.threads
    with without_messages():
        if tf.config.threading.get_intra_op_parallelism_threads() != threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
        if tf.config.threading.get_inter_op_parallelism_threads() != threads:
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        devices = tf.config.list_physical_devices("GPU") if hardware.accelerator == "gpu" else []
        used = devices[: hardware.devices]  # TensorFlow would start, and take memory, on all that it sees
        tf.config.set_visible_devices(used, "GPU")
        for device in used:
            tf.config.experimental.set_memory_growth(device, True)
        tf.config.list_logical_devices()  # this starts the runtime
    # products of float32 stay in float32, as in the other backend
    tf.config.experimental.enable_tensor_float_32_execution(False)
    keras.config.set_dtype_policy(PRECISION[hardware.precision])


def warm_up(device: str) -> None:
    """Load the kernels of products and of recurrent layers on this device; their code belongs to no model's memory."""
    with tf.device(device):
        x_BLD = tf.matmul(tf.ones([1, 2, 8]), tf.eye(8))
        keras.layers.LSTM(8, name="warm_up", dtype="float32")(x_BLD)
