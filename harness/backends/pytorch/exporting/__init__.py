"""Writes a trained model as a graph that runs without the harness: ONNX, or torch.export's ``.pt2``.

Loading this package loads torch's exporters, which no training needs.
"""

from harness.backends.pytorch.exporting.graph import export, exported

__all__ = ["export", "exported"]
