"""An interrupted training resumes from its last epoch, finds the best one, and trains no epoch too many."""

import shutil

import pytest

from harness import backends
from harness.analysis.targets import seconds_to
from harness.config.compose import compose
from harness.data.synthetic.features import synthetic_features
from harness.measure import StepTimer
from harness.records.record import Hardware
from harness.tasks.task import task_of

HARDWARE = Hardware("cpu")
LOSSES = [1.0, 2.0, 0.5, 3.0, 4.0, 5.0]
"""The validation losses that the test sets, epoch by epoch."""


class Interrupted(Exception):
    pass


@pytest.fixture(params=["pytorch", "tensorflow"])
def fit(request, monkeypatch, clock):
    """Train in a folder; the epochs that were trained, the history's losses, and the best epoch."""
    data = synthetic_features(sequences=60, length=4, width=8, classes=3)
    kind = type(task_of(data))

    def fit(folder, interrupted_after=None, limits=(), **trainer):
        folder.mkdir(exist_ok=True)
        trained = []

        def done(numbers):
            trained.append(numbers["epoch"])
            if numbers["epoch"] == interrupted_after:
                raise Interrupted

        def evaluate(task, parts):
            clock.passes(1000)
            return {"loss": LOSSES[max(trained, default=first - 1)], "accuracy": 0.5}

        settings = [f"trainer.{key}={value}" for key, value in {"monitor": "val/loss", **trainer}.items()]
        config = compose(f"backend={request.param}", "encoder=bag_of_embeddings", "input.size=5", *settings)
        backend = backends.load(request.param)(config, HARDWARE)
        backend.seed(0)
        backend.build(data, 0)
        first = 1 + len(kept[folder.name]) if folder.name in kept else 1
        monkeypatch.setattr(kind, "evaluate", evaluate)
        try:
            timer = StepTimer(clock, lambda: clock.passes(0.5), warmup_steps=0)
            history, best = backend.fit(data, timer, folder, done, limits)
        except Interrupted:
            kept[folder.name] = trained
            return trained, None, None
        fit.history = history
        return trained, [entry["val/loss"] for entry in history], best

    kept = {}
    return fit


def test_it_resumes_from_the_last_epoch_even_if_an_earlier_one_was_the_best_and_says_so(fit, tmp_path, capsys):
    assert fit(tmp_path / "run", epochs=3, interrupted_after=2) == ([1, 2], None, None)
    assert "resuming" not in capsys.readouterr().err
    assert fit(tmp_path / "run", epochs=3) == ([3], [1.0, 2.0, 0.5], 3)
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith(("resuming", "epoch"))]
    assert [line.partition(":")[0] for line in said] == ["resuming after epoch 2", "epoch 3/3"]
    assert fit(tmp_path / "run", epochs=3) == ([], [1.0, 2.0, 0.5], 3)
    assert "resuming" not in capsys.readouterr().err, "all its epochs are trained"


def test_the_best_epoch_is_kept_whatever_comes_after_and_wherever_the_folder_is_moved(fit, tmp_path):
    fit(tmp_path / "run", epochs=5, interrupted_after=4)
    (tmp_path / "elsewhere").mkdir()
    shutil.move(tmp_path / "run", tmp_path / "elsewhere" / "run")
    assert fit(tmp_path / "elsewhere" / "run", epochs=5) == ([5], LOSSES[:5], 3)


def test_a_training_that_patience_has_ended_is_not_resumed(fit, tmp_path):
    assert fit(tmp_path / "run", epochs=6, patience=1, interrupted_after=2) == ([1, 2], None, None)
    assert fit(tmp_path / "run", epochs=6, patience=1) == ([], [1.0, 2.0], 1)


def test_steps_and_seconds_are_summed_over_an_interruption_and_validation_is_in_neither(fit, tmp_path):
    # 39 training rows in batches of 8 are 5 steps; the device is waited for half a second before and after each step,
    # and at the end of the epoch
    spent = []
    for interrupted in (False, True):
        folder = tmp_path / str(interrupted)
        if interrupted:
            fit(folder, epochs=3, batch_size=8, interrupted_after=2)
        assert fit(folder, epochs=3, batch_size=8)[0] == ([3] if interrupted else [1, 2, 3])
        spent.append([(entry["cost/steps"], entry["speed/training_seconds"]) for entry in fit.history])
        # the losses on validation are 1.0, 2.0, 0.5
        assert [seconds_to(fit.history, "val/loss", target) for target in (1.0, 0.5, 0.4)] == [5.5, 16.5, None]
    assert spent == [[(5, 5.5), (10, 11.0), (15, 16.5)]] * 2


def epoch_of_best_file(folder):
    """The epoch, counted from 1, whose weights the file of the best epoch holds."""
    if (folder / "best.ckpt").exists():
        from harness.backends.pytorch.checkpoints import load

        return load(folder / "best.ckpt")["epoch"] + 1
    from harness.backends.array_files import load

    return load(folder / "best.npz")[1]


@pytest.mark.parametrize(("monitor", "best"), [("val/accuracy", 3), ("last", 5)])
def test_of_equal_epochs_the_one_with_the_lowest_loss_is_kept_and_with_last_the_last(fit, tmp_path, monitor, best):
    assert fit(tmp_path / "whole", epochs=5, monitor=monitor) == ([1, 2, 3, 4, 5], LOSSES[:5], best)
    assert epoch_of_best_file(tmp_path / "whole") == best
    fit(tmp_path / "run", epochs=5, monitor=monitor, interrupted_after=4)
    assert fit(tmp_path / "run", epochs=5, monitor=monitor) == ([5], LOSSES[:5], best)
    assert epoch_of_best_file(tmp_path / "run") == best


def test_a_hopeless_training_is_stopped_after_the_epoch_whose_limit_it_exceeds(fit, tmp_path):
    """The losses are 1, 2, 0.5: the best so far is 1, 1, 0.5. A limit that is met is not exceeded."""
    assert fit(tmp_path / "a", epochs=4, limits=(1.0, 0.9, 0.0, 0.0)) == ([1, 2], [1.0, 2.0], 1)
    assert fit(tmp_path / "b", epochs=4, limits=(1.0, 1.0, 0.5, 0.5)) == ([1, 2, 3, 4], LOSSES[:4], 3)
