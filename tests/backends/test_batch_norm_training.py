"""Batch normalisation in a whole training: its running statistics are weights like others."""

import pytest
from experiments import features, fitted, ready


def test_the_running_statistics_are_those_of_the_best_epoch_and_a_resumed_training_has_them_too(tmp_path):
    class Interrupted(Exception):
        pass

    def stop(numbers):
        if numbers["epoch"] == 3:
            raise Interrupted

    data = features()
    batch_norm = ("encoder=cnn", "encoder.hidden_size=7", "encoder.batch_norm=true", "trainer.batch_size=11")

    def trained(name, *more, epoch_done=lambda numbers: None):
        (tmp_path / name).mkdir(exist_ok=True)
        made = ready(data, *batch_norm, "optimizer.lr=0.3", *more, backend="pytorch")
        (_, best), _ = fitted(made, data, tmp_path / name, epoch_done)
        return best, made.model.encoder.norms[0].running_mean.tolist(), made.predict(data.test).tolist()

    best, *found = trained("whole", "trainer.epochs=4", "trainer.monitor=val/loss")
    assert best < 4
    assert [best, *found] == [*trained("until the best", f"trainer.epochs={best}", "trainer.monitor=last")]
    settings = ("trainer.epochs=4", "trainer.monitor=val/loss")
    with pytest.raises(Interrupted):
        trained("resumed", *settings, epoch_done=stop)
    assert [*trained("resumed", *settings)] == [best, *found]
