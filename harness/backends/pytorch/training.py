"""How a model is trained: loss, optimizer, schedule and validation, as Lightning wants them."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytorch_lightning as lightning
import torch
from torch import Tensor

from harness.backends.pytorch.losses import LOSSES
from harness.backends.pytorch.model import SequenceModel
from harness.backends.pytorch.optimizers import clip_gradients, make_optimizer
from harness.data import Dataset
from harness.measure import StepTimer
from harness.tasks import task as tasks
from harness.tasks.task import task_of


class Training(lightning.LightningModule):
    """A model with its loss and optimizer. ``history`` gets an object of metrics per epoch.

    The step is written out here, between the timer's marks, rather than left to Lightning's automatic optimization:
    what that does around forward, backward and update would be a millisecond of every step.
    """

    def __init__(
        self, model: SequenceModel, data: Dataset, optimizer: dict[str, Any], clip_norm: float | None, seed: int,
        total_steps: int, timer: StepTimer,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.task, self.loss = task_of(data), LOSSES[data.task]
        self.model, self.optimizer_settings, self.clip_norm = model, optimizer, clip_norm
        self.seed, self.total_steps, self.timer = seed, total_steps, timer
        self.history: list[dict[str, float]] = []
        self._loss_sum = torch.zeros(())
        self._sequences = 0
        self.last_loss: Tensor | None = None
        self._evaluated: list[tuple[int, tasks.Scored]] = []

    def on_train_epoch_start(self) -> None:
        # dropout's draws depend on seed and epoch alone, so that a resumed training goes on as if never interrupted
        rank = [self.global_rank] if self.global_rank else []
        torch.manual_seed(int(np.random.SeedSequence([self.seed, self.current_epoch, *rank]).generate_state(1)[0]))
        self._loss_sum = torch.zeros((), device=self.device)
        self._sequences = 0
        self.timer.epoch_begins()

    def training_step(self, batch: tuple, index: int) -> None:
        x, length_B, y, tokens, sequences, weight, whole = batch
        optimizer, schedule = self.optimizers(), self.lr_schedulers()
        self.timer.step_begins()
        optimizer.zero_grad()
        loss = self.loss(self.model(x, length_B), y, length_B)
        with self._single_precision():
            self.manual_backward(loss if weight == 1 else loss * weight)
            if self.clip_norm is not None:
                clip_gradients(self.parameters(), self.clip_norm)
            optimizer.step()
        if schedule is not None:
            schedule.step()
        self.timer.step_ends(tokens, sequences)
        self.last_loss = loss.detach()
        if weight:
            self._loss_sum += self.last_loss * (weight * whole)
        self._sequences += whole
        if index + 1 == self.trainer.num_training_batches:
            self.timer.epoch_ends()

    def _single_precision(self) -> AbstractContextManager:
        """Out of autocast, which Lightning has on for the whole of a step where the precision is bf16.

        Within it a gradient would be in half precision even of what the model computes in single. Where it is off, to
        enter and leave it would be a few percent of a step.
        """
        device = self.device.type
        return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()

    def validation_step(self, batch: tuple, _index: int, dataloader_idx: int = 0) -> None:
        x, length_B, y, *_ = batch
        outputs = self.model(x, length_B).float()
        self._evaluated.append((dataloader_idx, tuple(part.cpu().numpy() for part in (outputs, y, length_B))))

    def on_validation_epoch_end(self) -> None:
        found = {f"train/{self.task.loss}": self._mean_loss()}
        for index, split in enumerate(("val", "test")):
            parts = [scored for number, scored in self._evaluated if number == index]
            if parts:
                found |= {f"{split}/{name}": value for name, value in self.task.evaluate(parts).items()}
        self._evaluated.clear()
        each_epoch = {f"{name}_each_epoch": found.pop(name) for name in list(found) if name.startswith("test/")}
        self.history.append({"epoch": self.current_epoch + 1, **found, **each_epoch})

    def _mean_loss(self) -> float:
        """Over the sequences of the epoch; of processes that share a training, all count each batch as a whole."""
        total = torch.stack([self._loss_sum, self._loss_sum.new_tensor(self._sequences)])
        if self.trainer.world_size > 1:
            torch.distributed.all_reduce(total)
        return float(total[0] / total[1])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["history"] = self.history

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.history = checkpoint["history"]

    def configure_optimizers(self) -> Any:
        optimizer, schedule = make_optimizer(self.optimizer_settings, self.model, self.total_steps)
        return optimizer if schedule is None else {"optimizer": optimizer, "lr_scheduler": schedule}
