"""The scikit-learn backend: ``harness.backends.Backend`` for models that are fitted as a whole.

A training is one epoch of one step: the n-grams, the fits of all candidates, and their scores on validation.

Dimension letters: N sequences, L length, C outputs.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from harness.backends import array_files
from harness.backends.base import DeviceBatch
from harness.backends.exported import Exported
from harness.backends.history import Metrics, check_finite, entry, evaluated_splits, line, spent
from harness.backends.outputs import in_order
from harness.backends.resuming import read_weights
from harness.backends.sklearn.model import Fitting, build
from harness.backends.sklearn.training import CANDIDATES
from harness.config.schema import Config
from harness.data import Batch, Batches, Dataset, Split
from harness.data.batches import gather
from harness.data.dataset import IGNORED
from harness.errors import UserError
from harness.measure import StepTimer
from harness.notices import notify
from harness.records import store
from harness.records.metrics import TRIALS
from harness.records.record import Hardware, Kernels
from harness.tasks.task import Scored, class_weights, task_of

BEST = "best.npz"


class Backend:
    """Baselines with scikit-learn, in one process, on the processor, in double precision."""

    rank = 0
    exports: tuple[str, ...] = ()

    def __init__(self, config: Config, hardware: Hardware) -> None:
        self.config, self.hardware = config, hardware
        threadpool_limits(hardware.threads)

    def seed(self, seed: int) -> None:
        """Nothing to do: what draws random numbers gets the seed of the config."""

    def build(self, data: Dataset, seed: int) -> None:
        self._check()
        self.task = task_of(data)
        self.model = build(self.config, data, self.task, self.task.monitor(self.config.trainer.monitor))

    def _check(self) -> None:
        """Refuse what this backend does not do.

        Raises:
            UserError: one sentence with the key.
        """
        if self.config.mode == "profile":
            raise UserError(
                "mode=profile times forward and backward passes, and the models of backend=sklearn have no backward "
                "pass; take encoders of another backend"
            )
        for key, given, only in (
            ("devices", self.hardware.devices, 1), ("nodes", self.hardware.nodes, 1),
            ("precision", self.hardware.precision, "32"),
        ):  # fmt: skip
            if given != only:
                raise UserError(
                    f"backend=sklearn computes in one process and never in half precision; hardware.{key}={given} is "
                    f"for other backends: set hardware.{key}={only}"
                )

    def parameters(self) -> Metrics:
        return {"cost/parameters": self.model.parameters}

    def kernels(self) -> Kernels:
        return {}

    def flops(self, length: int) -> int | None:
        return None  # the products are sparse: their number depends on the sequence, not on its length

    def fit(
        self, data: Dataset, timer: StepTimer, folder: Path, epoch_done: Callable[[Metrics], None],
        limits: Sequence[float] = (),
    ) -> tuple[list[Metrics], int]:
        trainer, task = self.config.trainer, self.task
        weights_C = class_weights(self.config, data)
        fitting = Fitting(data, task, task.monitor(trainer.monitor), self.config.seed, weights_C)
        timer.epoch_begins()
        timer.step_begins()
        candidates = self.model.fit(fitting)
        timer.step_ends(len(data.train.x), len(data.train))
        timer.epoch_ends()
        scores = {
            name: task.evaluate(list(self._outcomes(split)))
            for name, split in evaluated_splits(data, trainer.report_test_each_epoch).items()
        }
        numbers = entry(1, {f"train/{task.loss}": self._mean_loss(data)}, scores) | spent([], timer)
        check_finite(numbers)
        if len(candidates) > 1:
            numbers[TRIALS] = len(candidates)
        array_files.save(folder / BEST, self.model.arrays(), {})
        if candidates:
            store.write_json(folder / CANDIDATES, candidates)
        epoch_done(numbers)
        notify(line(numbers, 1))
        return [numbers], 1

    def _mean_loss(self, data: Dataset) -> float:
        """The mean of the task's loss over train, batch by batch, so that the outputs need not fit into memory."""
        total = counted = 0.0
        for outputs, y, length in self._outcomes(data.train):
            number = int((y != IGNORED).sum()) if data.task == "tagging" else len(y)
            if number:
                total += number * self.task.evaluate([(outputs, y, length)])[self.task.loss]
                counted += number
        return total / counted

    def restore(self, folder: Path) -> None:
        with read_weights(folder / BEST):
            arrays, _ = array_files.load(folder / BEST) or ([], None)
            self.model.load(arrays)

    def export(self, kind: str, file: Path, examples: Split) -> None:
        raise NotImplementedError("exports is empty")

    def exported(self, kind: str, file: Path) -> Exported:
        raise NotImplementedError("exports is empty")

    def gather(self, value: Metrics) -> list[Metrics]:
        return [value]

    def predict(self, split: Split) -> np.ndarray:
        outputs = (outputs for outputs, *_ in self._outcomes(split))
        return in_order(split, self.task, zip(self._evaluation(split).rows(), outputs, strict=True))

    def passes(
        self, split: Split, rows: Sequence[np.ndarray]
    ) -> tuple[Callable[[DeviceBatch], object], list[DeviceBatch]]:
        def forward(batch: DeviceBatch) -> np.ndarray:
            return self.model.outputs(batch.x, batch.length_B)

        return forward, [_as_given(gather(split, some)) for some in rows]

    def attention(self, split: Split, rows: np.ndarray) -> dict[str, np.ndarray]:
        return {}

    def training_pass(self) -> Callable[[DeviceBatch], object]:
        raise NotImplementedError("build refuses mode=profile")

    def warm_up_device(self) -> None:
        """Nothing to do: there is no accelerator."""

    def sync(self) -> None:
        """Nothing to do: what returns has finished."""

    def device_peak(self) -> float | None:
        return None

    def device_reset(self) -> None:
        """Nothing to do."""

    def _evaluation(self, split: Split) -> Batches:
        return Batches(split, self.config.trainer.eval_batch_size)

    def _outcomes(self, split: Split) -> Iterator[Scored]:
        """Outputs, labels and lengths, batch by batch."""
        for batch in self._evaluation(split):
            yield self.model.outputs(batch.x, batch.length_B), batch.y, batch.length_B


def _as_given(batch: Batch) -> DeviceBatch:
    return DeviceBatch(batch.x, batch.length_B, batch.y, batch.tokens, batch.sequences, batch.whole, batch.weight)
