"""The accelerators that this installation of TensorFlow can use."""

from harness.backends.tensorflow.runtime import tf, without_messages
from harness.config.hardware import Usable


def usable() -> Usable:
    """The devices in TensorFlow's order, or why there is none."""
    with without_messages():
        found = tf.config.list_physical_devices("GPU")
        names = [tf.config.experimental.get_device_details(device).get("device_name", "") for device in found]
    if not found:
        why = f"TensorFlow {tf.__version__} finds no GPU or not all of its CUDA libraries"
        return Usable([], f"{why}: in the harness's folder, pip install '.[tensorflow-gpu]'")
    built = tf.sysconfig.get_build_info()
    versions = {name: str(built[f"{name}_version"]) for name in ("cuda", "cudnn") if f"{name}_version" in built}
    return Usable([{"kind": "cuda", "name": name, "uuid": ""} for name in names], "", versions)
