"""The checkpoints of a training: the last epoch, to resume from, and the best one, to use."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from harness.backends.history import Metrics, best_epoch, check_finite, is_over
from harness.records import store

LAST, BEST = "last.ckpt", "best.ckpt"
"""Everything that the next epoch depends on, after the last epoch and after the best one."""


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint whole: a run that is killed while it writes, or loses its power, keeps the previous one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        with store.whole_file(Path(path)) as temporary:
            super().save_checkpoint(checkpoint, temporary, storage_options)


def load(path: Path) -> dict[str, Any]:
    """A checkpoint, memory-mapped: its optimizer state must not count as memory of the training."""
    return torch.load(path, weights_only=True, map_location="cpu", mmap=True)


class EpochEnds(lightning.Callback):
    """At the end of each epoch: save the last and the best checkpoint, report the metrics, and stop in time.

    Lightning's own callbacks save the last epoch only if it is also the best, and lose the state of early stopping
    when a training is resumed.
    """

    def __init__(
        self, folder: Path, monitor: str, patience: int | None, epoch_done: Callable[[Metrics], None],
        limits: Sequence[float] = (),
    ) -> None:
        self.last, self.best = folder / LAST, folder / BEST
        self.monitor, self.patience, self.epoch_done, self.limits = monitor, patience, epoch_done, limits

    def on_load_checkpoint(self, trainer, module, checkpoint: dict[str, Any]) -> None:
        # the run may have been interrupted between the two files
        self._keep_best(trainer, checkpoint["history"])

    def on_train_start(self, trainer, module) -> None:
        self._stop_in_time(trainer, module.history)

    def on_train_epoch_end(self, trainer, module) -> None:
        check_finite(module.history[-1])
        trainer.save_checkpoint(self.last)
        self._keep_best(trainer, module.history)
        if trainer.is_global_zero:
            self.epoch_done(module.history[-1])
        self._stop_in_time(trainer, module.history)

    def _keep_best(self, trainer, history: list[Metrics]) -> None:
        if trainer.is_global_zero and best_epoch(history, self.monitor) == len(history):
            with store.whole_file(self.best) as temporary:
                shutil.copyfile(self.last, temporary)

    def _stop_in_time(self, trainer, history: list[Metrics]) -> None:
        over = is_over(history, self.monitor, self.patience, self.limits)
        if trainer.strategy.broadcast(over):  # the first process, which keeps the best epoch, decides for all
            trainer.should_stop = True
