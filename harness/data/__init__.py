"""Data as every encoder and both backends see it: three disjoint splits, their hash, and batches of them."""

from harness.data.batches import Batch, Batches
from harness.data.cache import open_prepared, prepare, read_summary
from harness.data.dataset import Dataset, from_sequences
from harness.data.latency import one_sequence
from harness.data.outline import load_outline, save_outline
from harness.data.preparation import load_preparation
from harness.data.preparation_files import copy_preparation
from harness.data.split import Split

__all__ = [
    "Batch", "Batches", "Dataset", "Split", "copy_preparation", "from_sequences", "load_outline", "load_preparation",
    "one_sequence", "open_prepared", "prepare", "read_summary", "save_outline",
]  # fmt: skip
