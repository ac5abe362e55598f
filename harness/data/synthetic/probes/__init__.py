"""Probes: synthetic data, each of which tests one ability of an encoder.

``docs/PROBES.md`` describes what each tests and which encoders are expected to solve it. The generator's seed is a
setting of the data: the seed of a run changes the training, never the data.
"""

from harness.data.synthetic.probes.brackets import dyck
from harness.data.synthetic.probes.counting import adding, majority, parity
from harness.data.synthetic.probes.frames import transcription
from harness.data.synthetic.probes.memory import copying, selective_copying
from harness.data.synthetic.probes.nested import listops
from harness.data.synthetic.probes.recall import associative_recall

__all__ = [
    "adding", "associative_recall", "copying", "dyck", "listops", "majority", "parity", "selective_copying",
    "transcription",
]  # fmt: skip
