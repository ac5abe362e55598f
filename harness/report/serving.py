"""The cost of serving, as a table: a row for each variant in float32, and one in int8."""

from collections.abc import Iterator, Sequence

from harness.analysis.serving import ServedModel, loss_of_score
from harness.records.metrics import known, number, short_name

HEADING = "Serving"
CAPTION = (
    "The exported model in ONNX Runtime on the processor, from text (words, an array) to answer, tokenizing included, "
    "with the run's threads. Latency is at batch size 1, throughput the best of the batch sizes 1, 2, 4, ..., 256. "
    "int8 has weights of 8 bits by dynamic quantisation; in brackets what its score on the test split loses."
)


def columns(models: Sequence[ServedModel]) -> list[str]:
    """The head of the table."""
    scores = dict.fromkeys(short_name(f"test/{one.score}") for one in models if one.score)
    return ["variant", "model", ", ".join(scores) or "score", "p50, ms", "p95, ms", "seq./s", "at batch", "MiB"]


def table(models: Sequence[ServedModel]) -> Iterator[list[str]]:
    """A row for each model; of one that was not served, why."""
    for one in models:
        if not one.means:
            yield [one.variant.name, one.form, f"not served: {one.reason}", *["-"] * 5]
            continue
        numbers = [_figure(one, name) for name in ("latency_p50_ms", "latency_p95_ms", "sequences_per_second")]
        batch = one.variant.record.metrics.get(f"{one.prefix}/best_batch_size")
        at = "-" if batch is None else f"{batch:.0f}"
        yield [one.variant.name, one.form, _score(one), *numbers, at, _figure(one, "model_mib")]


def _score(one: ServedModel) -> str:
    """A score; for int8 with what is lost by it, if it loses anything."""
    if one.score is None:
        return "-"
    metric, lost = f"{one.prefix}/{one.score}", loss_of_score(one)
    value = number(metric, one.means[one.score])
    if lost is None or lost <= 0:
        return value
    if known(metric).in_points:
        return f"{value} (loses {100 * lost:.2g} points)"
    return f"{value} (worse by {number(metric, lost)})"


def _figure(one: ServedModel, name: str) -> str:
    value = one.means.get(name)
    return "-" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
