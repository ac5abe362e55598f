"""The trials of a choice: the order in which settings are tried, and what they chose."""

import pytest
from made_records import made

from harness.runner.choose.plan import Run
from harness.runner.choose.trials import Trials, spread
from harness.runner.tuning import Search

RATES = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02]


@pytest.fixture
def trials():
    to_try = [{"optimizer.lr": rate} for rate in RATES]
    searches = {
        "lstm": Search(["encoder=lstm"], "lstm", "lstm", 0, to_try, []),
        "bag": Search(["encoder=bag"], "bag", "bag", 0, to_try[:3], []),
        "untuned": None,
    }
    return Trials(searches)


def of_trial(number, score):
    return made("lstm", 0, None, metrics={"val/accuracy": score}, config={"trainer.monitor": "auto"})


def test_every_beginning_of_the_order_is_spread():
    assert spread(8) == [3, 5, 1, 6, 4, 2, 0, 7]
    assert [sorted(spread(count)) for count in range(6)] == [list(range(count)) for count in range(6)]
    assert spread(8)[:2] == [3, 5], "of eight learning rates first 0.001, the default of adam"


def test_a_trial_has_the_settings_of_its_place(trials):
    job = trials.job(Run("lstm", "tuning", 1))
    assert {"encoder=lstm", "seed=0", "optimizer.lr=0.005", "tune.trial=5"} <= set(job)
    assert trials.number == 8
    assert trials.exists(Run("bag", "tuning", 2))
    assert not trials.exists(Run("bag", "tuning", 3))
    assert not trials.exists(Run("untuned", "tuning", 0))
    assert trials.fewer(8) == {"bag": 3}
    assert trials.fewer(3) == {}


def test_the_best_of_the_first_trials_is_chosen(trials):
    scores = {0: 0.7, 1: 0.8, 2: 0.6, 3: 0.9}
    records = {Run("lstm", "tuning", number): of_trial(number, score) for number, score in scores.items()}
    two = trials.chosen("lstm", records, 2)
    assert (two.chosen, two.scores, two.trials) == ({"optimizer.lr": 0.005}, [0.7, 0.8], 2)
    four = trials.chosen("lstm", records, 4)
    assert four.chosen == {"optimizer.lr": 0.01}
    assert four.scores == [0.6, 0.7, 0.8, 0.9], "in the order of the space: 0.0002, 0.001, 0.005, 0.01"


def test_trials_that_failed_choose_nothing(trials):
    records = {Run("lstm", "tuning", 1): of_trial(1, 0.4)}
    tuning = trials.chosen("lstm", records, 3)
    assert (tuning.scores, tuning.chosen) == ([None, None, 0.4], {"optimizer.lr": 0.005})
    assert trials.chosen("lstm", {}, 3) is None
