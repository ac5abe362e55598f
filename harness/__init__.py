"""Which sequence encoder, for my data, on my hardware, and at what cost?

The command line is ``python -m harness``. From Python:

    import harness

    records = [harness.run(f"encoder={encoder} seed={seed}") for encoder in ("lstm", "gru") for seed in range(3)]
    comparison = harness.compare(records)
    comparison.show()
    model = harness.load(comparison.best.record)
    model.predict([...])
    harness.records("outputs")

``import harness`` loads no library; each function loads what it needs. docs/PYTHON.md describes them all.
"""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from harness.backends.trained import TrainedModel as Model
    from harness.records.record import Record
    from harness.report.comparison import Comparison

    def records(folders: "str | Path | Iterable[str | Path]" = "outputs") -> pd.DataFrame:
        """One row a run."""
else:
    from harness import records  # a package that can be called

__version__ = "0.1.0"
__all__ = ["Comparison", "Model", "Record", "UserError", "compare", "load", "records", "run"]

# `python -m harness.ui` and `python -m harness.selfcheck` keep working: Python finds their modules in this folder
__path__.append(str(Path(__file__).parent / "cli" / "old_forms"))

_TYPES = {
    "Comparison": ("harness.report.comparison", "Comparison"),
    "Model": ("harness.backends.trained", "TrainedModel"),
    "Record": ("harness.records.record", "Record"),
}
"""The classes of what the functions return: where each is, and its name there."""

if not TYPE_CHECKING:  # type checkers know the names, and no others

    def __getattr__(name: str) -> Any:
        """A class of ``_TYPES``, loaded when it is asked for."""
        if name not in _TYPES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, own_name = _TYPES[name]
        return getattr(import_module(module), own_name)


def run(overrides: str | Iterable[str] = ()) -> "Record":
    """Train one config in a fresh process, as ``python -m harness`` does, and return its record.

    A finished run of the same config, code and versions is returned as it is (``record.skipped``); ``rerun=true``
    runs it again. A run that fails is returned too, with its ``status`` and ``reason``. Runs of several threads wait
    for each other, so that none disturbs the timing of another.

    Args:
        overrides: ``KEY=VALUE`` of Hydra, as on the command line: a list, in which each is taken as it is, or one
            string with all of them, which is split as a shell splits it. Paths are relative to the working folder.

    Raises:
        UserError: an override is wrong, asks for several runs (a sweep, tuning) or is a flag of the command line;
            nothing was trained.
        KeyboardInterrupt: the run was interrupted; the same call resumes it from its last epoch.
    """
    from harness.cli.from_python import run

    return run(overrides)


def compare(
    records: "str | Path | Iterable[Record | str | Path]",
    *,
    name: str | None = None,
    margin: float = 0.01,
    require: str | Iterable[str] = (),
    baseline: str | None = None,
    target: float | None = None,
    alpha: float = 0.05,
    cost: str | None = None,
) -> "Comparison":
    """Compare runs, as ``python -m harness report`` does; no file is written.

    Args:
        records: records of ``run``, folders of runs, or an output folder with all of its runs.
        name: only the runs of this experiment.
        margin: a variant that is not worse, and is shown to be less than this behind the best, is equally good: a share
            for scores from 0 to 1 (0.01: one point of accuracy), of the best value for other scores.
        require: recommend only variants whose means meet this, such as ``"latency/p50_ms<5"``; one or several.
        baseline: give the differences to this variant too, such as ``"encoder=lstm"``.
        target: a score on validation, for the seconds of training until it was reached.
        alpha: the chance that a verdict calls one of several equal variants worse.
        cost: what the recommended of several good variants is cheap in: latency, throughput, memory or parameters.

    Raises:
        UserError: there is no record to compare, or an argument is wrong.
    """
    from harness.report.comparison import compare

    return compare(
        records, name=name, margin=margin, require=require, baseline=baseline, target=target, alpha=alpha, cost=cost
    )


def load(
    run: "Record | str | Path",
    *,
    output_dir: str | Path = "outputs",
    hardware: str | None = None,
    batch_size: int | None = None,
) -> "Model":
    """The trained model of a finished run, with the weights of its best epoch.

    ``load(run).predict(rows)`` returns a DataFrame with one row for each text, prepared as in training.

    Args:
        run: a record, the folder of a run, its MLflow run id, or ``best:NAME`` for the best run of an experiment by
            validation.
        output_dir: where runs are looked for.
        hardware: a choice of ``hardware=``, such as cpu or gpu_bf16; by default the best device here, in the precision
            of the run.
        batch_size: how many rows the model reads at a time; by default as the run's evaluation.

    Raises:
        UserError: there is no such run, it has not finished, its folder lacks a file, or the machine lacks the device.
    """
    from harness.backends.trained import TrainedModel
    from harness.records.record import Record
    from harness.runner.run_reference import find_run

    if batch_size is not None and batch_size < 1:
        raise UserError(f"batch_size is a number of rows, 1 or more, and is {batch_size}")
    folder = run.folder if isinstance(run, Record) else find_run(str(run), Path(output_dir))
    return TrainedModel(folder, hardware, batch_size)
