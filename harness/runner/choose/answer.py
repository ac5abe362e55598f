"""What ``choose`` says besides the verdicts: how it ended, what is left out, what more it would take, its time."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from harness.analysis.listed import in_a_row
from harness.runner.choose.plan import Contender, Ending, Plan, Run


def duration(seconds: float) -> str:
    """A time for a reader: ``42 s``, ``3.5 min``, ``2.1 h``."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.0f} s"


OPTIMISTIC = (
    "The test split chose among the candidates, so the mean of the chosen one is a little too high: only other data "
    "tell how good it is."
)


def how_it_ended(plan: Plan, ending: Ending | None, contenders: Sequence[Contender] = ()) -> str:
    """Why no more runs follow; None: the command was stopped."""
    if ending is None:
        return "Stopped before all was decided; the same command resumes."
    if ending.reason == "decided":
        still_open = any(one.going and one.standing and one.standing.verdict == "open" for one in contenders)
        return "All that more seeds can decide is decided." if still_open else "All is decided."
    if ending.reason == "looks":
        return f"Undecided after {plan.looks[-1]} seeds, the last number that was planned (looks)."
    if ending.reason == "no candidate":
        return "No candidate is left."
    takes = f", about {duration(ending.seconds)}" if ending.seconds else ""
    missing = (
        f"Missing: {counted(len(ending.waiting), 'run')}{takes}: {_named(ending.waiting)}. With a larger budget, the "
        "same command resumes and repeats no finished run."
    )
    if ending.reason == "too small":
        return (
            f"The budget of {duration(plan.budget)} is too small for {plan.looks[0]} seeds of all candidates, so there "
            f"is no verdict. {missing}"
        )
    return f"The budget of {duration(plan.budget)} is spent. {missing}"


def tuning(plan: Plan, trials: int, fewer: Mapping[str, int] | None = None) -> str:
    """How many trials each candidate got, and why they were fewer than asked for.

    ``fewer`` are the trials of candidates that lack a key of the space, so that they have less to try.
    """
    lacking = in_a_row([f"{name} {count or 'none'}" for name, count in (fewer or {}).items()])
    lacking = f" Fewer have those that lack a key of tune.space: {lacking}." if lacking and trials else ""
    if plan.trials < 2:
        return "Nothing was tuned."
    if trials == plan.trials:
        return f"Each candidate was tuned by {trials} trials, chosen on validation.{lacking}"
    if trials:
        allowed = f"The budget allowed {trials} of {plan.trials} tuning trials of each candidate"
        return f"{allowed}, chosen on validation.{lacking}"
    return (
        f"The budget allowed no tuning: {plan.trials} trials of each candidate were asked for, and as long as the "
        "first ones took, there was time for one at most, which chooses nothing."
    )


def stopped_tuning(plan: Plan, finished: Iterable[Run]) -> str:
    """How far the tuning was when the command was stopped; ``finished`` are the runs of this choice until then."""
    trials = Counter(run.candidate for run in finished if run.stage == "tuning")
    done = f"Stopped in the tuning, with {counted(trials.total(), 'trial')} finished"
    if not trials:
        return f"{done}."
    return f"{done}: at least {min(trials.values())} of {plan.trials} of each of {counted(len(trials), 'candidate')}."


def looked(looks: Sequence[int], level: float) -> str:
    """At which numbers of seeds one looks, and at which level."""
    numbers = ", ".join(map(str, looks))
    if len(looks) == 1:
        return f"One look, at {numbers} seeds, at the level {level:.4f}."
    return f"Looks at {numbers} seeds, each at the level {level:.4f}, so that all looks together keep 5 % (Pocock)."


def time_spent(by_stage: Mapping[str, float], budget: float) -> str:
    """The time by stage, and of what budget."""
    parts = ", ".join(f"{stage} {duration(seconds)}" for stage, seconds in by_stage.items())
    return f"Spent {duration(sum(by_stage.values()))} of {duration(budget)}: {parts}."


def left_out(refused: Mapping[str, str], contenders: Sequence[Contender], failures: Mapping[Run, str]) -> list[str]:
    """A sentence for each candidate that does not fit, could not be tuned, or has failed runs."""
    sentences = []
    for contender in contenders:
        why = [why for run, why in failures.items() if run.candidate == contender.name and run.stage == "seeds"]
        if contender.name in refused:
            sentences.append(f"Left out: {contender.name}: {refused[contender.name]}.")
        elif contender.given_up:
            sentences.append(f"Given up: {contender.name}: {counted(len(why), 'run')} failed: {why[-1]}.")
        elif why:
            sentences.append(f"{contender.name}: {counted(len(why), 'run')} failed, another seed took its place.")
    return sentences


def more_seeds(contenders: Sequence[Contender], seconds_of_run: Mapping[str, float]) -> list[str]:
    """What it would take to decide those that are open: runs of each and of the leader, and their time."""
    going = [one for one in contenders if one.going]
    leader = next((one for one in going if one.standing and one.standing.verdict == "best"), None)
    sentences = []
    for one in going:
        if leader is None or one.standing is None or one.standing.verdict != "open" or not one.standing.seeds_needed:
            continue
        runs = {each.name: max(0, one.standing.seeds_needed - len(each.finished)) for each in (one, leader)}
        seconds = sum(count * seconds_of_run.get(name, 0.0) for name, count in runs.items())
        counts = [f"{counted(count, 'run')} of {name}" for name, count in runs.items() if count]
        if counts:
            sentences.append(f"To decide {one.name}: about {duration(seconds)} for {' and '.join(counts)}.")
    return sentences


def _named(runs: Sequence[Run]) -> str:
    """Runs by candidate: ``lstm (seeds 4, 5); gru (seed 4)``."""
    by_candidate: dict[str, list[int]] = {}
    for run in runs:
        by_candidate.setdefault(run.candidate, []).append(run.number)
    return in_a_row(
        [f"{name} (seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))})" for name, seeds in by_candidate.items()]
    )


def counted(count: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{count} {noun}{'s' * (count != 1)}"
