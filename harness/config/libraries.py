"""What is known of each backend without its framework; a module of its own, because the command line reads it first."""

LIBRARY = {"pytorch": "torch", "tensorflow": "tensorflow", "sklearn": "sklearn"}
"""The module that each backend needs; tensorflow comes with the extra of the backend's name."""

COMPUTING_PACKAGES = {
    "pytorch": ("torch", "pytorch-lightning"),
    "tensorflow": ("tensorflow", "keras"),
    "sklearn": ("scikit-learn", "scipy"),
}
"""The packages that each backend computes with; beside them only Python and numpy decide a result."""

ON_PROCESSOR = ("sklearn",)
"""Backends that compute on the processor alone, whatever accelerators there are."""
PRETRAINED_PACKAGES = ("transformers",)
"""What ``encoder=pretrained`` computes with as well."""
SERVING_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
"""What ``measure.serve=true`` needs; they come with the extra ``export``."""
NOT_READ = {
    "sklearn": (
        *("input", "position", "pooling", "head", "optimizer"),
        *("trainer.epochs", "trainer.batch_size", "trainer.bucket", "trainer.patience"),
        *("trainer.clip_norm", "trainer.compile"),
    ),
}
"""The parts and keys of the config that a backend does not read.

They decide nothing in its runs: they are no part of a fingerprint, of a variant or of its name, and nothing tunes them.
A command may set them, because in a sweep other backends read them; such a run says that it does not.
"""


def not_read(backend: str) -> tuple[str, ...]:
    """The parts and keys of the config that a backend does not read."""
    return NOT_READ.get(backend, ())


def is_read(backend: str, key: str) -> bool:
    """Whether a backend reads a key of the config."""
    return not any(f"{key}.".startswith(f"{part}.") for part in not_read(backend))
