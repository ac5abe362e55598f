"""What is known of one metric; the table of all of them is in ``metrics``."""

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["quality", "speed", "latency", "memory", "cost", "profile"]


@dataclass(frozen=True)
class Metric:
    """The properties of a metric.

    - ``higher_is_better``: None if neither direction is better; such a metric is never ranked.
    - ``short_name``: the name in tables; without it, tables use the full name.
    - ``column``: the place in the tables of a comparison, the smallest number first. A metric without one appears only
      among all numbers. ``run_column``: the same for the terminal's table of several runs, which is narrower.
    - ``headline``: one of the numbers that the terminal shows after a single run, where ``--all`` shows all.
    - ``exact``: counted, not measured, so that one seed is enough.
    - ``of_all_runs``: a variant has a mean only if all its finished runs have the metric; those without it did worst.
    - ``bounds``: the smallest and the largest possible value.
    - ``gated``: the regression gate checks it.
    - ``decides``: the best variant is chosen by the metric with the smallest number that all variants have.
    - ``in_points``: its differences are said in points, hundredths of its unit; those of others, in per cent.
    - ``served``: measured on the exported model, and ranked only among runs with one version of ONNX Runtime and of
      the tokenizers library.
    - ``difference_format``: the format of a difference of a quality, which is given in the metric's own unit.
    """

    unit: str
    higher_is_better: bool | None
    definition: str
    kind: Kind
    short_name: str = ""
    column: int | None = None
    run_column: int | None = None
    headline: bool = False
    exact: bool = False
    of_all_runs: bool = False
    bounds: tuple[float, float] = (0.0, math.inf)
    gated: bool = False
    decides: int | None = None
    in_points: bool = False
    served: bool = False
    difference_format: str = ".3f"

    @property
    def timed(self) -> bool:
        """Whether other processes on the machine influence it."""
        return self.kind in ("speed", "latency")

    @property
    def of_hardware(self) -> bool:
        """Whether it is ranked only among the variants of one hardware group."""
        return self.kind in ("speed", "latency", "memory")


SHARE = (0.0, 1.0)
"""The bounds of a share, such as an accuracy."""
ANY = (-math.inf, math.inf)
