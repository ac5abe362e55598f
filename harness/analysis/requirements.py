"""Which variants meet what the user requires, and, where none does, which is the nearest.

A variant meets a requirement by its mean over seeds, not by an end of its interval: the bound is the user's, and how
far beyond it a single run may fall depends on the number of seeds. ``harness.config.requirement`` reads requirements.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.analysis.intervals import Mean
from harness.analysis.variants import Variant
from harness.config.requirement import Requirement
from harness.records.metrics import known, number

Outcome = Literal["met", "not met", "not measured"]


def check(means: Mapping[str, Mean], requirement: Requirement) -> Outcome:
    """Whether a variant with these means, by metric, meets a requirement."""
    mean = means.get(requirement.metric)
    if mean is None:
        return "not measured"
    return "met" if requirement.is_met_by(mean.mean) else "not met"


@dataclass(frozen=True, eq=False)
class Sifted:
    """Variants, sorted by whether they meet all of the ``requirements``.

    ``excluded`` has, for each variant that does not meet all, the requirements that it misses or was not measured for.
    """

    requirements: list[Requirement]
    meeting: list[Variant]
    excluded: dict[Variant, list[Requirement]]

    @property
    def wanted(self) -> str:
        """The requirements as text."""
        return " and ".join(map(str, self.requirements))

    @property
    def nearest(self) -> Variant | None:
        """Of the excluded variants, the one whose largest miss is the smallest; None if none was measured for all."""
        metrics = [one.metric for one in self.requirements]
        measured = [variant for variant in self.excluded if all(metric in variant.means for metric in metrics)]
        return min(measured, key=self._largest_miss, default=None)

    def _largest_miss(self, variant: Variant) -> float:
        return max(one.missed_by(variant.means[one.metric].mean) for one in self.requirements)

    def none_meets(self) -> str:
        """The sentence for requirements that no variant meets."""
        if self.nearest is None:
            return f"no variant meets {self.wanted}: {self._unmeasured()}"
        return f"no variant meets {self.wanted}: the nearest is {self.nearest.name} with {self.reason(self.nearest)}"

    def _unmeasured(self) -> str:
        """Why no excluded variant has all the metrics."""
        nowhere = [one.metric for one in self.requirements if not any(one.metric in v.means for v in self.excluded)]
        if not nowhere:
            return "none was measured for all of them"
        return f"{' and '.join(nowhere)} {'was' if len(nowhere) == 1 else 'were'} not measured"

    def reason(self, variant: Variant, named: bool = False) -> str:
        """Why a variant is excluded: its means beyond a bound, such as ``7.1 ms``, or what was not measured.

        ``named``: with the names of the metrics, as where there are several requirements.
        """
        if not variant.runs:
            return "no run finished"
        misses = self.excluded[variant]
        named = named or len(self.requirements) > 1
        return " and ".join(_miss(variant, one.metric, named) for one in misses)


def _miss(variant: Variant, metric: str, named: bool) -> str:
    if metric not in variant.means:
        return f"{metric} not measured"
    busy = " on a busy machine" if variant.disturbed and known(metric).timed else ""
    return (f"{metric} " if named else "") + number(metric, float(variant.means[metric].mean)) + busy


def sift(variants: Sequence[Variant], requirements: Sequence[Requirement]) -> Sifted:
    """Sort variants by whether they meet all requirements."""
    misses = {
        variant: [one for one in requirements if check(variant.means, one) != "met"] for variant in variants
    }  # fmt: skip
    meeting = [variant for variant, missed in misses.items() if not missed]
    return Sifted(list(requirements), meeting, {variant: missed for variant, missed in misses.items() if missed})
