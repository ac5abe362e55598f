"""The worker's part of a run, in its own process: fit, evaluate, measure, and tell the parent what came out."""

import math
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness import backends, data, measure
from harness.backends.distributed import node_rank
from harness.backends.history import is_hopeless
from harness.config.schema import Config
from harness.data.batches import plan
from harness.errors import UserError
from harness.measure.device_users import OtherDeviceUsers
from harness.measure.environment import OtherProcesses
from harness.notices import notify
from harness.records import store
from harness.records.metrics import (
    BEST_EPOCH,
    EPOCHS,
    FITTED,
    STARTUP_SECONDS,
    STEPS,
    TRAINING_SECONDS,
    TRIALS,
    split_of,
)
from harness.runner import attention
from harness.runner.export import serving
from harness.runner.messages import Epoch, Measured, Message, Outcome, Refused, TrainJob
from harness.runner.wire import Ready
from harness.tasks.predictions import predictions_of
from harness.tasks.task import Task, task_of

Tell = Callable[[Message | Ready], None]


def train(job: TrainJob, tell: Tell) -> Outcome | None:
    """Train, evaluate and measure in this process; the parent writes the record from the messages.

    Returns how the run ended; None in a process that only shares in the training.
    """
    try:
        return _train(job, tell)
    except UserError as error:  # raised before any training; the parent undoes what it began
        tell(Refused(str(error)))
        return None
    except Exception as error:
        # a further node must not write over what the first one keeps
        if node_rank(job.hardware.nodes) == 0:
            (job.folder / "error.txt").write_text(traceback.format_exc(), encoding="utf8")
        tell(Outcome("failed", f"{type(error).__name__}: {error}".splitlines()[0]))
        raise  # a process that fails ends the others that share the training


def _train(job: TrainJob, tell: Tell) -> Outcome | None:
    config, clock = job.config, time.perf_counter
    dataset = data.open_prepared(job.prepared, config.input.characters is not None, job.vectors)
    is_trial = config.tune.trial is not None  # then the test split is never read
    for split in (dataset.train, dataset.validation, *([] if is_trial else [dataset.test])):
        split.make_resident()  # its pages belong to the baseline of memory, and not to the model that reads them first
    task = task_of(dataset)
    backend = backends.load(config.backend.name)(config, job.hardware)
    # the first process looks for all: to each other the processes of a run would be strangers
    device_users = OtherDeviceUsers(job.devices if backend.rank == 0 else [], Path(config.cache_dir))
    backend.warm_up_device()
    backend.seed(config.seed)
    memory = measure.PhaseMemory(backend.device_peak, backend.device_reset)
    backend.build(dataset, config.seed)

    others = OtherProcesses()

    def ready() -> None:
        nonlocal others
        tell(Ready())
        others = OtherProcesses()  # the parent, which was at work until here, disturbed nothing

    timer = measure.StepTimer(
        clock, backend.sync, config.measure.warmup_steps, memory, config.measure.warmup_seconds,
        on_accelerator=job.hardware.accelerator != "cpu", before_first=ready,
    )  # fmt: skip
    memory.phase_begins()

    def epoch_done(numbers: dict[str, float]) -> None:
        device_users.look()
        tell(Epoch(numbers))

    history, best = backend.fit(dataset, timer, job.folder, epoch_done, job.limits)
    ranks = backend.gather({**timer.metrics(), **memory.metrics(), "own_cpu_seconds": others.own()})
    if backend.rank > 0:
        return None  # the first process of the first node measures and tells

    metrics, outputs = backend.parameters(), None
    inference: dict[str, float] = {}
    if not is_trial:
        outputs, inference = read_test(backend, dataset, config, memory, clock)
        metrics |= evaluate(task, dataset, outputs, job.folder)
    device_users.look()
    data.copy_preparation(job.prepared, job.folder)
    data.save_outline(dataset, job.folder)
    metrics |= fitted(history, best)
    if timer.first_step_at is not None:  # None where all epochs were trained before an interruption
        metrics[STARTUP_SECONDS] = time.time() - (clock() - timer.first_step_at) - job.started
    seconds = [rank.pop("own_cpu_seconds") for rank in ranks]  # those of this node come first
    ranks[0] |= memory.metrics()
    metrics |= {**ranks[0], **inference, **measure.over_ranks(ranks)}
    if config.measure.serve and not is_trial:  # after all else is measured
        metrics |= serving.serve_trained(config, job.folder, job.prepared, dataset, job.hardware.threads, clock)
    share = others.share(ours=sum(seconds[1 : job.hardware.devices]))
    strangers = {"other_processes_cpu_share": share, **device_users.numbers()}
    resumed = len(history) - len(timer.epochs)  # trained before an interruption, not timed
    if outputs is not None:
        # after everything is measured, and before the parent is told: a finished run has its predictions
        predictions_of(dataset, outputs).save(job.folder / store.PREDICTIONS)
    stopped = stopped_epoch(job, history, task)
    tell(Measured(metrics, history, ranks, resumed, strangers, stopped, backend.kernels()))

    if outputs is not None:
        draw_attention(backend, dataset, outputs, job.folder, config.measure.attention_examples)
    return Outcome("finished", epochs=len(history))


def stopped_epoch(job: TrainJob, history: list[dict[str, float]], task: Task) -> int | None:
    """The epoch after which median stopping ended a trial; None where all epochs were trained, or patience ended it."""
    hopeless = is_hopeless(history, task.monitor(job.config.trainer.monitor), job.limits)
    return len(history) if hopeless and len(history) < job.config.trainer.epochs else None


def read_test(
    backend: backends.Backend, dataset: data.Dataset, config: Config, memory: measure.PhaseMemory,
    clock: Callable[[], float],
) -> tuple[np.ndarray, dict[str, float]]:  # fmt: skip
    """The one reading of the test split: the model's outputs for it; and the metrics of inference.

    The phase of memory ends before the scoring, whose arrays belong to no encoder.
    """
    notify("measuring on the test split, then speed and memory")
    memory.phase_begins()
    outputs = backend.predict(dataset.test)
    inference = measure_inference(backend, dataset, config, clock)
    memory.phase_ends("inference")
    return outputs, inference


def fitted(history: list[dict[str, float]], best: int) -> dict[str, float]:
    """What the history says of a finished training: the scores of its best epoch, and what all epochs took."""
    scores = {name: value for name, value in history[best - 1].items() if split_of(name) in FITTED}
    budget = {name: history[-1][name] for name in (STEPS, TRAINING_SECONDS, TRIALS) if name in history[-1]}
    return {**scores, BEST_EPOCH: best, EPOCHS: len(history), **budget}


def evaluate(task: Task, dataset: data.Dataset, outputs: np.ndarray, folder: Path) -> dict[str, float]:
    """The scores on the test split; the confusion counts, where there are any, are left in the run's folder.

    Raises:
        RuntimeError: a score is infinite or not a number.
    """
    if (counts := task.confusion(outputs, dataset.test)) is not None:
        store.write_json(folder / store.CONFUSION, counts)
    scores = task.evaluate([(outputs, dataset.test.labels(), dataset.test.length_N)])
    for name, value in scores.items():
        if not math.isfinite(value):
            raise RuntimeError(
                f"test/{name} is {value}, though training was finite: the outputs overflow on the test split; "
                "a lower optimizer.lr or trainer.clip_norm may help"
            )
    return {f"test/{name}": value for name, value in scores.items()}


def measure_inference(
    backend: backends.Backend, dataset: data.Dataset, config: Config, clock: Callable[[], float]
) -> dict[str, float]:
    """Throughput on batches of validation, the same for every encoder; latency and operations of one sequence.

    Without a validation split, the batches are those of train.
    """
    settings = config.measure
    split = dataset.validation if len(dataset.validation) else dataset.train
    rows = plan(split.length_N, config.trainer.eval_batch_size, seed=0, epoch=0, bucket=True)
    rows = rows[: settings.inference_batches]
    on_host = backend.device_peak() is None
    # a device's peak must hold one batch; on a host, loading between the passes would only disturb its caches
    forward, preloaded = backend.passes(split, rows if on_host else [])
    sized = [(batch, len(some)) for batch, some in zip(preloaded if on_host else rows, rows, strict=True)]

    def load(batch: Any) -> Any:
        return batch if on_host else backend.passes(split, [batch])[1][0]

    found = measure.throughput(forward, sized, clock, backend.sync, settings.inference_seconds, load)

    length = settings.latency_length or dataset.max_length
    one, (sequence,) = backend.passes(data.one_sequence(dataset, length), [np.array([0])])
    found |= measure.latency(
        lambda: one(sequence), clock, backend.sync, settings.latency_passes, settings.latency_seconds
    )
    flops = backend.flops(length)
    return found if flops is None else {**found, "cost/forward_flops": flops}


def draw_attention(
    backend: backends.Backend, dataset: data.Dataset, outputs: np.ndarray, folder: Path, examples: int
) -> None:
    """Draw attention weights, after everything is measured and sent; a failure here does not fail the run."""
    try:
        attention.keep(backend, dataset, outputs, folder, examples)
    except Exception as error:
        notify(f"the attention could not be drawn ({type(error).__name__}: {error})")
