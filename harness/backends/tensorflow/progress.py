"""The progress of a training on the terminal: a bar with loss and speed, or one line per epoch without a terminal."""

from collections.abc import Callable

from tqdm import tqdm

from harness.backends.history import Metrics, line, resuming
from harness.measure import StepTimer
from harness.notices import BAR, draws_bars, notify

REFRESH = 20
"""Steps between two updates of the bar, each of which reads the loss from the device."""


class Progress:
    """Shows epochs and steps; ``loss`` returns the loss of the last step."""

    def __init__(self, timer: StepTimer, epochs: int, loss: Callable[[], float]) -> None:
        self.timer, self.epochs, self.loss = timer, epochs, loss
        self.bar: tqdm | None = None

    def resumes(self, history: list[Metrics]) -> None:
        notify(resuming(history))

    def epoch_begins(self, epoch: int, steps: int) -> None:
        if draws_bars():
            title = f"epoch {epoch}/{self.epochs}"
            self.bar = tqdm(total=steps, desc=title, leave=False, dynamic_ncols=True, bar_format=BAR)

    def step(self, number: int) -> None:
        """A step, counted from 1, is done."""
        if self.bar is not None and number % REFRESH == 0:
            speed = sum(self.timer.tokens[-REFRESH:]) / sum(self.timer.seconds[-REFRESH:])
            # to read the loss is to wait for the device
            loss = {"loss": f"{self.loss():.4f}"} if self.timer.steps_are_timed else {}
            self.bar.set_postfix({**loss, "tokens/s": f"{speed:,.0f}"}, refresh=False)
            self.bar.update(REFRESH)

    def epoch_ends(self, numbers: Metrics) -> None:
        if self.bar is not None:
            self.bar.close()
        notify(line(numbers, self.epochs))
