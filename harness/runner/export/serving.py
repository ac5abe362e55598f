"""What it costs to serve a run's model: the exported model in ONNX Runtime, from text to answer, in float32 and int8.

What is measured is the code that the exported folder holds (``answering``), on rows of validation as they were given.
"""

import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from harness import backends, data, measure
from harness.backends.outputs import in_order
from harness.backends.trained import longest_steps
from harness.config.schema import Config
from harness.config.validation import validate_recorded
from harness.data import Dataset, Split
from harness.data.examples import load_examples, spread
from harness.errors import UserError
from harness.measure.environment import BUSY, OtherProcesses
from harness.measure.processors import processor_name
from harness.notices import notify
from harness.records import store
from harness.records.metrics import known
from harness.records.record import Hardware
from harness.records.serving_metrics import FORMS, MEASURED, RUNTIME
from harness.runner.export.answering.predictor import Predictor
from harness.runner.export.bundle import as_served, write_bundle
from harness.runner.export.export import FILES, ExportedRun, write_proven
from harness.runner.export.proof import proof_rows
from harness.runner.export.reading_proof import prove_reading
from harness.tasks.task import Task, task_of

QUANTIZED = "model_int8.onnx"
MIB = 2**20


@dataclass(frozen=True)
class Settings:
    """How a model is served: with so many threads, for so many passes and seconds at each batch size.

    ``batch_size`` is that of the score on the test split.
    """

    threads: int
    passes: int
    seconds: float
    batch_size: int

    @classmethod
    def of(cls, config: Config, threads: int) -> "Settings":
        """Those of a run's config, which times its own inference as long."""
        own = config.measure
        return cls(threads, own.latency_passes, own.latency_seconds, config.trainer.eval_batch_size)


def serve_trained(
    config: Config, folder: Path, prepared: Path, dataset: Dataset, threads: int, clock: Callable[[], float]
) -> dict[str, float]:
    """The ``serving/`` metrics of a run that was just trained; its folder has the weights and gets ``serving.json``.

    Empty where the model cannot be exported or served: the file and standard error say why, and the run goes on.
    """
    notify("measuring what the exported model costs to serve")
    try:
        backend = backends.load(config.backend.name)(config, Hardware("cpu", threads=threads))
        if "onnx" not in backend.exports:
            raise UserError(f"backend={config.backend.name} exports no ONNX")
        backend.build(dataset, config.seed)
        backend.restore(folder)
        longest = longest_steps(config, dataset.max_length)
        whole = as_served(replace(dataset, preparation=data.load_preparation(folder)), longest)
        with tempfile.TemporaryDirectory(prefix="harness-serving-") as place:
            write_proven(backend, "onnx", Path(place, FILES["onnx"]), dataset, proof_rows(dataset))
            write_bundle(Path(place), whole, task_of(dataset), longest)
            rows = rows_of(prepared, dataset)
            prove_reading(Path(place), whole, rows)
            found = serve_folder(Path(place), dataset, rows, Settings.of(config, threads), clock)
    except Exception as error:  # no reason to fail a run that is trained and measured
        found = {"reason": str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"}
        notify(f"the model was not served: {found['reason']}")
    store.write_json(folder / store.SERVING, found)
    return metrics_of(found)


def limit_tokenizers(threads: int) -> None:
    """Have the tokenizers library use so many threads; it reads the setting when it is first used in a process."""
    os.environ |= {"RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": str(threads > 1).lower()}


def rows_of(prepared: Path, dataset: Dataset) -> list[Any]:
    """Rows of validation as they were given; without them, as of series, the steps of its prepared rows."""
    if kept := load_examples(prepared):
        return kept
    split = dataset.validation if len(dataset.validation) else dataset.train
    steps = (split.sequence(row) for row in spread(len(split)))
    return [one.tolist() if dataset.tokens else one for one in steps]


def serve_folder(
    folder: Path, dataset: Dataset, rows: Sequence[Any], settings: Settings, clock: Callable[[], float]
) -> dict[str, Any]:
    """The content of ``serving.json``: an exported folder measured on these rows, and scored on the test split."""
    versions = {package: metadata.version(package) for package in RUNTIME}
    found: dict[str, Any] = {"versions": versions, "threads": settings.threads, "rows": len(rows)}
    quantized = folder / QUANTIZED
    found["float32"] = _served(folder, FILES["onnx"], dataset, rows, settings, clock)
    try:
        quantize(folder / FILES["onnx"], quantized)
        found["int8"] = _served(folder, QUANTIZED, dataset, rows, settings, clock)
    except Exception as error:  # such as an operation that ONNX Runtime has no int8 kernel for
        found["int8"] = {"reason": f"{type(error).__name__}: {error}".splitlines()[0]}
        notify(f"the model was not served in int8: {found['int8']['reason']}")
    return found


def quantize(model: Path, file: Path) -> None:
    """Write the model with weights of 8 bits, by ONNX Runtime's dynamic quantisation."""
    from onnxruntime.quantization import quantize_dynamic

    logging.disable(logging.WARNING)  # it advises to optimise the model first, on the root logger
    try:
        quantize_dynamic(model, file)
    finally:
        logging.disable(logging.NOTSET)


def _served(
    folder: Path, model: str, dataset: Dataset, rows: Sequence[Any], settings: Settings, clock: Callable[[], float]
) -> dict[str, Any]:
    predictor = Predictor(folder, settings.threads, model)
    score, value = score_of(predictor, task_of(dataset), dataset.test, settings.batch_size)
    curve = measure.serving_curve(predictor.predict_batch, rows, clock, settings.passes, settings.seconds)
    size = (folder / model).stat().st_size / MIB
    return {"score": score, "value": value, "model_mib": size, **measure.serving_numbers(curve), "curve": curve}


def score_of(predictor: Predictor, task: Task, test: Split, batch_size: int) -> tuple[str, float]:
    """The name of the task's first score, and its value on the test split."""
    found = predictor.outputs([steps_of(test, row) for row in range(len(test))], batch_size)
    outputs = in_order(test, task, ((np.array([row]), output[None]) for row, output in enumerate(found)))
    name = task.scores[0]
    return name, task.evaluate([(outputs, test.labels(), test.length_N)])[name]


def steps_of(split: Split, row: int) -> tuple[np.ndarray, ...]:
    """The steps of a sequence, and the characters of its words where the split has them."""
    steps = split.sequence(row)
    if split.characters is None:
        return (steps,)
    start, end = split.offsets[row], split.offsets[row + 1]
    return steps, split.characters.table_SW[split.characters.spelling_T[start:end]]


def reason(found: dict[str, Any]) -> str | None:
    """Why there are no numbers of int8; None where there are."""
    why: str | None = found["int8"].get("reason")
    return f"not served in int8: {why}" if why else None


def metrics_of(found: dict[str, Any]) -> dict[str, float]:
    """The metrics in the content of ``serving.json``; empty where a form has a reason instead."""
    metrics: dict[str, float] = {}
    for form, prefix in FORMS.items():
        own = found.get(form, {})
        if "curve" in own:
            metrics |= {f"{prefix}/{name}": own[name] for name in MEASURED}
            metrics[f"{prefix}/{own['score']}"] = own["value"]
    return metrics


def not_comparable(here: str, there: str, share: float) -> str | None:
    """Why numbers do not belong to a run; ``share`` is what other processes used of this machine's processors."""
    if here != there:
        return f"it ran on {there}, and this is {here}"
    if share > BUSY:
        return f"other processes used {share:.0%} of the processor meanwhile; measure again when they have ended"
    return None


def serve_exported(made: ExportedRun, clock: Callable[[], float]) -> tuple[dict[str, Any], str | None]:
    """Measure an exported ONNX folder of a finished run, and put the numbers into the run's record and folder.

    Returns:
        The content of ``serving.json``, which the exported folder gets too; and why the record did not get the numbers,
        None if it did: numbers of another processor, or of a busy machine, do not belong to it.

    Raises:
        UserError: the run's prepared data are gone, so that there is neither a text nor a test split.
    """
    record, folder = made.model.record, made.file.parent
    prepared = made.prepared
    if prepared is None:
        raise UserError(
            f"the prepared data of {record.label} are gone from the cache, so that there is nothing to measure on; run "
            "its command again with measure.serve=true rerun=true"
        )
    config = validate_recorded(record.config)
    dataset = data.open_prepared(prepared, characters=config.input.characters is not None)
    settings = Settings.of(config, record.environment.hardware.threads)
    others = OtherProcesses()
    found = serve_folder(folder, dataset, rows_of(prepared, dataset), settings, clock)
    share = others.share()
    store.write_json(folder / store.SERVING, found)
    if why := not_comparable(processor_name(), record.environment.processor, share):
        return found, f"the run's record does not get these numbers: {why}"
    store.write_json(record.folder / store.SERVING, found)
    kept = {name: value for name, value in record.metrics.items() if not known(name).served}
    record.metrics = kept | metrics_of(found)  # a form that is not served now has no older numbers either
    record.environment.versions |= found["versions"]
    store.write(record)
    return found, None
