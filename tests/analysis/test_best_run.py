"""Which of several runs is the best on validation."""

from made_records import made

from harness.analysis.best_run import best_run


def runs(*scores, metric="val/accuracy"):
    """Records with these scores and losses on validation, whose test accuracies say the opposite."""
    return [
        made(seed=seed, accuracy=1 - seed / 10, metrics={} if score is None else {metric: score, "val/loss": loss})
        for seed, (score, loss) in enumerate(scores)
    ]


def test_validation_decides_and_of_equally_good_ones_the_lowest_loss():
    assert best_run(runs((0.5, 0.1), (0.75, 0.2), (0.7, 0.1))).seed == 1
    assert best_run(runs((0.5, 0.1), (0.75, 0.2), (0.75, 0.15))).seed == 2
    assert best_run(runs((0.75 - 1e-15, 0.1), (0.75, 0.2))).seed == 0  # rounding is no difference
    without_loss = runs((0.5, 0.1), (0.75, 0.2), (0.75, 0.15))
    del without_loss[2].metrics["val/loss"]
    assert best_run(without_loss).seed == 1


def test_where_a_loss_chose_the_epochs_the_lowest_is_the_best():
    records = runs((0.5, 0.3), (0.75, 0.2), (0.7, 0.1))
    for record in records:
        record.config["trainer"]["monitor"] = "val/loss"
    assert best_run(records).seed == 2


def test_runs_without_a_score_are_passed_over():
    assert best_run(runs((None, 0.1), (0.75, 0.2), (0.7, 0.1))).seed == 1
    assert best_run(runs((None, 0.1))) is None
    assert best_run([]) is None
