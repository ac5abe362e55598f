"""What watches a training: how long batches take to come, the progress bar, the news of each epoch, the disk."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import TQDMProgressBar
from pytorch_lightning.plugins.io import TorchCheckpointIO

from harness.backends.history import best_epoch, check_finite, line, patience_is_out
from harness.data import Batches
from harness.errors import UserError
from harness.measure import StepTimer

LAST, BEST = "last.ckpt", "best.ckpt"
"""All that the next epoch depends on, after the last epoch and after the best one."""


class TimedBatches:
    """The batches of an epoch; the time that Lightning waits for each is the timer's."""

    def __init__(self, batches: Batches, timer: StepTimer) -> None:
        self.batches, self.timer = batches, timer
        self.sampler = self  # where Lightning looks for set_epoch

    def set_epoch(self, epoch: int) -> None:
        self.batches.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator:
        return self.timer.waiting(self.batches)


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it: a run killed while writing finds the one before."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        part = f"{path}.part"
        super().save_checkpoint(checkpoint, part, storage_options)
        os.replace(part, path)


class SameEverywhere(lightning.Callback):
    """Refuses a training whose nodes were given different things to do; ``told`` is what this one was."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told

    def setup(self, trainer, module, stage: str) -> None:
        everywhere: list[Any] = [None] * trainer.world_size
        torch.distributed.all_gather_object(everywhere, self.told)
        for name, value in self.told.items():
            if any(other[name] != value for other in everywhere):
                raise UserError(
                    f"the nodes do not agree about {name}: give each the same command, data, code and kind of machine, "
                    "and an output_dir that all share"
                )


class EpochEnds(lightning.Callback):
    """What is done at the end of each epoch: keep it to go on from, keep the best, tell of it, and stop in time.

    Lightning's own callbacks for this keep the last epoch only where it is the best as well, and decide anew after an
    interruption.
    """

    def __init__(
        self, folder: Path, monitor: str, patience: int | None, tell: Callable[[dict[str, float]], None]
    ) -> None:
        self.last, self.best = folder / LAST, folder / BEST
        self.monitor, self.patience, self.tell = monitor, patience, tell

    def on_load_checkpoint(self, trainer, module, checkpoint: dict[str, Any]) -> None:
        # the interruption may have come between the two files
        self._keep_best(trainer, checkpoint["history"])

    def on_train_start(self, trainer, module) -> None:
        self._stop_in_time(trainer, module.history)

    def on_train_epoch_end(self, trainer, module) -> None:
        check_finite(module.history[-1])
        trainer.save_checkpoint(self.last)
        self._keep_best(trainer, module.history)
        if trainer.is_global_zero:
            self.tell(module.history[-1])
        self._stop_in_time(trainer, module.history)

    def _keep_best(self, trainer, history: list[dict[str, float]]) -> None:
        if trainer.is_global_zero and best_epoch(history, self.monitor) == len(history):
            part = self.best.with_suffix(".part")
            shutil.copyfile(self.last, part)
            os.replace(part, self.best)

    def _stop_in_time(self, trainer, history: list[dict[str, float]]) -> None:
        out = bool(history) and patience_is_out(history, self.monitor, self.patience)
        if trainer.strategy.reduce_boolean_decision(out, all=False):  # of several processes all stop, or none
            trainer.should_stop = True


class ProgressBar(TQDMProgressBar):
    """One line for training, redrawn in place, with loss and speed; where there is no terminal, one line an epoch."""

    def __init__(self, timer: StepTimer) -> None:
        super().__init__(refresh_rate=20 if sys.stderr.isatty() else 0)
        self.timer = timer

    def init_train_tqdm(self) -> Any:
        bar = super().init_train_tqdm()
        bar.leave = False  # the lines of the epochs stay
        return bar

    def on_train_epoch_start(self, trainer, *_: Any) -> None:
        super().on_train_epoch_start(trainer)
        self.train_progress_bar.set_description(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}")

    def get_metrics(self, trainer, module) -> dict[str, str]:
        shown = {"loss": f"{float(module.last_loss):.4f}"} if module.last_loss is not None else {}
        recent = sum(self.timer.seconds[-20:])
        if recent:
            shown["tokens/s"] = f"{sum(self.timer.tokens[-20:]) / recent:,.0f}"
        return shown

    def on_train_epoch_end(self, trainer, module) -> None:
        super().on_train_epoch_end(trainer, module)
        if not trainer.is_global_zero:
            return
        told = line(module.history[-1], trainer.max_epochs)
        self.print(told) if self.is_enabled else print(told, file=sys.stderr, flush=True)
