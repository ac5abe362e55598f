"""One run, from its config to its record, in the parent process. The worker's part is in ``train``."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from harness import data, tracking
from harness.analysis import targets
from harness.analysis.listed import listed
from harness.config.hardware import check_machine
from harness.config.libraries import is_read
from harness.config.pretrained import is_pretrained
from harness.config.schema import CLASS_WEIGHTS, Config
from harness.data.model_files import tokenizer_of
from harness.data.vectors import prepare as word_vectors
from harness.errors import UserError
from harness.notices import notify
from harness.records.record import Record
from harness.records.settings import key_of
from harness.runner import devices, fingerprint, job_outcomes, median_stopping, worker
from harness.runner.earlier_runs import ended_elsewhere, finished_before
from harness.runner.lifecycle import Live, Request, let_go, new_record
from harness.runner.messages import Message, Outcome, Refused, TrainJob
from harness.runner.nodes import Nodes
from harness.runner.run_lock import RunLock
from harness.tasks.task import Task, check_task, task_of_summary


def run(request: Request) -> Record:
    """Run one config in a fresh process, unless a finished run of the same fingerprint is there; return its record.

    Raises:
        UserError: the user must change something; nothing was trained and nothing is left behind.
        Held: another process holds the run; it was left alone.
    """
    with Nodes(request.output_dir, request.config.hardware.nodes) as nodes:
        return _run(request, nodes)


def _run(request: Request, nodes: Nodes) -> Record:
    config = request.config
    check_machine(config)
    if (config.tune.space or config.tune.trial is not None) and not config.sweep:
        raise UserError("tune takes several runs: add -m to the command, also for one encoder and one seed")
    tracking.check_store(config.tracking.uri)
    if is_pretrained(config.encoder):
        tokenizer_of(config.encoder["model"])  # refuses what is no model before any data is read
    server = worker.server_of_backend(config.backend.name)
    prepared = prepare_data(config)
    summary = data.read_summary(prepared)
    task = task_of_summary(summary)
    check_task(config, task, summary, request.search)
    refuse_pooling(request, task)
    targets.check(config, task)
    hardware, usable = devices.of_run(server, config)
    vectors = prepare_vectors(config, prepared)
    if vectors:
        summary.notes[word_vectors.NOTE] = vectors.coverage
    identity, variant = fingerprint.of(
        config, hardware, summary.hash, pooled=not task.per_step, vectors=vectors.content if vectors else None
    )  # fmt: skip
    record = new_record(request, hardware, summary, identity, variant)
    used = devices.describe(record.environment, usable)
    say_not_read(request)
    job = TrainJob(
        config, hardware, record.folder, prepared, request.started, used, stopping_limits(request, task),
        vectors.vectors if vectors else None,
    )  # fmt: skip
    if nodes.own > 0:
        return finished_before(request, record) or follow(nodes, server, job, record)
    let_go(identity)
    with RunLock(request.output_dir, identity, request.job) as lock:
        if ended := finished_before(request, record) or ended_elsewhere(request, record):
            nodes.skip()
            if ended.skipped:
                notify(f"{record.label}: finished before, so it is not run again")
            return ended
        with Live(request, record, lock) as live:
            if vectors:
                notify(f"{record.label}: {word_vectors.sentence(vectors.coverage)}")
            notify(f"{record.label}: loading {config.backend.name} and building the model")
            live.outcome = train_in(server, job, live.take, nodes, live.track)
            if nodes.others and live.outcome.reason:
                notify(f"{record.label}: {live.outcome.reason}")
    return record


def refuse_pooling(request: Request, task: Task) -> None:
    """Refuse a pooling that the command gives where nothing is pooled.

    Raises:
        UserError: it does.
    """
    given = (one for one in request.overrides if one.lstrip("+").startswith(("pooling=", "pooling.")))
    if task.per_step and (pooling := next(given, None)):
        raise UserError(
            f"{pooling}: this data has labels for positions, and not one for each sequence, so that nothing is pooled; "
            "leave it out, and give data with one label for each sequence a command of their own"
        )


def stopping_limits(request: Request, task: Task) -> list[float]:
    """Where median stopping ends this run, if it is a trial that may be stopped.

    The trials of earlier batches decide, and none of its own: which of these have finished depends on the launcher.
    """
    config = request.config
    if config.tune.trial is None or not config.tune.prune:
        return []
    done = [outcome.record for outcome in job_outcomes.of_earlier_batches(config) if outcome.record]
    return median_stopping.limits(config, task.monitor(config.trainer.monitor), done)


def train_in(
    server: worker.Server, job: TrainJob, take: Callable[[Message], None], nodes: Nodes,
    meanwhile: Callable[[], None] = lambda: None,
) -> Outcome:  # fmt: skip
    """Have the run trained by this machine's processes; returns how it ended when they have ended.

    ``meanwhile`` is done while they start.

    Raises:
        UserError: what the worker refused, before any training.
    """
    refused: list[str] = []
    outcomes: list[Outcome] = []

    def on_message(message: Message) -> None:
        if isinstance(message, Refused):
            refused.append(message.sentence)
        elif isinstance(message, Outcome):
            outcomes.append(message)
        else:
            take(message)

    hardware = job.hardware
    end = server.run(
        "harness.runner.train:train", job, on_message, job.config.run_timeout, hardware.devices,
        meets_elsewhere=hardware.nodes > 1, trouble=nodes.trouble if nodes.others else None, meanwhile=meanwhile,
    )  # fmt: skip
    if refused:
        raise UserError(refused[0])
    if end.trouble is not None and nodes.skipped:
        return Outcome("finished")
    if outcomes and not end.timed_out:
        outcome = outcomes[0]
    elif end.reason is None and nodes.own > 0:
        outcome = Outcome("finished")
    else:
        outcome = Outcome("failed", end.reason or "its process left no record")
    return nodes.agree(outcome, stopped=end.trouble is not None)


def follow(nodes: Nodes, server: worker.Server, job: TrainJob, record: Record) -> Record:
    """Do a further node's part of a run; the first node keeps the record.

    Raises:
        UserError: what the worker refused.
    """
    outcome = train_in(server, job, lambda _message: None, nodes)
    what = "has nothing to train" if nodes.skipped else "has done its part"
    what = what if outcome.status == "finished" else f"failed ({outcome.reason})"
    notify(f"node {nodes.own} {what} of {record.label}; the first node keeps the record")
    record.status, record.reason, record.follows = outcome.status, outcome.reason, True
    return record


def say_not_read(request: Request) -> None:
    """Say which settings of the command the backend does not read, so that they decide nothing in this run."""
    backend = request.config.backend.name
    keys = {one: key_of(one).partition("@")[0] for one in request.overrides}
    if unread := [one for one, key in keys.items() if not is_read(backend, key)]:
        encoder = request.config.choices.encoder
        devices.say_once(
            f"encoder={encoder}: backend={backend} does not read {listed(unread)}; nothing in its runs depends on it"
        )


def prepare_data(config: Config) -> Path:
    """The folder of the prepared data that a config names.

    Raises:
        UserError: the loader cannot be loaded, or refuses its settings.
    """
    settings = dict(config.data)
    target = settings.pop("_target_")
    settings.pop(CLASS_WEIGHTS, None)
    module, _, name = target.rpartition(".")
    try:
        loader = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"data._target_={target} cannot be loaded: {error}") from None
    return data.prepare(loader, settings, Path(config.cache_dir).absolute())


def prepare_vectors(config: Config, prepared: Path) -> word_vectors.Prepared | None:
    """The vectors of ``input.vectors`` for the prepared data; None where the config names no file, or nothing reads it.

    Raises:
        UserError: they cannot be used.
    """
    path = config.input.vectors
    if path is None or not is_read(config.backend.name, "input"):
        return None
    return word_vectors.prepare(
        path, config.input.size, data.open_prepared(prepared), Path(config.cache_dir).absolute()
    )  # fmt: skip
