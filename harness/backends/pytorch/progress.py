"""The progress of a training on the terminal: a bar with loss and speed, or one line per epoch without a terminal."""

import sys
from contextlib import redirect_stdout
from typing import Any

from pytorch_lightning.callbacks import TQDMProgressBar

from harness.backends.history import line, resuming
from harness.measure import StepTimer
from harness.notices import BAR, draws_bars, notify


class Progress(TQDMProgressBar):
    """One bar for training, redrawn in place, with loss and speed; without a terminal, one line per epoch."""

    BAR_FORMAT = BAR

    def __init__(self, timer: StepTimer) -> None:
        super().__init__(refresh_rate=20 if draws_bars() else 0)
        self.timer = timer

    def init_train_tqdm(self) -> Any:
        with redirect_stdout(sys.stderr):  # Lightning draws its bars on standard output, which is for the results
            bar = super().init_train_tqdm()
        bar.leave = False  # the lines of the epochs stay
        return bar

    def init_validation_tqdm(self) -> Any:
        with redirect_stdout(sys.stderr):
            return super().init_validation_tqdm()

    def on_train_start(self, trainer, module) -> None:
        super().on_train_start(trainer, module)
        if module.history:
            self._say(trainer, resuming(module.history))

    def on_train_epoch_start(self, trainer, *_: Any) -> None:
        super().on_train_epoch_start(trainer)
        self.train_progress_bar.set_description(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}")

    def get_metrics(self, trainer, module) -> dict[str, str]:
        shown = {}
        if module.last_loss is not None and self.timer.steps_are_timed:  # to read it is to wait for the device
            shown["loss"] = f"{float(module.last_loss):.4f}"
        recent = sum(self.timer.seconds[-20:])
        if recent:
            shown["tokens/s"] = f"{sum(self.timer.tokens[-20:]) / recent:,.0f}"
        return shown

    def on_train_epoch_end(self, trainer, module) -> None:
        super().on_train_epoch_end(trainer, module)
        self._say(trainer, line(module.history[-1], trainer.max_epochs))

    def _say(self, trainer, text: str) -> None:
        """Print a text that stays; of several processes the first does."""
        if trainer.is_global_zero:
            self.print(text, file=sys.stderr) if self.is_enabled else notify(text)
