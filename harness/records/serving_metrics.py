"""What it costs to serve a model, for the table of all metrics: speed, size and scores of the exported model.

All of it is measured in ONNX Runtime on the processor, with the run's threads.
"""

import math

from harness.records.metric import SHARE, Metric

SERVING, INT8 = "serving", "serving_int8"
"""The parts of the names before the slash: the model in float32, and with weights of 8 bits."""
FORMS = {"float32": SERVING, "int8": INT8}
"""The forms of the exported model, and those parts of the names of their metrics."""
MEASURED = ("latency_p50_ms", "latency_p95_ms", "sequences_per_second", "best_batch_size", "model_mib")
"""The names of the metrics of one form after the slash, without that of its score."""
RUNTIME = ("onnxruntime", "tokenizers")
"""The packages that serve exported models, among the versions of an environment."""


def served(prefix: str, model: str, column: int) -> dict[str, Metric]:
    """The metrics of one form of the exported model, the first column at place ``column``."""
    short = {SERVING: "served", INT8: "int8"}[prefix]
    scores = _scores(model, short, column + 4 if prefix == INT8 else None)
    return {
        f"{prefix}/latency_p50_ms": Metric(
            "ms", False, f"median time from a text (words, an array) to its answer by {model}, tokenizing included, at "
            "batch size 1", "latency", f"{short} latency p50", column, served=True,
        ),
        f"{prefix}/latency_p95_ms": Metric(
            "ms", False, f"95th percentile of the time from a text to its answer by {model}, at batch size 1",
            "latency", served=True,
        ),
        f"{prefix}/sequences_per_second": Metric(
            "1/s", True, f"texts that {model} answers over seconds, tokenizing included, at the best of the batch "
            "sizes 1, 2, 4, ..., 256", "speed", f"{short} seq./s", column + 1, served=True,
        ),
        f"{prefix}/best_batch_size": Metric(
            "", None, f"the batch size at which {model} answers most sequences a second", "speed", served=True
        ),
        f"{prefix}/model_mib": Metric(
            "MiB", False, f"size of the file of {model}", "cost", f"{short} size", column + 2, exact=True, served=True
        ),
        **{f"{prefix}/{name}": metric for name, metric in scores.items()},
    }  # fmt: skip


def _scores(model: str, short: str, column: int | None) -> dict[str, Metric]:
    """The first score of each task, on the test split. Only those of int8 have columns: float32 has the run's own."""
    whole = {
        "accuracy": (True, "share that is labelled correctly", "accuracy"),
        "f1_span": (True, "F1 over whole spans", "span F1"),
        "f1_micro": (True, "F1 over all labels together", "micro F1"),
        "label_error_rate": (False, "edit distance over target length", "label error rate"),
        "mse": (False, "mean squared error", "squared error"),
    }
    return {
        name: Metric(
            "", higher, f"{what} on the test split, by {model}", "quality", f"{short} {title}",
            None if column is None else column + place, bounds=SHARE if higher else (0.0, math.inf),
            in_points=name != "mse", served=True, difference_format=".2g" if name == "mse" else ".3f",
        )
        for place, (name, (higher, what, title)) in enumerate(whole.items())
    }  # fmt: skip
