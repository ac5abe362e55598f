"""Which weights are kept where epochs have equal scores: those with the lowest loss, also where a training resumes."""

from types import SimpleNamespace

import numpy as np
import pytest

from harness.backends.history import best_epoch

SPANS = [
    {"epoch": number, "val/f1_span": score, "val/loss": loss}
    for number, (score, loss) in enumerate([(0.5, 0.1), (0.7, 0.8), (0.7, 0.4), (0.7, 0.4), (0.6, 0.1)], 1)
]
"""Of epochs 2, 3 and 4, which have the best score, 3 is the first of the lowest loss."""
REGRESSION = [
    {"epoch": number, "val/accuracy": score, "val/mse": error}
    for number, (score, error) in enumerate([(0.7, 0.4), (0.6, 0.1), (0.7, 0.3), (0.7, 0.5)], 1)
]
CASES = [(SPANS, "val/f1_span", 3), (REGRESSION, "val/accuracy", 3)]


class KerasTraining:
    """The last epoch as the only weight of a model."""

    def __init__(self):
        self.weight = np.zeros(1)

    @property
    def weights(self):
        return [SimpleNamespace(numpy=lambda: self.weight)]

    state = weights

    def restore(self, arrays):
        (self.weight,) = arrays


def kept_by_torch(folder, history, monitor, interrupted):
    from harness.backends.pytorch.checkpoints import EpochEnds

    trainer = SimpleNamespace(is_global_zero=True, strategy=SimpleNamespace(broadcast=lambda over: over))
    ends = EpochEnds(folder, monitor, None, epoch_done=lambda _: None)
    for epoch in range(1, len(history) + 1):
        trainer.save_checkpoint = lambda path, epoch=epoch: path.write_text(str(epoch))
        ends.on_train_epoch_end(trainer, SimpleNamespace(history=history[:epoch]))
        if epoch == interrupted:
            ends = EpochEnds(folder, monitor, None, epoch_done=lambda _: None)
            ends.on_load_checkpoint(trainer, None, {"history": history[:epoch]})
    return int(ends.best.read_text())


def kept_by_keras(folder, history, monitor, interrupted):
    from harness.backends import array_files
    from harness.backends.tensorflow.training import BEST, resume, save

    training = KerasTraining()
    for epoch in range(1, len(history) + 1):
        training.weight = np.array([float(epoch)])
        save(training, history[:epoch], monitor, folder)
        if epoch == interrupted:
            training = KerasTraining()
            assert resume(training, monitor, folder) == history[:epoch]
    (weight,), epoch = array_files.load(folder / BEST)
    assert weight.tolist() == [epoch]
    return epoch


@pytest.mark.parametrize(("backend", "kept"), [("in_torch", kept_by_torch), ("in_keras", kept_by_keras)])
@pytest.mark.parametrize(("history", "monitor", "expected"), CASES)
@pytest.mark.parametrize("interrupted", [None, 2, 3, 4])
def test_the_weights_of_the_tied_epoch_with_the_lowest_loss_are_kept(
    request, tmp_path, backend, kept, history, monitor, expected, interrupted
):
    request.getfixturevalue(backend)
    assert kept(tmp_path, history, monitor, interrupted) == expected == best_epoch(history, monitor)
