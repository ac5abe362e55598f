"""How the settings of a run were chosen."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Tuning:
    """The trials that chose the settings of a run, on validation alone and with one seed.

    ``scores`` has the best value of ``metric`` of each trial, in the order of the trials; null: the trial failed.
    ``chosen`` are the settings of the trial with the number ``best``, under dotted keys. ``seconds`` is the time of all
    trials together. ``stopped`` are the numbers of the trials that median stopping ended, ``left_out`` the keys of the
    space that the encoder lacks.
    """

    metric: str
    seed: int
    scores: list[float | None]
    best: int
    chosen: dict[str, Any]
    seconds: float
    stopped: list[int] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def trials(self) -> int:
        """The number of settings that were tried."""
        return len(self.scores)

    @property
    def score(self) -> float:
        """The validation score of the chosen settings."""
        score = self.scores[self.best]
        assert score is not None, "a trial that failed is never chosen"
        return score
