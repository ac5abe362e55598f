"""The training of a model: step, optimizer, schedule and validation, as a LightningModule."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytorch_lightning as lightning
import torch
from torch import Tensor

from harness.backends.base import DeviceBatch
from harness.backends.history import Metrics, spent
from harness.backends.pytorch.embedding_table import EmbeddingTable
from harness.backends.pytorch.losses import Loss
from harness.backends.pytorch.model import SequenceModel
from harness.backends.pytorch.optimizers import clip_gradients, make_optimizer
from harness.backends.schedules import RateOf
from harness.config.schema import OptimizerConfig
from harness.data import Batches
from harness.measure import StepTimer
from harness.tasks import task as tasks


class TimedBatches:
    """The batches of an epoch; the timer counts the time that Lightning waits for each of them."""

    def __init__(self, batches: Batches, timer: StepTimer) -> None:
        self.batches, self.timer = batches, timer
        self.sampler = self  # where Lightning looks for set_epoch

    def set_epoch(self, epoch: int) -> None:
        self.batches.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[DeviceBatch]:
        return self.timer.waiting(self.batches)


class Training(lightning.LightningModule):
    """A model with its loss and optimizer. ``history`` gets one entry of metrics per epoch.

    ``evaluated`` names the splits that are evaluated after each epoch; without any, the entry has the training loss
    alone. ``rate_of`` gives the learning rate of an epoch, where the history decides it.

    The step is written out here instead of using Lightning's automatic optimization, whose work around forward,
    backward and update would take a millisecond of every measured step.
    """

    def __init__(
        self, model: SequenceModel, task: tasks.Task, loss: Loss, optimizer: OptimizerConfig, clip_norm: float | None,
        seed: int, total_steps: int, timer: StepTimer, rate_of: RateOf | None = None,
        evaluated: Sequence[str] = ("val",),
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.task, self.loss = task, loss
        self.model, self.optimizer_settings, self.clip_norm = model, optimizer, clip_norm
        self.seed, self.total_steps, self.timer = seed, total_steps, timer
        self.rate_of, self.evaluated = rate_of, evaluated
        self.history: list[Metrics] = []
        self._loss_sum = torch.zeros(())
        self._sequences = 0
        self.last_loss: Tensor | None = None
        self._evaluated: list[tuple[int, tasks.Scored]] = []

    def on_train_epoch_start(self) -> None:
        # dropout depends only on seed and epoch, so that a resumed training equals one that was never interrupted
        rank = [self.global_rank] if self.global_rank else []
        torch.manual_seed(int(np.random.SeedSequence([self.seed, self.current_epoch, *rank]).generate_state(1)[0]))
        self._loss_sum = torch.zeros((), device=self.device)
        self._sequences = 0
        if self.rate_of is not None:
            # the first process decides: batch normalisation, for one, gives each process scores of its own
            rate = self.trainer.strategy.broadcast(self.rate_of(self.history))
            for group in self.optimizers().param_groups:
                group["lr"] = rate
        self.timer.epoch_begins()

    def training_step(self, batch: DeviceBatch, index: int) -> None:
        optimizer, schedule = self.optimizers(), self.lr_schedulers()
        self.timer.step_begins()
        optimizer.zero_grad()
        loss = self.loss(self.model(batch.x, batch.length_B), batch.y, batch.length_B)
        with self._single_precision():
            self.manual_backward(loss if batch.weight == 1 else loss * batch.weight)
            if self.clip_norm is not None:
                clip_gradients(self.parameters(), self.clip_norm)
            optimizer.step()
        if schedule is not None:
            schedule.step()
        self.timer.step_ends(batch.tokens, batch.sequences)
        self.last_loss = loss.detach()
        if batch.weight:
            self._loss_sum += self.last_loss * (batch.weight * batch.whole)
        self._sequences += batch.whole
        if index + 1 == self.trainer.num_training_batches:
            self.timer.epoch_ends()
            if not self.evaluated:  # Lightning then calls no hook of validation
                self._end_epoch()

    def _single_precision(self) -> AbstractContextManager:
        """Leave autocast, which Lightning enables for the whole step if the precision is bf16.

        Inside autocast, gradients would be in half precision even for the parts that the model computes in single
        precision. If autocast is off already, entering a context would cost a few percent of a step.
        """
        device = self.device.type
        return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()

    def validation_step(self, batch: DeviceBatch, _index: int, dataloader_idx: int = 0) -> None:
        outputs = self.model(batch.x, batch.length_B).float()
        scored = tuple(part.cpu().numpy() for part in (outputs, batch.y, batch.length_B))
        self._evaluated.append((dataloader_idx, scored))

    def on_validation_epoch_end(self) -> None:
        self._end_epoch()

    def _end_epoch(self) -> None:
        metrics = {f"train/{self.task.loss}": self._mean_loss() * self.task.loss_unit}
        for index, split in enumerate(self.evaluated):
            parts = [scored for number, scored in self._evaluated if number == index]
            if parts:
                suffix = "_each_epoch" if split == "test" else ""
                metrics |= {f"{split}/{name}{suffix}": value for name, value in self.task.evaluate(parts).items()}
        self._evaluated.clear()
        self.history.append({"epoch": self.current_epoch + 1, **metrics, **spent(self.history, self.timer)})

    def _mean_loss(self) -> float:
        """The mean over the sequences of the epoch, on all processes; each process counts whole batches."""
        total = torch.stack([self._loss_sum, self._loss_sum.new_tensor(self._sequences)])
        if self.trainer.world_size > 1:
            torch.distributed.all_reduce(total)
        return float(total[0] / total[1])

    def release_tables(self) -> None:
        """Let no table keep the optimizer's state after the training.

        Lightning has no hook for it: it calls none where a run resumes after its last epoch.
        """
        for module in self.modules():
            if isinstance(module, EmbeddingTable):
                module.release()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["history"] = self.history

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.history = checkpoint["history"]

    def configure_optimizers(self) -> Any:
        processes = self.trainer.world_size
        optimizer, schedule = make_optimizer(self.optimizer_settings, self.model, self.total_steps, processes)
        return optimizer if schedule is None else {"optimizer": optimizer, "lr_scheduler": schedule}
