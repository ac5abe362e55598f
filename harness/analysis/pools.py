"""Which variants of a comparison group may be ranked together in a metric."""

from collections.abc import Iterator

from harness.analysis.comparability import ComparisonGroup
from harness.analysis.partition import groups_of
from harness.analysis.variants import Variant
from harness.config.libraries import is_read
from harness.records.metrics import (
    ENCODER_PARAMETERS,
    END_TO_END,
    EPOCH_SECONDS,
    FORWARD_FLOPS,
    FROZEN_PARAMETERS,
    PARAMETERS,
    THROUGHPUT,
    known,
)
from harness.records.record import Record
from harness.records.serving_metrics import INT8, RUNTIME

TOKEN_BASED = (THROUGHPUT, END_TO_END)
"""The metrics that count tokens: those of two tokenizers are not alike."""
OF_PASSES = (
    *(THROUGHPUT, END_TO_END, EPOCH_SECONDS, "speed/train_sequences_per_second", "speed/data_wait_fraction"),
    *("speed/train_step_ms_p50", "speed/train_step_ms_p95"),
)
"""The metrics of a step or of a pass over train: they are not those of a model whose whole training is one step."""
TRAINED = (PARAMETERS, ENCODER_PARAMETERS)
"""The metrics that count what is trained: they do not tell the size of a model with frozen weights."""


def pools(group: ComparisonGroup, metric: str) -> Iterator[list[Variant]]:
    """The lists of variants that may be ranked together in a metric; metrics of profiles are never ranked."""
    definition = known(metric)
    if definition.kind == "profile":
        return
    pooled = [group.variants]
    # integer products may saturate on one processor and not on another, so that int8 scores are of a processor too
    if definition.of_hardware or metric.startswith(f"{INT8}/"):
        pooled = [hardware_group.variants for hardware_group in group.hardware_groups]
    if metric in OF_PASSES:
        pooled = [part for pool in pooled for part in groups_of(pool, _has_epochs)]
    if metric in TOKEN_BASED:
        pooled = [part for pool in pooled for part in groups_of(pool, lambda record: record.data.hash)]
    elif metric == FORWARD_FLOPS:
        pooled = groups_of(group.variants, measured_length)
    elif metric in TRAINED:
        pooled = [[variant for variant in group.variants if FROZEN_PARAMETERS not in variant.means]]
    if definition.served:
        pooled = [part for pool in pooled for part in groups_of(pool, _runtime)]
    for pool in pooled:
        yield [
            variant for variant in pool
            if metric in variant.means and not (definition.timed and variant.disturbed)
        ]  # fmt: skip


def _has_epochs(record: Record) -> bool:
    return is_read(record.choices["backend"], "trainer.epochs")


def _runtime(record: Record) -> tuple[str | None, ...]:
    """The versions of ONNX Runtime and of the tokenizers library, with which exported models were measured."""
    return tuple(record.environment.versions.get(package) for package in RUNTIME)


def measured_length(record: Record) -> int:
    """The length of the sequence that latency and operations are of, by default the longest of the data."""
    return int((record.config.get("measure") or {}).get("latency_length") or record.data.max_length)
