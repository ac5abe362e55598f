"""``python -m harness selfcheck``: do the numbers mean what they say on this machine?

It makes real runs of encoders whose time and memory are known, on the device that runs use or that ``hardware=`` names,
and exits with code 1 if a definition does not hold.
Expected is the difference between two such encoders: a wait of 20 ms leaves the processor's caches cold for the rest of
a step, and so does a longer wait. The tolerance is 5 % (for memory 10 % or 8 MiB). It is wider on a machine that is not
quiet: by the spread within the run, and by the share of the processors that other processes used.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass

from rich.table import Table
from scipy import stats

from harness import measure
from harness.analysis.disturbances import share_of_others
from harness.analysis.variants import device_of
from harness.config.compose import compose
from harness.errors import UserError
from harness.notices import notify
from harness.records.record import Record
from harness.report.terminal import console
from harness.runner.lifecycle import Request
from harness.runner.run import run

USER_ERROR = 2
SHORT_MS = 20.0
STEP_MS, INFERENCE_MS = 20.0, 35.0
"""How much longer a step and an inference pass of the one encoder take than those of the other, ``SHORT_MS``."""
WEIGHED = ((300, 100), (100, 300))
"""MiB that training and inference hold: each in turn the larger, so that neither can hide in the other's peak."""
BATCH, EVALUATED = 26, 30
PAIRS = 5
TIMER_MICROSECONDS = 50.0
"""More than this a step and the timer would change what it times."""
KNOWN = ("encoder=custom", "encoder._target_=harness.backends.pytorch.known_cost.KnownCost")
CHECKED = ("auto", "cpu", "cpu_bf16", "gpu", "gpu_bf16", "mps")
"""The choices of ``hardware=``, without those of several processes, whose throughputs add up."""
MEASURED_TWICE = ("encoder=lstm", "trainer.epochs=4")
QUICK = (
    *("tracking=none", "hardware.threads=1", "rerun=true", "data=synthetic_features"),
    # 650 sequences to train on and 150 to validate on: every batch is full
    *("data.sequences=1000", f"trainer.batch_size={BATCH}", f"trainer.eval_batch_size={EVALUATED}", "trainer.epochs=2"),
    *("measure.latency_seconds=0.1", "measure.inference_seconds=0.1", "measure.inference_batches=5"),
)


@dataclass(frozen=True)
class Finding:
    """A definition, the expected value, the measured value, and whether they agree."""

    what: str
    expected: str
    measured: str
    holds: bool


def main(arguments: list[str] | None = None) -> int:
    """Check and print a table; returns 0 where everything holds, 1 where something does not."""
    parser = argparse.ArgumentParser(
        prog="python -m harness selfcheck",
        description="Check on this machine that the numbers mean what they say, with encoders whose time and memory "
        "are known; takes two minutes.",
    )
    choices = f"the device to check, one of {', '.join(CHECKED)}; default: auto, the one that runs use"
    parser.add_argument("hardware", nargs="?", default="hardware=auto", metavar="hardware=NAME", help=choices)
    try:
        return _check(_hardware(parser.parse_args(arguments).hardware))
    except UserError as error:
        notify(error)
        return USER_ERROR


def _hardware(argument: str) -> str:
    key, _, name = argument.partition("=")
    if key != "hardware" or name not in CHECKED:
        raise UserError(f"selfcheck takes hardware=NAME alone, one of {', '.join(CHECKED)}; it was given {argument}")
    return name


def _check(hardware: str) -> int:
    """Check on this hardware and print a table; returns the exit code."""
    out = console()
    table = Table(title="self-check", title_justify="left", box=None, pad_edge=False)
    for heading in ("definition", "expected", "measured", "verdict"):
        table.add_column(heading, overflow="fold")
    started, holds = time.time(), True
    with tempfile.TemporaryDirectory(prefix="harness-selfcheck-") as folder:
        for finding in findings(folder, hardware):
            holds &= finding.holds
            verdict = "[green]holds[/]" if finding.holds else "[red]does not hold[/]"
            table.add_row(finding.what, finding.expected, finding.measured, verdict)
    out.print(table)
    out.print(f"took {time.time() - started:.0f} s")
    return 0 if holds else 1


def findings(folder: str, hardware: str) -> Iterator[Finding]:
    """All findings on this hardware, of runs below a folder."""
    yield timer_cost()
    known = (*KNOWN, f"hardware={hardware}")
    shortly = (f"+encoder.train_ms={SHORT_MS}", f"+encoder.inference_ms={SHORT_MS}")
    short = _run(folder, *known, *shortly)
    yield Finding("device", f"hardware={hardware}", device_of(short), True)
    train_ms, inference_ms = SHORT_MS + STEP_MS, SHORT_MS + INFERENCE_MS
    slow = _run(folder, *known, f"+encoder.train_ms={train_ms}", f"+encoder.inference_ms={inference_ms}")
    yield from times(slow, short)
    weighed = []
    for train, inference in WEIGHED:
        mib = (f"+encoder.train_mib={train}", f"+encoder.inference_mib={inference}")
        weighed.append(_run(folder, *known, *shortly, *mib))
        yield from memory(weighed[-1], short, train, inference)
    pairs = []
    for pair in range(PAIRS):
        # what drifts meanwhile touches both alike: one pair begins with the one, the next with the other
        both = [_run(folder, *MEASURED_TWICE, f"hardware={hardware}", f"seed={pair}") for _ in range(2)]
        pairs.append(both if pair % 2 else both[::-1])
    yield from measured_twice(pairs)
    done = [short, slow, *weighed, *(record for both in pairs for record in both)]
    share = max(map(share_of_others, done))
    yield Finding("time of the hardware that others took meanwhile", "little: it widens the ±", f"{share:.0%}", True)


def _run(folder: str, *overrides: str) -> Record:
    config = compose(*QUICK, *overrides, f"output_dir={folder}")
    record = run(Request(config, f"{config.choices.encoder}/seed={config.seed}", time.time()))
    if record.status != "finished":
        raise UserError(f"the self-check's own run failed: {record.reason}")
    return record


def timer_cost(steps: int = 20_000) -> Finding:
    """What marking a step costs, next to steps of milliseconds."""
    timer = measure.StepTimer(time.perf_counter, lambda: None, warmup_steps=0)
    start = time.perf_counter()
    for _ in range(steps):
        timer.step_begins()
        timer.step_ends(1, 1)
    cost = (time.perf_counter() - start) / steps * 1e6
    limit = f"< {TIMER_MICROSECONDS:.0f} us"
    return Finding("timer's own cost a step", limit, f"{cost:.2f} us", cost < TIMER_MICROSECONDS)


def times(slow: Record, short: Record) -> Iterator[Finding]:
    """A step of known time; evaluation, which takes longer, is in none of a step's numbers."""
    found, less = slow.metrics, short.metrics
    share = max(0.05, share_of_others(slow), share_of_others(short))
    for what, expected, stem in (
        ("step, over one of 20 ms", STEP_MS, "speed/train_step_ms_"),
        ("inference of a batch, over one of 20 ms", INFERENCE_MS, "speed/inference_batch_ms_"),
        ("latency, over one of 20 ms", INFERENCE_MS, "latency/"),
    ):
        p50, p95 = (f"{stem}p50", f"{stem}p95") if stem != "latency/" else ("latency/p50_ms", "latency/p95_ms")
        spread = max(1.0, found[p95] - found[p50], less[p95] - less[p50])
        yield _near(what, expected, found[p50] - less[p50], "ms", max(share * expected, spread))
    for what, size, phase in (
        ("sequences a second, of batch / step", BATCH, "train_step"),
        ("inference sequences a second, of batch / pass", EVALUATED, "inference_batch"),
    ):
        median, high = found[f"speed/{phase}_ms_p50"], found[f"speed/{phase}_ms_p95"]
        wanted = size / median * 1000
        rate = found[f"speed/{phase.split('_')[0]}_sequences_per_second"]
        yield _near(what, wanted, rate, "1/s", wanted * max(share, high / median - 1))
    tokens = found["speed/train_sequences_per_second"] * slow.data.max_length
    yield _near("tokens a second, of sequences", tokens, found["speed/train_tokens_per_second"], "1/s", 1e-6 * tokens)


def memory(large: Record, none: Record, train: int, inference: int) -> Iterator[Finding]:
    """What each phase allocates is that phase's and no other's, in the memory of the device."""
    kind = "device" if on_accelerator(large) else "host"
    for phase, expected in (("train", train), ("inference", inference)):
        name = f"memory/{kind}_{phase}_peak_mib"
        if name not in large.metrics:
            why = "this device" if kind == "device" else "this system"
            yield Finding(f"memory of {phase}", f"{expected} MiB", f"absent: {why} keeps no peak to reset", True)
            continue
        more = large.metrics[name] - none.metrics[name]
        what = f"{kind} memory of {phase}, over one that holds nothing"
        yield _near(what, expected, more, "MiB", max(0.1 * expected, 8))


def measured_twice(pairs: list[list[Record]]) -> Iterator[Finding]:
    """One config measured twice: equal in accuracy, and in speed as far as the noise goes.

    The kernels of an accelerator add in an order that varies, so that there accuracy is equal but for noise too.
    """
    apart = [one.metrics["test/accuracy"] - two.metrics["test/accuracy"] for one, two in pairs]
    mean, half = interval(apart) if on_accelerator(pairs[0][0]) else (max(map(abs, apart)), 0.0)
    expected = f"difference 0 ± {half:.3g} (99 %)" if half else "difference 0"
    yield Finding(f"A/A, accuracy of {len(pairs)} pairs", expected, f"difference {mean:.3g}", abs(mean) <= half)
    for name, title in (("speed/train_tokens_per_second", "training speed"), ("latency/p50_ms", "latency")):
        ratios = [one.metrics[name] / two.metrics[name] - 1 for one, two in pairs]
        mean, half = interval(ratios)
        yield Finding(
            f"A/A, {title} of {len(pairs)} pairs",
            f"no difference within ±{half:.1%} (99 %)",
            f"{mean:+.1%}",
            abs(mean) <= half,
        )


def on_accelerator(record: Record) -> bool:
    """Whether a run used another device than the processor."""
    return record.environment.hardware.accelerator != "cpu"


def interval(differences: list[float], level: float = 0.99) -> tuple[float, float]:
    """Mean of paired differences, and half the width of its interval by Student's t."""
    mean = sum(differences) / len(differences)
    half = stats.sem(differences) * stats.t.ppf((1 + level) / 2, len(differences) - 1)
    return mean, float(half)


def _near(what: str, expected: float, measured: float, unit: str, allowed: float) -> Finding:
    within = abs(measured - expected) <= allowed
    return Finding(what, f"{expected:,.4g} ± {allowed:.2g} {unit}", f"{measured:,.4g} {unit}", within)

