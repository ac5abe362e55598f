"""The recipe keras_self_attention_imdb as a script by hand: torch and NumPy, nothing of the harness.

    python tests/benchmarks/loop.py FOLDER_OF_PREPARED_DATA --threads 2 --epochs 1

It trains on the same batches, evaluates validation and test once, times whole evaluation batches for a second, and
prints its numbers as JSON: seconds of an epoch, peak resident memory of training over what was resident before the
model was built, sequences per second of inference, accuracies.

Dimension letters: N sequences, B batch, L length, E width, C classes.
"""

import argparse
import ctypes
import gc
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch._dynamo  # optimizers import it when made, and that is no memory that training takes
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH, DROPOUT, BATCH, EVALUATED, POOL, TIMED_BATCHES = 128, 0.5, 32, 256, 50, 20
ADAM = {"lr": 0.0002, "betas": (0.9, 0.999), "eps": 1e-7, "fused": True}


class Model(nn.Module):
    """Embedding -> self-attention, scores divided by 8 -> mean over real steps -> dropout -> dense."""

    def __init__(self, vocabulary: int, classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, WIDTH)
        self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.dropout = nn.Dropout(DROPOUT)
        self.dense = nn.Linear(WIDTH, classes)
        nn.init.uniform_(self.embedding.weight, -0.05, 0.05)  # as in Keras; torch's own, 1, learns much more slowly

    def forward(self, x_BL: Tensor, length_B: Tensor) -> Tensor:
        mask_BL = torch.arange(x_BL.shape[1]) < length_B[:, None]
        q_B1LE, k_B1LE, v_B1LE = self.query_key_value(self.embedding(x_BL))[:, None].chunk(3, -1)
        y_B1LE = F.scaled_dot_product_attention(q_B1LE, k_B1LE, v_B1LE, mask_BL[:, None, None], scale=1 / 8)
        z_BE = (y_B1LE[:, 0] * mask_BL[:, :, None]).sum(1) / length_B[:, None]
        return self.dense(self.dropout(z_BE))


def plan(length_N: np.ndarray, size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """The rows of each batch: of pools drawn at random those of like length together, then shuffled."""
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(length_N))
    batches = []
    for start in range(0, len(order), size * POOL):
        pool = order[start : start + size * POOL]
        batches += cut(pool[np.argsort(length_N[pool], kind="stable")], size)
    return [batches[index] for index in generator.permutation(len(batches))]


def cut(rows_N: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows_N[start : start + size] for start in range(0, len(rows_N), size)]


class Split:
    """One part of the prepared data."""

    def __init__(self, folder: Path, name: str) -> None:
        x_T, offsets, self.y_N = (np.load(folder / f"{name}.{part}.npy") for part in ("x", "offsets", "y"))
        self.length_N = np.diff(offsets)
        self.x_NL = np.zeros((len(self.y_N), self.length_N.max()), np.int32)
        for row_L, start, end in zip(self.x_NL, offsets[:-1], offsets[1:], strict=True):
            row_L[: end - start] = x_T[start:end]

    def batches(self, rows: list[np.ndarray]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for some in rows:
            arrays = self.x_NL[some, : self.length_N[some].max()], self.length_N[some], self.y_N[some]
            yield tuple(map(torch.from_numpy, arrays))


def train(model: Model, split: Split, epochs: int) -> list[float]:
    """Seconds of each epoch."""
    optimizer = torch.optim.Adam(model.parameters(), **ADAM)
    model.train()
    seconds = []
    for epoch in range(epochs):
        start = time.perf_counter()
        for x_BL, length_B, y_B in split.batches(plan(split.length_N, BATCH, 0, epoch)):
            optimizer.zero_grad()
            F.cross_entropy(model(x_BL, length_B), y_B).backward()
            optimizer.step()
        seconds.append(time.perf_counter() - start)
    return seconds


@torch.inference_mode()
def accuracy(model: Model, split: Split) -> float:
    model.eval()
    rows = cut(np.argsort(split.length_N, kind="stable"), EVALUATED)[::-1]
    right = sum(int((model(x_BL, length_B).argmax(-1) == y_B).sum()) for x_BL, length_B, y_B in split.batches(rows))
    return right / len(split.y_N)


@torch.inference_mode()
def inference(model: Model, split: Split, seconds: float = 1.0) -> float:
    """Sequences per second over batches that are tensors already, whole rounds after one to warm up."""
    model.eval()
    batches = list(split.batches(plan(split.length_N, EVALUATED, 0, 0)[:TIMED_BATCHES]))
    for x_BL, length_B, _ in batches:
        model(x_BL, length_B)
    sequences, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for x_BL, length_B, _ in batches:
            model(x_BL, length_B)
            sequences += len(x_BL)
    return sequences / (time.perf_counter() - start)


def status_mib(field: str) -> float:
    """Resident memory (``VmRSS``) or its peak since the last reset (``VmHWM``), proc(5)."""
    return int(re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def give_back_freed() -> None:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--epochs", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(0)
    meta = json.loads((chosen.folder / "meta.json").read_text(encoding="utf8"))
    training, validation, test = (Split(chosen.folder, name) for name in ("train", "validation", "test"))
    give_back_freed()
    before = status_mib("VmRSS")
    model = Model(len(meta["vocabulary"]), len(meta["classes"]))
    give_back_freed()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    seconds = train(model, training, chosen.epochs)
    found = {"epoch_seconds": float(np.median(seconds)), "train_peak_mib": status_mib("VmHWM") - before}
    found |= {"val_accuracy": accuracy(model, validation), "test_accuracy": accuracy(model, test)}
    print(json.dumps({**found, "inference_sequences_per_second": inference(model, validation)}))


if __name__ == "__main__":
    main()
