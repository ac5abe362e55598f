"""What it costs to serve the variants of a comparison group: each in float32 and in int8."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from harness.analysis.comparability import ComparisonGroup, best_first
from harness.analysis.variants import Variant
from harness.records import store
from harness.records.metrics import QUALITY, known, without_split
from harness.records.record import Record
from harness.records.serving_metrics import FORMS, MEASURED


@dataclass(frozen=True)
class ServedModel:
    """One form of a variant's exported model, ``float32`` or ``int8``.

    ``prefix`` is the first part of its metrics' names, ``score`` the name of its score, without that part. ``means``
    are by the names without that part; empty where there are none, and ``reason`` says why. ``curve`` has the numbers
    of the newest run at each batch size.
    """

    variant: Variant
    form: str
    prefix: str
    score: str | None = None
    means: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    curve: list[dict[str, float]] = field(default_factory=list)


def served_models(group: ComparisonGroup) -> list[ServedModel]:
    """Both forms of each variant that was served, or was to be; the best variant in quality first."""
    return [one for variant in best_first(group, group.variants) for one in _of(variant)]


def loss_of_score(model: ServedModel) -> float | None:
    """By how much the score of the int8 form is worse than that of float32; negative where it is better."""
    whole = next((one for one in _of(model.variant) if one.prefix != model.prefix), None)
    if model.form != "int8" or whole is None or model.score is None or model.score not in whole.means:
        return None
    difference = whole.means[model.score] - model.means[model.score]
    return difference if known(f"{model.prefix}/{model.score}").higher_is_better else -difference


def _of(variant: Variant) -> Iterator[ServedModel]:
    measured = any(known(metric).served for metric in variant.means)
    found = _file(variant.record) if measured or _asked(variant.record) else {}
    if not measured and not found:
        return
    for form, prefix in FORMS.items():
        names = {without_split(metric): mean.mean for metric, mean in variant.means.items() if metric in _own(prefix)}
        score = next((name for name in map(without_split, QUALITY) if name in names), None)
        own = found.get(form) or {}
        reason = "" if names else own.get("reason") or found.get("reason") or "not measured"
        yield ServedModel(variant, form, prefix, score, names, reason, own.get("curve") or [])


def _own(prefix: str) -> set[str]:
    """The names of the metrics of one form of the model."""
    return {f"{prefix}/{name}" for name in (*MEASURED, *map(without_split, QUALITY))}


def _asked(record: Record) -> bool:
    return bool((record.config.get("measure") or {}).get("serve"))


def _file(record: Record) -> dict[str, Any]:
    """The content of ``serving.json`` in a run's folder; empty where it is gone or damaged."""
    try:
        found = store.load_json(record.folder / store.SERVING)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
