"""TensorFlow as a process gets it: loaded without chatter, then told its device, threads and precision.

Loading runs no operation and touches no device, so that a process which has loaded it can be forked.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from harness.errors import UserError
from harness.records.record import Hardware


@contextmanager
def hidden_chatter() -> Iterator[None]:
    """Keep off the terminal what TensorFlow's C++ says of its own accord.

    Its messages before its logging is up heed no log level, so the file descriptor itself is turned away. Exceptions
    still come through.
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
with hidden_chatter():
    import keras
    import tensorflow as tf

PRECISION = {"32": "float32", "bf16": "mixed_bfloat16"}


def check(hardware: Hardware) -> None:
    """Refuse hardware that this backend does not run on.

    Raises:
        UserError: it is Apple's, or more than one device.
    """
    if hardware.accelerator == "mps":
        raise UserError("backend=tensorflow runs on cpu and gpu, not mps; take backend=pytorch or hardware=cpu")
    if (several := hardware.devices * hardware.nodes) != 1:
        raise UserError(f"backend=tensorflow trains on one device, not {several}; take backend=pytorch")
    if hardware.accelerator == "gpu" and not tf.config.list_physical_devices("GPU"):
        raise UserError(
            "backend=tensorflow finds no GPU that it can use; pip install 'tensorflow[and-cuda]', or take hardware=cpu"
        )


def start(hardware: Hardware) -> None:
    """Set device, threads and precision; must come before the process's first operation."""
    threads = hardware.threads
    with hidden_chatter():
        if tf.config.threading.get_intra_op_parallelism_threads() != threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
        if tf.config.threading.get_inter_op_parallelism_threads() != threads:
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        devices = tf.config.list_physical_devices("GPU")
        if hardware.accelerator != "gpu":
            tf.config.set_visible_devices([], "GPU")
        for device in devices:
            tf.config.experimental.set_memory_growth(device, True)
        tf.config.list_logical_devices()  # the runtime comes up here
    # the other backend multiplies float32 in float32, and so does this one
    tf.config.experimental.enable_tensor_float_32_execution(False)
    keras.config.set_dtype_policy(PRECISION[hardware.precision])
