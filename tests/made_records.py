"""Records built by hand: what a run would have left, with the numbers that a test needs."""

import hashlib
from copy import deepcopy
from pathlib import Path
from typing import Any

from harness.records.record import DataSummary, Environment, Hardware, Record

CONFIG: dict[str, Any] = {
    "backend": {"name": "pytorch"},
    "hardware": {"accelerator": "auto", "devices": 1, "nodes": 1, "precision": "32", "threads": None},
    "data": {"_target_": "harness.data.loaders.digits.digits", "limit": None},
    "encoder": {"_target_": "harness.backends.pytorch.encoders.LSTM", "hidden_size": 128},
    "pooling": {"_target_": "harness.backends.pytorch.poolings.Mean"},
    "optimizer": {"name": "adam", "lr": 0.001},
    "trainer": {"epochs": 2, "batch_size": 32},
    "measure": {"warmup_steps": 10, "latency_length": None},
    "output_dir": "outputs",
}
HARDWARE: dict[str, Any] = {
    "accelerator": "cpu", "devices": 1, "nodes": 1, "precision": "32", "threads": 2, "device_names": [],
}  # fmt: skip
VERSIONS = {"python": "3.11.7", "torch": "2.13.0", "numpy": "2.4.6"}


def made(
    encoder: str = "lstm", seed: int = 0, accuracy: float | None = 0.9, code: str = "", started: int = 0, **more: Any
) -> Record:
    """A record.

    ``more`` is any field of a record. These are merged into what a record has otherwise: ``metrics``, ``choices``,
    ``config`` (dotted keys), ``environment`` and ``data`` (fields of ``Environment`` and ``DataSummary``;
    ``environment["hardware"]`` is a whole ``Hardware``, as a dict).
    """
    choices = {"encoder": encoder, "pooling": "mean", "position": "none", "data": "digits", "backend": "pytorch",
               "hardware": "auto"} | more.pop("choices", {})  # fmt: skip
    config = deepcopy(CONFIG)
    config["encoder"]["_target_"] = f"harness.backends.{choices['backend']}.encoders.{encoder}"
    for key, value in more.pop("config", {}).items():
        *path, last = key.split(".")
        inner = config
        for part in path:
            inner = inner[part]
        inner[last] = value
    environment = {"processor": "AMD EPYC", "versions": VERSIONS, "hardware": HARDWARE} | more.pop("environment", {})
    data = {"source": "scikit-learn", "hash": "ba110a30", "task": "classification"} | more.pop("data", {})
    metrics = {} if accuracy is None else {"test/accuracy": accuracy}
    identity = repr([choices["encoder"], config, environment["hardware"], environment["versions"], data, code])
    variant = hashlib.sha256(identity.encode()).hexdigest()
    moment = f"2026-01-01T00:00:{started:02d}.000+00:00"
    run_dir = more.pop("run_dir", f"runs/{encoder}-{seed}-{variant[:6]}-{started}")
    fields: dict[str, Any] = {
        "name": "digits", "label": f"{encoder}/seed={seed}", "fingerprint": f"{variant}{seed}", "variant": variant,
        "seed": seed, "choices": choices, "config": {**config, "seed": seed, "name": "digits", "choices": choices},
        "data": DataSummary(**data),
        "environment": Environment(**{**environment, "hardware": Hardware(**environment["hardware"])}),
        "status": "finished", "metrics": metrics | more.pop("metrics", {}), "run_dir": run_dir,
        "folder": Path("outputs", run_dir), "started": moment, "ended": moment,
    }  # fmt: skip
    return Record(**deepcopy(fields | more))


def over_seeds(encoder: str, accuracies: list[float] | list[None], **more: Any) -> list[Record]:
    """One record a seed, with these accuracies; ``metrics`` are lists over seeds too."""
    metrics = more.pop("metrics", {})
    return [
        made(
            encoder, seed, accuracy, metrics={name: values[seed] for name, values in metrics.items()}, **deepcopy(more)
        )
        for seed, accuracy in enumerate(accuracies)
    ]
