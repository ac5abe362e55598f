"""The level of chance of a comparison group, and which of its variants are shown to be better than it.

The level is what one constant answer scores on the same test split (``harness.data.chance``). It is taken as known, as
the no-information rate of caret's ``confusionMatrix``: a variant is better if the interval of its mean ends above it.
"""

from math import hypot

from harness.analysis.comparability import ComparisonGroup
from harness.analysis.variants import Variant
from harness.records.metrics import known

ROUNDING = 1e-6
"""A mean that differs from the level by no more than this share of it is equal: models answer in single precision."""


def level_of_chance(group: ComparisonGroup, metric: str | None = None) -> float | None:
    """The level of chance in a metric, by default in the group's quality.

    None where no record has it: the task has no such level, or all records are older than it.
    """
    return group.chance.get(metric or group.quality)


def ahead_of_chance(group: ComparisonGroup, variant: Variant) -> float | None:
    """How much better than chance a variant's mean quality is, negative if it is worse; None without level or mean."""
    level, mean = level_of_chance(group), variant.means.get(group.quality)
    if level is None or mean is None:
        return None
    ahead = mean.mean - level if known(group.quality).higher_is_better else level - mean.mean
    return 0.0 if abs(ahead) <= ROUNDING * abs(level) else ahead


def beats_chance(group: ComparisonGroup, variant: Variant) -> bool:
    """Whether a variant is shown to be better than chance in quality; True where that is not known.

    Its mean must be ahead by more than half of its 95 % interval, over seeds and test items together as far as each is
    known. With neither, the mean alone decides.
    """
    ahead = ahead_of_chance(group, variant)
    if ahead is None:
        return True
    mean = variant.means[group.quality]
    return ahead > hypot(mean.half or 0.0, mean.items_half or 0.0)


def at_chance(group: ComparisonGroup) -> list[Variant]:
    """The variants of a group that have a quality and are not shown to beat chance."""
    return [variant for variant in group.variants if not beats_chance(group, variant)]


def nothing_beats_chance(group: ComparisonGroup) -> bool:
    """Whether no variant that may be recommended is shown to beat chance."""
    if level_of_chance(group) is None:
        return False
    candidates = group.sifted.meeting if group.sifted else group.variants
    judged = [variant for variant in candidates if group.quality in variant.means]
    return bool(judged) and not any(beats_chance(group, variant) for variant in judged)
