"""Configs as the command line composes them, and small data, for tests that train in this process."""

from typing import Any

import numpy as np
from conftest import REPOSITORY
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from harness.data import Dataset, from_sequences

PARTS = ("backend", "data", "encoder", "pooling", "position", "input", "head", "optimizer", "trainer", "measure")
HARDWARE = {"accelerator": "cpu", "devices": 1, "nodes": 1, "precision": "32", "threads": 1}


def composed(*overrides: str) -> dict[str, Any]:
    """The parts of the config that a backend reads."""
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        config = compose("config", list(overrides))
    parts = {part: OmegaConf.to_container(config[part], resolve=True) for part in PARTS}
    return {**parts, "seed": config.seed}


def words(sequences: int = 53, tagging: bool = False) -> Dataset:
    """Sequences of 0 to 7 token ids from a vocabulary of 29; 3 classes that a bag of words can tell apart."""
    rng = np.random.default_rng(0)

    def some(count: int):
        x = [rng.integers(2, 29, rng.integers(0, 8)) for _ in range(count)]
        y = [row % 3 for row in x] if tagging else [int(row.sum()) % 3 for row in x]
        return x, y

    vocabulary = [str(number) for number in range(29)]
    return from_sequences(some(sequences), some(17), some(19), classes=[0, 1, 2], vocabulary=vocabulary)


def features(sequences: int = 53) -> Dataset:
    """Sequences of 1 to 7 steps of 5 features, 3 classes."""
    rng = np.random.default_rng(0)

    def some(count: int):
        x = [rng.normal(size=(rng.integers(1, 8), 5)).astype(np.float32) for _ in range(count)]
        return x, [int(row[0, :3].argmax()) for row in x]

    return from_sequences(some(sequences), some(17), some(19), classes=[0, 1, 2])
