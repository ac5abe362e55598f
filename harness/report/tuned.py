"""Tuning in words and as a table: what was chosen, what it took, and what fewer trials would have given."""

from collections.abc import Iterator, Sequence

from harness.analysis.tuned import TunedVariant
from harness.records.metrics import short_name

CAPTION = (
    "The best of n trials on validation, expected from the scores of all trials (Dodge et al. 2019); a failed trial "
    "counts as the worst. Every variant is tuned with one seed, and the test split is not read."
)


def heading(tuned: Sequence[TunedVariant]) -> str:
    """The heading of the section about tuning."""
    return f"Tuning: {short_name(tuned[0].tuning.metric)} on validation"


def columns(tuned: Sequence[TunedVariant], narrow: bool = False) -> list[str]:
    """The head of the table; a ``narrow`` one has the expected best of one trial and of all."""
    return ["variant", "chosen", "trials", "seconds", *(f"expected best of {n}" for n in counts(tuned, narrow))]


def table(tuned: Sequence[TunedVariant], narrow: bool = False) -> Iterator[list[str]]:
    """A row for each variant: what was chosen, the trials and their time, and the expected best score."""
    shown = counts(tuned, narrow)
    for one in tuned:
        chosen = ", ".join(f"{key}={value}" for key, value in one.tuning.chosen.items())
        scores = [f"{one.expected[n - 1]:.4g}" if n <= len(one.expected) else "-" for n in shown]
        yield [one.variant.name, chosen, _trials(one), f"{one.tuning.seconds:.0f}", *scores]


def counts(tuned: Sequence[TunedVariant], narrow: bool = False) -> list[int]:
    """The numbers of trials that the table has a column for: 1, 2, 4, ... and the largest number of trials."""
    most = max(len(one.expected) for one in tuned)
    if narrow:
        return sorted({1, most})
    return sorted({most, *(2**power for power in range(most.bit_length()) if 2**power <= most)})


def _trials(one: TunedVariant) -> str:
    """``8 (1 failed, 2 stopped)``: the number of trials, and of those that gave less."""
    failed, stopped = one.tuning.scores.count(None), len(one.tuning.stopped)
    less = [f"{count} {what}" for count, what in ((failed, "failed"), (stopped, "stopped")) if count]
    return f"{one.tuning.trials} ({', '.join(less)})" if less else str(one.tuning.trials)
