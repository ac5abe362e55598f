"""The library that each backend needs; a module of its own, because the command line reads it before anything heavy."""

LIBRARY = {"pytorch": "torch", "tensorflow": "tensorflow"}
"""The module that each backend needs; tensorflow comes with the extra of the backend's name."""

COMPUTING_PACKAGES = {"pytorch": ("torch", "pytorch-lightning"), "tensorflow": ("tensorflow", "keras")}
"""The packages that each backend computes with; beside them only Python and numpy decide a result."""

PRETRAINED_PACKAGES = ("transformers",)
"""What ``encoder=pretrained`` computes with as well."""
SERVING_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
"""What ``measure.serve=true`` needs; they come with the extra ``export``."""
