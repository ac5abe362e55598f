"""What a user requires of an encoder: ``latency/p50_ms<5``, a metric with a bound, in the unit of the metric."""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from operator import ge, gt, le, lt

from harness.errors import UserError
from harness.records.metric import SHARE
from harness.records.metrics import COLUMNS, FITTED, METRICS, known, split_of

OPERATORS: dict[str, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
EXAMPLE = "latency/p50_ms<5"
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
NAMES = [name for name, metric in METRICS.items() if metric.kind != "profile"]
"""The metrics that a run has, and so those that may be required of it."""
LAST_PARTS = {
    name.partition("/")[2]: name for name in NAMES if split_of(name) not in FITTED and not METRICS[name].served
}
"""``p50_ms`` and ``accuracy`` stand for ``latency/p50_ms`` and ``test/accuracy``: the part after the slash will do. Of
an exported model it will not, which has the same parts twice."""


@dataclass(frozen=True)
class Requirement:
    """A bound on a metric; ``operator`` is a key of OPERATORS, ``bound`` is in the unit of the metric."""

    metric: str
    operator: str
    bound: float

    def __str__(self) -> str:
        return f"{self.metric}{self.operator}{self.bound:.12g}"

    def is_met_by(self, value: float) -> bool:
        """Whether a value of the metric is within the bound."""
        return OPERATORS[self.operator](value, self.bound)

    def missed_by(self, value: float) -> float:
        """How far a value is beyond the bound: 0 if it meets it, else the distance as a share of the larger of the two.

        Twice and half of a bound are equally far from it, so that requirements of both directions can be compared.
        """
        if self.is_met_by(value):
            return 0.0
        scale = max(abs(value), abs(self.bound))
        return abs(value - self.bound) / scale if scale else 0.0


def parse(text: str) -> Requirement:
    """The requirement in a text such as ``latency/p50_ms<5``.

    Raises:
        UserError: it is no metric with an operator and a number, or no run can meet it as it is meant.
    """
    found = re.fullmatch(r"\s*([^<>=\s][^<>=]*?)\s*(<=|>=|<|>)\s*([^<>=]*?)\s*", text)
    if not found:
        form = "a metric, one of < <= > >=, and a number"
        raise UserError(f"{text!r} is no requirement; write {form}, such as {EXAMPLE}")
    name, operator, amount = found.groups()
    metric = _metric(name, text)
    if not re.fullmatch(NUMBER, amount) or not math.isfinite(float(amount)):
        unit = known(metric).unit
        what = f"a number of {unit}, without the unit and" if unit else "a number"
        example = f"{metric}{operator}0.5"
        raise UserError(f"{text!r} must end with {what} without marks between thousands, such as {example}")
    requirement = Requirement(metric, operator, float(amount))
    _refuse_pointless(requirement)
    return requirement


def parse_all(texts: Iterable[str]) -> list[Requirement]:
    """The requirements in several texts, each once.

    Raises:
        UserError: a text is no requirement.
    """
    return list(dict.fromkeys(map(parse, texts)))


def _metric(name: str, text: str) -> str:
    """The full name of a metric that a user named.

    Raises:
        UserError: there is none; the sentence has the nearest.
    """
    if name in NAMES:
        return name
    if name in LAST_PARTS:
        return LAST_PARTS[name]
    spellings = {**{METRICS[full].short_name: full for full in reversed(LAST_PARTS.values())}, **LAST_PARTS}
    spellings |= {full: full for full in NAMES}
    near = get_close_matches(name.lower(), spellings, n=1, cutoff=0.7)
    candidates = [spellings[near[0]]] if near else [full for full in (*COLUMNS, *NAMES) if name.lower() in full]
    advice = f"did you mean {candidates[0]}?" if candidates else f"the metrics of the tables are {', '.join(COLUMNS)}"
    raise UserError(f"{text!r} requires something of {name}, which is no metric; {advice}")


def _refuse_pointless(requirement: Requirement) -> None:
    """Refuse a bound in per cent, which a share never reaches, and a bound that only worse values meet.

    Raises:
        UserError: one sentence with what to write instead.
    """
    metric, bound = requirement.metric, requirement.bound
    definition = known(metric)
    low, high = definition.bounds
    if definition.bounds == SHARE and not low <= bound <= high:
        raise UserError(f"{requirement} is outside 0 to 1: {metric} is a share, so write 0.9 for 90 %")
    better = requirement.operator[0] == (">" if definition.higher_is_better else "<")
    if definition.higher_is_better is not None and not better:
        turned = {"<": ">", ">": "<"}[requirement.operator[0]] + requirement.operator[1:]
        direction = "higher" if definition.higher_is_better else "lower"
        raise UserError(f"{requirement} asks for worse: of {metric}, {direction} is better; did you mean {turned}?")
