"""The walk of one run: ``run`` in the parent, from config to table, and ``train`` in the run's own process."""

import shutil
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from harness import backends, data, measure, tracking
from harness.backends.distributed import node_rank
from harness.config import hardware as machine
from harness.config import schema as configs
from harness.data.batches import plan
from harness.errors import UserError
from harness.measure import environment
from harness.records import store
from harness.records.record import Record, now
from harness.runner import attention, fingerprint
from harness.runner import worker as isolate
from harness.runner.lifecycle import close, finished_before, new_record, written
from harness.tasks import task as tasks

Job = dict[str, Any]


def run(
    config: configs.Config, label: str, started: float, told: Sequence[str] = (), search: str | None = None
) -> Record:
    """Run one config in a fresh process, unless a finished run of the same fingerprint is there; return its record.

    ``label`` is the run's readable name; ``started`` the time (UNIX seconds) at which the command started; ``told`` all
    that the command set; ``search`` the direction in which a sweeper searches by what runs return.

    Raises:
        UserError: the user has to change something; nothing was trained and nothing is left behind.
    """
    configs.check(config)
    output_dir = Path(config["output_dir"]).absolute()
    server = isolate.server_of_backend(config["backend"]["name"])
    prepared = prepare_data(config)
    task = tasks.of_summary(data.read_summary(prepared))
    configs.check_task(config, task, search)
    hardware = machine.hardware(config)
    built = {**config, "pooling": None} if task.per_step else config  # nothing is pooled where each step has a label
    identity, cell = fingerprint.of(built, hardware, data.read_hash(prepared))
    folder = store.run_folder(output_dir, config["name"], label, identity)
    if finished := finished_before(config, label, told, identity, folder):
        return finished

    record = new_record(config, label, started, folder, hardware, told)
    record.update(fingerprint=identity, cell=cell, data=data.read_summary(prepared))
    job = {"record": record, "prepared": str(prepared), "started": started}
    if node := node_rank(hardware.nodes):
        return follow(node, server, job)
    if config["rerun"]:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    tracker = tracking.open_tracker(config["tracking"], output_dir)
    record.mlflow_run_id = tracker.start(record)
    mistakes: list[str] = []
    reached = 0

    def on_message(message: Job) -> None:
        nonlocal reached
        if "mistake" in message:
            mistakes.append(message["mistake"])
        elif "epoch" in message:
            reached = int(message["epoch"]["epoch"])
            tracker.epoch(message["epoch"])
        elif "recorded" in message:
            tracker.draw(store.read(folder) or record)

    say(f"{label}: loading {config['backend']['name']} and building the model")
    try:
        end = start(server, job, on_message)
    except KeyboardInterrupt:
        if (found := written(record)) and found["status"] == "finished":
            tracker.finish(found)
            raise KeyboardInterrupt(f"{label} is finished") from None
        close(record, tracker, "killed", "interrupted by Ctrl-C")
        begun = any(folder.glob("last.*"))  # by an earlier command, where this one finished none
        none = "no further epoch was finished" if begun else "no epoch was finished"
        kept = f"{reached} of {config['trainer']['epochs']} epochs are kept" if reached else none
        raise KeyboardInterrupt(f"{label}: {kept}") from None
    if mistakes:
        tracker.discard()
        store.remove_empty(folder)
        raise UserError(mistakes[0])
    record = written(record) or record
    if record.status == "finished":  # whatever became of its process after that, while it drew pictures
        tracker.finish(record)
    else:
        close(record, tracker, "failed", record.reason or end.reason or "its process left no record")
    return record


def start(server: isolate.Server, job: Job, on_message: Callable[[Job], None]) -> isolate.End:
    """Have the run trained by this machine's processes; returns when they have ended."""
    hardware, timeout = job["record"]["environment"]["hardware"], job["record"]["config"]["run_timeout"]
    several = hardware.nodes > 1
    return server.run("harness.runner.run:train", job, on_message, timeout, hardware.devices, meets_elsewhere=several)


def follow(node: int, server: isolate.Server, job: Job) -> Record:
    """Do a further node's part of a run, which the first node keeps and follows."""
    mistakes: list[str] = []
    record = job["record"]
    end = start(server, job, lambda message: mistakes.extend(message.get("mistake", "").splitlines()))
    if mistakes:
        raise UserError(mistakes[0])
    what = f"failed ({end.reason})" if end.reason else "has done its part"
    print(f"node {node} {what} of {record['label']}; the first node keeps the record", file=sys.stderr)
    return {**record, "status": "failed" if end.reason else "finished", "reason": end.reason, "follows": True}


def say(text: str) -> None:
    """Tell how far a run is; where standard error is a file too, and at once."""
    print(text, file=sys.stderr, flush=True)


def prepare_data(config: configs.Config) -> Path:
    """The folder of the prepared data that a config names."""
    settings = dict(config["data"])
    target = settings.pop("_target_")
    module, _, name = target.rpartition(".")
    try:
        loader = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"data._target_={target} cannot be loaded: {error}") from None
    return data.prepare(loader, settings, Path(config["cache_dir"]).absolute())


def train(job: Job, tell: Callable[[Job], None]) -> None:
    """Train, evaluate and measure in this process, and write the record."""
    record, started = job["record"], job["started"]
    config, hardware, folder = record.config, record.environment.hardware, Path(record.run_dir)
    settings = config["measure"]
    keeps = node_rank(hardware.nodes) == 0  # a further node must not write over what the first one keeps
    clock = time.perf_counter
    try:
        dataset = data.open_prepared(Path(job["prepared"]), characters=config["input"]["characters"] is not None)
        task = tasks.of(dataset)
        backend = backends.load(config["backend"]["name"])(config, hardware)
        backend.seed(config["seed"])
        memory = measure.PhaseMemory(backend.device_peak, backend.device_reset)
        metrics = backend.build(dataset, config["seed"])

        others = environment.OtherProcesses()
        timer = measure.StepTimer(clock, backend.sync, settings["warmup_steps"], memory)
        memory.phase_begins()
        history, best = backend.fit(dataset, timer, folder, lambda epoch: tell({"epoch": epoch}))
        ranks = backend.gather({**timer.metrics(), **memory.metrics(), "own_cpu_seconds": others.own()})
        if backend.rank > 0:
            return  # the first process of the first node keeps the record

        say("measuring on the test split, then speed and memory")
        memory.phase_begins()
        outputs = backend.predict(dataset.test)
        inference = measure_inference(backend, dataset, config, clock)
        memory.phase_ends("inference")  # before the scoring, whose arrays are no encoder's
        test = task.evaluate([(outputs, dataset.test.y, dataset.test.length_N)])

        metrics |= {f"test/{name}": value for name, value in test.items()}
        metrics |= {name: value for name, value in history[best - 1].items() if name.startswith(("val/", "train/"))}
        metrics["best/epoch"] = best
        if timer.first_step_at is not None:  # none, where all epochs were trained before an interruption
            metrics["speed/startup_seconds"] = time.time() - (clock() - timer.first_step_at) - started
        seconds = [rank.pop("own_cpu_seconds") for rank in ranks]  # those of this node come first
        record.environment.other_processes_cpu_share = others.share(ours=sum(seconds[1 : hardware.devices]))
        ranks[0] |= memory.metrics()
        metrics |= {**ranks[0], **inference, **measure.over_ranks(ranks)}
        record.ranks = ranks
        record.resumed_epochs = len(history) - len(timer.epochs)  # trained before an interruption, not timed
        if (counts := task.confusion(outputs, dataset.test)) is not None:
            store.write_json(folder / "confusion.json", counts)
        record.update(status="finished", metrics=metrics, history=history)
    except UserError as mistake:  # told before any training; the parent undoes what it began
        tell({"mistake": str(mistake)})
    except Exception as error:
        if keeps:
            (folder / "error.txt").write_text(traceback.format_exc(), encoding="utf8")
            record.reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise
    finally:
        if record.status == "finished" or record.reason:
            record.metrics["speed/total_seconds"] = time.time() - started
            record.ended = now()
            store.write(record)
    if record.status == "finished":
        tell({"recorded": True})  # the parent draws its pictures while this process draws its own
        draw_attention(backend, dataset, outputs, folder, settings["attention_examples"])
        for checkpoint in folder.glob("last.*"):  # what an interrupted run would have gone on from
            checkpoint.unlink()


def draw_attention(
    backend: backends.Backend, dataset: data.Dataset, outputs: np.ndarray, folder: Path, examples: int
) -> None:
    """Picture what weighed, now that all is measured and recorded; a failure of that fails no run."""
    try:
        attention.keep(backend, dataset, outputs, folder, examples)
    except Exception as error:
        print(f"the attention could not be drawn ({type(error).__name__}: {error})", file=sys.stderr)


def measure_inference(
    backend: backends.Backend, dataset: data.Dataset, config: configs.Config, clock: Callable[[], float]
) -> dict[str, float]:
    """Throughput on batches of validation, drawn alike for every encoder; latency and operations of one sequence."""
    settings, validation = config["measure"], dataset.validation
    rows = plan(validation.length_N, config["trainer"]["eval_batch_size"], seed=0, epoch=0, bucket=True)
    rows = rows[: settings["inference_batches"]]
    forward, batches = backend.passes(validation, rows)
    sized = [(batch, len(some)) for batch, some in zip(batches, rows, strict=True)]
    found = measure.throughput(forward, sized, clock, backend.sync, settings["inference_seconds"])

    length = settings["latency_length"] or dataset.max_length
    one, (sequence,) = backend.passes(data.one_sequence(dataset, length), [np.array([0])])
    found |= measure.latency(
        lambda: one(sequence), clock, backend.sync, settings["latency_passes"], settings["latency_seconds"]
    )
    flops = backend.flops(length)
    return found if flops is None else {**found, "cost/forward_flops": flops}
