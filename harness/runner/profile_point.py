"""One point of a profile, in a process of its own: build the model, then measure time and memory on random tokens.

Dimension letters: B batch, L length.
"""

import re
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from harness import backends, data, measure
from harness.config.schema import Config
from harness.errors import UserError
from harness.measure import environment
from harness.measure.device_users import OtherDeviceUsers
from harness.runner import fork_server
from harness.runner.messages import BuildJob, Built, Message, PointJob, PointNumbers, Refused

Tell = Callable[[Message], None]

OUT_OF_MEMORY = re.compile(r"out of memory|can't allocate|cannot allocate|not enough memory|bad_?alloc|OOM when", re.I)
"""What the frameworks' errors say when an allocation fails; on a CPU none of them has an exception class for it."""

WARM = 64
"""The length, in tokens, at which a small model first loads the kernels: long enough for those that use all threads."""


def build_once(job: BuildJob, tell: Tell) -> None:
    """Build the model at the shortest length and tell its ``cost/`` metrics, or what the user must fix."""
    config = job.config
    try:
        backend = backends.load(config.backend.name)(config, job.hardware)
        backend.build(random_tokens(1, min(config.profile.lengths), config), config.seed)
        tell(Built(backend.parameters(), backend.kernels()))
    except UserError as error:
        tell(Refused(str(error)))


def measure_point(job: PointJob, tell: Tell) -> None:
    """Measure one length and batch size in this process: forward passes first, then forward, loss and backward.

    Each number is sent at once, so that a point whose training pass does not fit still has its forward pass.
    """
    fork_server.prefer_for_out_of_memory_kill()
    try:
        _measure(job, tell)
    except Exception as error:
        if isinstance(error, MemoryError) or OUT_OF_MEMORY.search(str(error)):
            return tell(PointNumbers(status="out_of_memory", reason=_one_line(error)))
        (job.folder / "error.txt").write_text(traceback.format_exc(), encoding="utf8")
        tell(PointNumbers(status="failed", reason=_one_line(error)))


def _measure(job: PointJob, tell: Tell) -> None:
    config, settings, size = job.config, job.config.profile, job.batch_size
    clock = time.perf_counter
    make = backends.load(config.backend.name)
    device_users = OtherDeviceUsers(job.devices, Path(config.cache_dir))
    _load_kernels(make(config, job.hardware), config, size, min(WARM, job.length))
    backend = make(config, job.hardware)
    backend.seed(config.seed)
    memory = measure.PhaseMemory(backend.device_peak, backend.device_reset)
    tokens = random_tokens(size, job.length, config)
    backend.build(tokens, config.seed)
    flops = backend.flops(job.length)
    tell(PointNumbers({} if flops is None else {"flops": flops}))
    _, (shortest,) = backend.passes(random_tokens(1, 1, config).train, [np.arange(1)])
    forward, (batch,) = backend.passes(tokens.train, [np.arange(size)])
    others = environment.OtherProcesses()
    for phase in ("forward", "training"):
        # the training pass is built after the forward passes are done: building it puts the model into training mode
        any_pass = forward if phase == "forward" else backend.training_pass()
        any_pass(shortest)  # a backend that traces its passes does so here
        one_pass = partial(any_pass, batch)
        with measure.freed_is_returned():
            memory.phase_begins()
            allocated = backend.device_peak()  # just reset: what the model and the batch hold before the pass
            one_pass()
            backend.sync()
            memory.phase_ends(phase)
        before = {"host": 0.0, "device": allocated or 0.0}  # the baseline is off the host's peak already
        for kind, name in (("host", f"{phase}_peak_mib"), ("device", f"{phase}_device_peak_mib")):
            if (peak := memory.peaks.get(f"memory/{kind}_{phase}_peak_mib")) is not None:
                tell(PointNumbers({name: peak - before[kind]}))
        seconds = measure.pass_seconds(
            one_pass, clock, backend.sync, settings.passes, settings.seconds, settings.warmup_passes
        )
        p50, p95 = np.percentile(np.array(seconds) * 1000, [50, 95])
        found = {f"{phase}_ms": float(p50), f"{phase}_ms_p95": float(p95), f"{phase}_passes": len(seconds)}
        found[f"tokens_per_second_{phase}"] = size * job.length * len(seconds) / sum(seconds)
        device_users.look()
        tell(PointNumbers({**found, "other_processes_cpu_share": others.share(), **device_users.numbers()}))


def _load_kernels(backend: backends.Backend, config: Config, size: int, length: int) -> None:
    """Run a small model of the same kind once, before the baseline of memory is taken.

    The framework's code that the system loads then, tens of MiB, is no memory of the model.
    """
    tokens = random_tokens(size, length, config)
    backend.seed(config.seed)
    backend.build(tokens, config.seed)
    forward, (batch,) = backend.passes(tokens.train, [np.arange(size)])
    forward(batch)
    backend.training_pass()(batch)
    backend.sync()


def random_tokens(size: int, length: int, config: Config) -> data.Dataset:
    """Random token ids ``x_BL`` of full length with two classes, the same in all three splits."""
    generator, vocabulary = np.random.default_rng(config.seed), config.profile.vocabulary_size
    x_BL = generator.integers(1, vocabulary, (size, length), dtype=np.int32)
    split = data.Split.from_padded(x_BL, np.full(size, length), generator.integers(0, 2, size))
    return data.Dataset(split, split, split, ["0", "1"], [str(number) for number in range(vocabulary)])


def _one_line(error: Exception) -> str:
    return (f"{type(error).__name__}: {error}").splitlines()[0]
