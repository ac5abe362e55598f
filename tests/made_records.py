"""Records built by hand: what a run would have left, with the numbers that a test needs."""

import hashlib
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np

from harness.records import store
from harness.records.record import DataSummary, Environment, Hardware, Record
from harness.tasks.predictions import Predictions

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
LATENCY, TOKENS, MEMORY = "latency/p50_ms", "speed/train_tokens_per_second", "memory/host_train_peak_mib"
HISTORY = [{"epoch": 1, "val/accuracy": 0.5, "val/loss": 2.0}, {"epoch": 2, "val/accuracy": 0.7, "val/loss": 1.0}]
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


def sweep() -> list[Record]:
    """A sweep of two encoders over three seeds: ``lstm`` is more accurate, ``gru`` is faster."""
    lstm: dict[str, Any] = {"metrics": {LATENCY: [2.0, 2.2, 2.1], TOKENS: [100.0, 110.0, 105.0]}, "history": HISTORY}
    gru: dict[str, Any] = {"metrics": {LATENCY: [1.0, 1.2, 1.1], TOKENS: [200.0, 210.0, 205.0]}, "history": HISTORY}
    return over_seeds("lstm", [0.90, 0.92, 0.91], **lstm) + over_seeds("gru", [0.50, 0.52, 0.51], **gru)


def write(folder: Path, records: list[Record]) -> Path:
    """Write records below ``folder/runs``; returns ``folder``."""
    for number, record in enumerate(records):
        record.folder = folder / "runs" / str(number)
        record.folder.mkdir(parents=True)
        store.write(record)
    return folder


def keep(folder: Path, kept: Predictions, encoder: str = "lstm", seed: int = 0, **more: Any) -> Record:
    """A record in a folder of its own below ``folder``, with these predictions beside it."""
    data = {"task": kept.task, "sizes": {"train": 3, "validation": 3, "test": len(kept)}, **more.pop("data", {})}
    own = folder / "runs" / "made" / f"{encoder}-{seed}"
    own.mkdir(parents=True, exist_ok=True)
    kept.save(own / store.PREDICTIONS)
    return made(encoder, seed, None, data=data, folder=own, run_dir=f"runs/made/{own.name}", **more)


def classified(
    folder: Path, predicted: dict[str, list[list[int]]], truth: list[int], classes: list[str], **more: Any
) -> list[Record]:
    """Records of a classification with predictions: by encoder, one list of class ids for each seed."""
    return [
        keep(folder, Predictions("classification", np.array(ids), np.array(truth)), encoder, seed,
             metrics={"test/accuracy": float(np.mean(np.array(ids) == truth))}, data={"classes": classes}, **more)
        for encoder, runs in predicted.items()
        for seed, ids in enumerate(runs)
    ]  # fmt: skip
