"""Finished runs, trained for an epoch in this process, and files of rows to train them on."""

import csv
import hashlib
import json
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
from conftest import QUICK

from harness.config.compose import compose
from harness.data import read_summary
from harness.records import store
from harness.records.record import Hardware, now
from harness.runner.lifecycle import Request, new_record
from harness.runner.messages import Measured, TrainJob
from harness.runner.run import prepare_data
from harness.runner.train import train

TINY = (
    *QUICK, "trainer.epochs=1", "tracking=none", "encoder=bag_of_embeddings", "input.size=7", "optimizer.lr=0.1",
    "trainer.batch_size=4", "trainer.eval_batch_size=16", "measure.attention_examples=0",
    "hardware=cpu", "hardware.threads=1",
)  # fmt: skip
WORDS = ["alpha", "beta", "Gamma", "delta", "epsilon", "zeta", "eta"]


def trained(output_dir: Path, *overrides: str) -> Path:
    """The folder of a finished run, as the command line leaves it, without pictures."""
    config = compose(*TINY, *overrides, f"output_dir={output_dir}")
    prepared = prepare_data(config)
    identity = hashlib.sha256(repr(overrides).encode()).hexdigest()
    hardware, started = Hardware("cpu"), time.time()
    record = new_record(Request(config, "tiny", started), hardware, read_summary(prepared), f"{identity}0", identity)
    record.folder.mkdir(parents=True)
    messages: list[Any] = []
    outcome = train(TrainJob(config, hardware, record.folder, prepared, started), messages.append)
    assert outcome is not None
    (measured,) = (message for message in messages if isinstance(message, Measured))
    record.metrics, record.history = measured.metrics, measured.history
    record.status, record.ended = outcome.status, now()
    store.write(record)
    return record.folder


def rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Rows of texts, words, tags, labels and prices; a word tells its tag and the labels of its text."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        words = [rng.choice(WORDS) for _ in range(rng.randint(1, 9))]
        found.append({
            "id": number, "title": rng.choice(WORDS), "text": " ".join(words), "words": words,
            "tags": ["T" if word < "b" else "O" for word in words],
            "label": "yes" if words.count("alpha") else "no",
            "labels": [word for word in ("alpha", "beta") if word in words],
            "price": 90_000 + 7000 * words.count("alpha"),
        })  # fmt: skip
    return found


def write_json_lines(file: Path, found: list[dict[str, Any]]) -> str:
    """Write rows into a file; returns its name."""
    file.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf8")
    return str(file)


def write_csv(file: Path, found: list[dict[str, Any]], columns: list[str]) -> str:
    """The same as csv, with these columns."""
    with open(file, "w", encoding="utf8", newline="") as opened:
        writer = csv.DictWriter(opened, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(found)
    return str(file)


def write_series(file: Path, count: int, seed: int) -> str:
    """Series of 1 to 7 steps of 2 channels far from 0, with gaps; the label is the sign of the first step."""
    rng = np.random.default_rng(seed)
    x = [rng.normal([5, -300], [3, 100], (rng.integers(1, 8), 2)) for _ in range(count)]
    y = ["up" if row[0, 0] > 5 else "down" for row in x]
    for x_LD in x:
        x_LD[1:][rng.random(x_LD[1:].shape) < 0.2] = np.nan
    np.savez(file, x=np.concatenate(x), y=y, offsets=np.cumsum([0, *map(len, x)]))
    return str(file)
