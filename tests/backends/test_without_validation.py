"""Training on all rows: no validation split, an epoch that validation did not choose, and a report that says so."""

import numpy as np
import pytest
from conftest import QUICK, refused
from experiments import composed, features, fitted, ready, words

from harness.data import from_sequences
from harness.data.loaders.digits import digits
from harness.data.loaders.splits import complete_splits
from harness.data.loaders.tagging import encode_tagged
from harness.data.loaders.text import encode
from harness.data.synthetic.probes import majority
from harness.tasks.task import check_task, task_of

ROWS = ([f"word{number} {'good' if number % 2 else 'bad'}" for number in range(53)], ["01"[n % 2] for n in range(53)])


def without(data):
    """The same data, with validation joined to nothing: an empty split."""
    empty = ([], [])
    parts = [
        ([split.sequence(row) for row in range(len(split))], split.y.tolist()) for split in (data.train, data.test)
    ]
    return from_sequences(parts[0], empty, parts[1], classes=[0, 1, 2], vocabulary=data.vocabulary)


def test_a_share_of_0_leaves_all_rows_to_train():
    test = ([f"test {number}" for number in range(7)], ["01"[number % 2] for number in range(7)])
    given = {"train": ROWS, "validation": None, "test": test}
    splits, notes = complete_splits(given, 0, 0.2, None, "here", stratify=True)
    assert splits["train"] == ROWS
    assert (splits["validation"], notes) == (([], []), {})
    cut, _ = complete_splits({"train": ROWS}, 0, 0.2, None, "here", stratify=True)
    assert [len(cut[role][1]) for role in ("train", "validation", "test")] == [43, 0, 10]
    assert sorted(cut["train"][0] + cut["test"][0]) == sorted(ROWS[0])


def test_every_loader_can_do_without_validation():
    tagged = [tuple(row.split()) for row in ROWS[0]], [("O", "B-x")] * len(ROWS[0])
    made = {
        "texts": encode({"train": ROWS}, source="here", validation_share=0),
        "tags": encode_tagged({"train": tagged}, source="here", validation_share=0),
        "digits": digits(validation=0),
        "a probe": majority(train=50, validation=0, test=20, seed=0, length=23),
        "arrays": without(features()),
    }
    for name, data in made.items():
        data.check()
        assert len(data.validation) == 0, name
        assert data.summary().sizes["validation"] == 0, name
        assert data.validation.x.ndim == data.train.x.ndim, name
    assert len(made["digits"].train) + len(made["digits"].test) == 1797
    assert len({data.hash for data in (digits(), made["digits"])}) == 2


def test_without_validation_only_train_or_nothing_can_choose():
    task, there, lacking = task_of(features()), features().summary(), without(features()).summary()
    for monitor in ("auto", "val/loss"):
        sentence = refused(check_task, composed(f"trainer.monitor={monitor}"), task, lacking)
        assert sentence == (
            f"trainer.monitor={monitor} chooses the epoch on validation, and this data has no validation rows; set "
            "trainer.monitor=train/loss or trainer.monitor=last, or give it some"
        )
        check_task(composed(f"trainer.monitor={monitor}"), task, there)
    for monitor in ("train/loss", "last"):
        check_task(composed(f"trainer.monitor={monitor}"), task, lacking)
    assert "this data's task has val/accuracy, val/f1_macro, val/loss, train/loss, last" in refused(
        check_task, composed("trainer.monitor=train/mse"), task, there
    )
    check_task(composed("trainer.monitor=train/loss"), task, there, "minimize")
    assert "set hydra.sweeper.direction=minimize" in refused(
        check_task, composed("trainer.monitor=train/loss"), task, there, "maximize"
    )
    assert "trainer.monitor=last gives a search no score" in refused(
        check_task, composed("trainer.monitor=last"), task, there, "maximize"
    )


@pytest.mark.parametrize("monitor", ["train/loss", "last"])
def test_a_training_without_validation_has_the_losses_of_one_with_it(backend, tmp_path, monitor):
    settings = ("encoder=bag_of_embeddings", "input.size=7", "trainer.epochs=3", "trainer.batch_size=7")
    whole, alone = tmp_path / "whole", tmp_path / "alone"
    results = []
    for folder, data in ((whole, words()), (alone, without(words()))):
        folder.mkdir()
        made = ready(data, *settings, f"trainer.monitor={monitor}", backend=backend.name)
        results.append((*fitted(made, data, folder)[0], made.predict(data.test)))
    (history, best, outputs), (short, best_alone, outputs_alone) = results
    assert [set(entry) for entry in short] == [{"epoch", "train/loss", "cost/steps", "speed/training_seconds"}] * 3
    assert [entry["train/loss"] for entry in short] == [entry["train/loss"] for entry in history]
    losses = [entry["train/loss"] for entry in history]
    assert best == best_alone == (3 if monitor == "last" else 1 + losses.index(min(losses)))
    np.testing.assert_array_equal(outputs, outputs_alone)


def test_the_command_trains_on_all_rows_and_says_so(command):
    ended = command("data.validation=0", "trainer.monitor=train/loss", "tracking=none", *QUICK)
    assert ended.code == 0, ended.err
    record = ended.record
    assert record.data.sizes == {"train": 1437, "validation": 0, "test": 360}
    assert not any(name.startswith("val/") for name in record.metrics)
    assert record.metrics["speed/inference_sequences_per_second"] > 0
    losses = [entry["train/loss"] for entry in record.history]
    assert record.metrics["best/epoch"] == 1 + losses.index(min(losses))
    assert "note    epoch chosen on training loss, trained without validation" in ended.out
    ended = command("data.validation=0", "tracking=none", *QUICK)
    assert (ended.code, len(ended.records)) == (2, 1)
