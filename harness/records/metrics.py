"""The table of all metrics: unit, direction, definition, and the places where reports show each metric.

The names are the keys in ``record.json`` and in MLflow. To add a metric, add its line here and put its value into the
metrics of a run.
"""

import re
from collections.abc import Container

from harness.records.metric import ANY, SHARE, Metric
from harness.records.quality import quality
from harness.records.serving_metrics import INT8, SERVING, served

ACCURACY = "test/accuracy"
THROUGHPUT = "speed/train_tokens_per_second"
EPOCH_SECONDS = "speed/epoch_seconds"
END_TO_END = "speed/end_to_end_tokens_per_second"
LATENCY = "latency/p50_ms"
HOST_MEMORY = "memory/host_train_peak_mib"
DEVICE_MEMORY = "memory/device_train_peak_mib"
TOTAL_SECONDS = "speed/total_seconds"
STARTUP_SECONDS = "speed/startup_seconds"
PARAMETERS = "cost/parameters"
ENCODER_PARAMETERS = "cost/encoder_parameters"
FROZEN_PARAMETERS = "cost/frozen_parameters"
EPOCHS = "cost/epochs"
STEPS = "cost/steps"
TRIALS = "cost/tuning_trials"
BEST_EPOCH = "best/epoch"
TRAINING_SECONDS = "speed/training_seconds"
SECONDS_TO_TARGET = "speed/seconds_to_accuracy"
FORWARD_FLOPS = "cost/forward_flops"
TUNING_SECONDS = "cost/tuning_seconds"


METRICS: dict[str, Metric] = {
    **quality("test", "the test split, with the weights of the best epoch"),
    **quality("val", "the validation split"),
    "train/loss": Metric(
        "nats", False, "mean cross-entropy over the epoch's training steps, by the definition of val/loss; with "
        "data.class_weights the weighted mean of each step", "quality", "loss",
    ),
    "train/mse": Metric(
        "", False, "mean squared error over the epoch's training steps", "quality", "squared error",
        difference_format=".2g",
    ),
    BEST_EPOCH: Metric("", None, "epoch with the best score of trainer.monitor, counted from 1", "quality"),
    THROUGHPUT: Metric(
        "1/s", True, "unpadded tokens over seconds, both summed over timed steps", "speed", "train tokens/s", 7,
        run_column=6, headline=True, gated=True,
    ),
    END_TO_END: Metric(
        "1/s", True, "unpadded tokens of an epoch over its wall seconds, data included, median; no step is waited for",
        "speed", "end-to-end tokens/s", 8,
    ),
    "speed/train_sequences_per_second": Metric(
        "1/s", True, "sequences over seconds, both summed over timed steps", "speed"
    ),
    "speed/train_step_ms_p50": Metric("ms", False, "median time of a step, synchronised, after warm-up", "speed"),
    "speed/train_step_ms_p95": Metric("ms", False, "95th percentile of the time of a step, after warm-up", "speed"),
    "speed/data_wait_fraction": Metric(
        "", False, "time waiting for the next batch over step time plus waiting", "speed", bounds=SHARE
    ),
    EPOCH_SECONDS: Metric("s", False, "median wall time of an epoch's training part", "speed"),
    TRAINING_SECONDS: Metric(
        "s", False, "wall time of the training parts of all epochs, without validation; an epoch that was interrupted "
        "counts as it was trained in the end", "speed", "training", 15, headline=True,
    ),
    SECONDS_TO_TARGET: Metric(
        "s", False, "the same until the end of the first epoch in which trainer.monitor on validation was at least as "
        "good as measure.target", "speed", "to target", 17, run_column=10, headline=True, of_all_runs=True,
    ),
    # no direction, so never ranked: the first run of a command waits for imports and prepares the data for all
    TOTAL_SECONDS: Metric(
        "s", None, "from the start of the command to the record; in a sweep, from the start of the run", "speed"
    ),
    STARTUP_SECONDS: Metric("s", None, "from the same start to the first training step", "speed"),
    "speed/inference_sequences_per_second": Metric(
        "1/s", True, "sequences over seconds of forward passes at the evaluation batch size", "speed",
        "inference seq./s", 9, headline=True, gated=True,
    ),
    "speed/inference_batch_ms_p50": Metric(
        "ms", False, "median time of a forward pass at the evaluation batch size", "speed"
    ),
    "speed/inference_batch_ms_p95": Metric("ms", False, "95th percentile of the time of such a pass", "speed"),
    LATENCY: Metric(
        "ms", False, "median time of one sequence at batch size 1", "latency", "latency p50", 10, run_column=7,
        headline=True, gated=True,
    ),
    "latency/p95_ms": Metric("ms", False, "95th percentile of the time of one sequence at batch size 1", "latency"),
    "latency/p99_ms": Metric("ms", False, "99th percentile of the time of one sequence at batch size 1", "latency"),
    HOST_MEMORY: Metric(
        "MiB", False, "peak resident memory in training, minus the value before the model was built", "memory",
        "train peak", 11, run_column=8, headline=True, gated=True,
    ),
    "memory/host_inference_peak_mib": Metric(
        "MiB", False, "peak resident memory in inference, minus the value before the model was built", "memory",
        gated=True,
    ),
    "memory/host_peak_mib": Metric("MiB", False, "peak resident memory of the run's whole process", "memory"),
    DEVICE_MEMORY: Metric(
        "MiB", False, "the allocator's peak on the accelerator in training", "memory", "device peak", 12, headline=True,
        gated=True,
    ),
    "memory/device_inference_peak_mib": Metric(
        "MiB", False, "the allocator's peak on the accelerator in inference", "memory", gated=True
    ),
    PARAMETERS: Metric(
        "", False, "trainable parameters of the built model", "cost", "parameters", 99, run_column=11,
        headline=True, exact=True,
    ),
    ENCODER_PARAMETERS: Metric(
        "", False, "trainable parameters between the input layer and the head", "cost", exact=True
    ),
    # no direction: beside models without any, their number alone says nothing
    FROZEN_PARAMETERS: Metric(
        "", None, "parameters that came with a pretrained model or with word vectors and are not trained", "cost",
        exact=True,
    ),
    # no direction: what a training was given says nothing good or bad about the encoder
    EPOCHS: Metric(
        "", None, "epochs until the end of training, also those after the best one", "cost", "epochs", 13,
        run_column=9, exact=True,
    ),
    STEPS: Metric("", None, "steps of the optimizer until the end of training", "cost", "steps", 14, exact=True),
    TRIALS: Metric(
        "", None, "settings that were tried on validation before those of the run were chosen; 0: it was not tuned",
        "cost", "trials", 18, exact=True,
    ),
    FORWARD_FLOPS: Metric(
        "", False, "operations of matrix products for one sequence; a multiply-add counts as 2", "cost", exact=True
    ),
    TUNING_SECONDS: Metric(
        "s", None, "seconds of the trials that chose the settings, each from its first training step to its record",
        "cost", "tuning", 16,
    ),
    **served(SERVING, "the exported model", column=20),
    **served(INT8, "the exported model with weights of 8 bits (dynamic quantisation)", column=40),
    "profile/forward_time_exponent": Metric(
        "", False,
        "p of time = c * length**p in the forward pass, fitted to the longer half of the lengths (at least 3)",
        "profile", "forward time", bounds=ANY,
    ),
    "profile/training_time_exponent": Metric(
        "", False, "the same for forward, loss and backward together", "profile", "training time", bounds=ANY
    ),
    "profile/forward_memory_exponent": Metric(
        "", False, "p of peak memory = c * length**p in the forward pass; the accelerator's memory where there is one",
        "profile", "forward memory", bounds=ANY,
    ),
    "profile/training_memory_exponent": Metric(
        "", False, "the same for forward, loss and backward together", "profile", "training memory", bounds=ANY
    ),
}  # fmt: skip

UNKNOWN = Metric("", None, "", "quality", bounds=ANY)
"""The properties of a metric that is not in the table: reports show it and never rank it."""


def _ordered(field: str) -> list[str]:
    """The metrics that have a number in this field, the smallest number first."""
    places: dict[str, int | None] = {name: getattr(metric, field) for name, metric in METRICS.items()}
    return sorted((name for name, place in places.items() if place), key=lambda name: places[name] or 0)


QUALITY = _ordered("decides")
"""The metrics that a variant can be best by, in the order in which they are preferred."""

COLUMNS = _ordered("column")
"""The metrics that have a column in tables, from left to right."""

RUN_COLUMNS = _ordered("run_column")
"""The metrics that have a column in the terminal's table of several runs, from left to right."""

HEADLINES = [name for name, metric in METRICS.items() if metric.headline]
"""The metrics that the terminal shows after a single run."""

GATED = [name for name, metric in METRICS.items() if metric.gated]
"""The metrics that the regression gate checks."""

FITTED = ("train", "val")
"""The splits whose metrics a history has for each epoch."""

ON_VALIDATION = [name for name in METRICS if name.startswith("val/")]
"""The metrics of validation that can choose the best epoch; nothing is chosen on the test split."""


def definition(name: str) -> Metric:
    """The properties of a metric; ``test/accuracy_each_epoch`` has those of ``test/accuracy``.

    Raises:
        KeyError: no metric has this name.
    """
    return METRICS[re.sub(r"_each_epoch$", "", name)]


def known(name: str) -> Metric:
    """The properties of a metric; ``UNKNOWN`` if the table does not have the name."""
    try:
        return definition(name)
    except KeyError:
        return UNKNOWN


def short_name(name: str) -> str:
    """The name of a metric in tables."""
    return known(name).short_name or name


def column_name(name: str) -> str:
    """The name of a metric at the head of a column; that of a score on validation says so."""
    return f"val {short_name(name)}" if name in ON_VALIDATION else short_name(name)


def with_validation(columns: list[str], quality: str, measured: Container[str]) -> list[str]:
    """These columns, and behind the quality the same score on validation, by which a reader chooses, if it is known."""
    validation = f"val/{without_split(quality)}"
    if quality not in columns or validation not in measured:
        return columns
    behind = columns.index(quality) + 1
    return [*columns[:behind], validation, *columns[behind:]]


def headlines(metrics: Container[str]) -> list[str]:
    """The metrics to show of a single run that has these; behind the score that decides, the same on validation."""
    shown = [name for name in HEADLINES if name in metrics]
    deciding = next((name for name in QUALITY if name in metrics), "")
    return with_validation(shown, deciding, metrics)


def split_of(name: str) -> str:
    """The part of a metric's name before the slash; of a quality, the split that it was measured on."""
    return name.partition("/")[0]


def without_split(name: str) -> str:
    """The part of a metric's name after the slash; of a quality, the name of the score."""
    return name.partition("/")[2]


def number(name: str, value: float | None) -> str:
    """A value with its unit, to four figures; a dash if it was not measured."""
    if value is None:
        return "-"
    text = f"{value:,.0f}" if abs(value) >= 1000 or isinstance(value, int) else f"{value:.4g}"
    return f"{text} {known(name).unit}".strip()
