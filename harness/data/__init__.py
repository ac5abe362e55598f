"""Data as every encoder and both backends see it: three disjoint splits of padded arrays, and their hash."""

from harness.data.batches import Batch, Batches
from harness.data.cache import open_prepared, prepare, read_summary
from harness.data.dataset import Dataset, Split, from_sequences, one_sequence

__all__ = [
    "Batch", "Batches", "Dataset", "Split", "from_sequences", "one_sequence", "open_prepared", "prepare",
    "read_summary",
]  # fmt: skip
