"""The part of a record that describes the data."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class DataSummary:
    """The data of a run. ``unseen`` are the labels that only validation or test has: no output stands for them.

    ``label_scale`` is the mean and the standard deviation by which a regression standardises its labels in training;
    null: it does not. ``notes`` are further facts from the loader, such as counts of repeated texts. ``rows_hash`` is
    that of texts, labels and splits before any tokenizer reads them; null: the loader reads no texts. ``chance`` is the
    level of chance: by metric, the score on validation and on test of one constant answer (``harness.data.chance``); it
    is empty in transcription, and where an earlier version prepared the data.
    """

    source: str
    hash: str
    task: str
    sizes: dict[str, int] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
    vocabulary_size: int = 0
    max_length: int = 0
    tolerance: float | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)
    label_scale: list[float] | None = None
    rows_hash: str | None = None
    chance: dict[str, float] = field(default_factory=dict)

    @property
    def rows(self) -> str:
        """What tells the rows from others, whichever tokenizer reads them; where that is not known, the data's hash."""
        return self.rows_hash or self.hash
