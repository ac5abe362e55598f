"""What a choice says besides the verdicts."""

import pytest

from harness.analysis.statistics import Standing
from harness.runner.choose import answer
from harness.runner.choose.plan import Contender, Ending, Plan, Run

PLAN = Plan(("lstm", "gru"), (3, 5), 8, 300.0)
WAITING = (Run("lstm", "seeds", 4), Run("gru", "seeds", 4), Run("lstm", "seeds", 5))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (42, "42 s"), (60, "1 min"), (210, "3.5 min"), (7560, "2.1 h"), (3600, "1 h")]
)
def test_durations(seconds, text):
    assert answer.duration(seconds) == text


@pytest.mark.parametrize(
    ("ending", "sentence"),
    [
        (None, "Stopped before all was decided; the same command resumes."),
        (Ending("decided"), "All is decided."),
        (Ending("looks"), "Undecided after 5 seeds, the last number that was planned (looks)."),
        (Ending("no candidate"), "No candidate is left."),
        (
            Ending("budget", WAITING, 90.0),
            "The budget of 5 min is spent. Missing: 3 runs, about 1.5 min: lstm (seeds 4, 5); gru (seed 4). With a "
            "larger budget, the same command resumes and repeats no finished run.",
        ),
        (
            Ending("too small", WAITING[:1]),
            "The budget of 5 min is too small for 3 seeds of all candidates, so there is no verdict. Missing: 1 run: "
            "lstm (seed 4). With a larger budget, the same command resumes and repeats no finished run.",
        ),
    ],
)
def test_how_it_ended(ending, sentence):
    assert answer.how_it_ended(PLAN, ending) == sentence


def test_what_no_seeds_decide_is_not_called_decided():
    never = Contender("cnn", (1, 2, 3), standing=Standing("open", 0.01, 0.02, seeds_needed=None))
    assert answer.how_it_ended(PLAN, Ending("decided"), [never]) == "All that more seeds can decide is decided."


def test_tuning_says_what_the_budget_allowed():
    assert answer.tuning(PLAN, 8) == "Each candidate was tuned by 8 trials, chosen on validation."
    assert answer.tuning(PLAN, 5).startswith("The budget allowed 5 of 8 tuning trials of each candidate")
    assert answer.tuning(PLAN, 0) == (
        "The budget allowed no tuning: 8 trials of each candidate were asked for, and as long as the "
        "first ones took, there was time for one at most, which chooses nothing."
    )
    assert answer.tuning(Plan(("lstm",), (3,), 0, 1.0), 0) == "Nothing was tuned."
    assert answer.tuning(PLAN, 8, {"gru": 4, "bag": 0}).endswith(
        " Fewer have those that lack a key of tune.space: gru 4, bag none."
    )


def test_a_tuning_that_was_stopped_says_how_far_it_was():
    trials = [Run(name, "tuning", number) for name, count in (("lstm", 6), ("gru", 5)) for number in range(count)]
    assert answer.stopped_tuning(PLAN, [*trials, Run("lstm", "seeds", 1)]) == (
        "Stopped in the tuning, with 11 trials finished: at least 5 of 8 of each of 2 candidates."
    )
    assert answer.stopped_tuning(PLAN, []) == "Stopped in the tuning, with 0 trials finished."


def test_looks_and_their_level():
    assert answer.looked((3, 5), 0.02938) == (
        "Looks at 3, 5 seeds, each at the level 0.0294, so that all looks together keep 5 % (Pocock)."
    )
    assert answer.looked((3,), 0.05) == "One look, at 3 seeds, at the level 0.0500."


def test_time_by_stage():
    spent = {"start": 6.0, "tuning": 120.0, "seeds": 114.0}
    assert answer.time_spent(spent, 300.0) == "Spent 4 min of 5 min: start 6 s, tuning 2 min, seeds 1.9 min."


def test_what_is_left_out_and_why():
    contenders = [
        Contender("bag", excluded="it pools"),
        Contender("lstm", (1, 2, 4), failed=(3,)),
        Contender("gru", (1,), failed=(2, 3)),
        Contender("rnn", excluded="none of its 4 trials finished: diverged"),
        Contender("slow", (1, 2, 3), excluded="7 ms"),
    ]
    failures = {
        Run("lstm", "seeds", 3): "killed", Run("gru", "seeds", 2): "out of memory", Run("gru", "seeds", 3): "crashed",
        Run("rnn", "tuning", 0): "diverged",
    }  # fmt: skip
    refused = {"bag": "it pools", "rnn": "none of its 4 trials finished: diverged"}
    # the report says what misses a requirement
    assert answer.left_out(refused, contenders, failures) == [
        "Left out: bag: it pools.",
        "lstm: 1 run failed, another seed took its place.",
        "Given up: gru: 2 runs failed: crashed.",
        "Left out: rnn: none of its 4 trials finished: diverged.",
    ]


def test_what_open_candidates_would_take():
    contenders = [
        Contender("lstm", (1, 2, 3), standing=Standing("best")),
        Contender("gru", (1, 2, 3), standing=Standing("open", 0.01, 0.02, seeds_needed=7)),
        Contender("cnn", (1, 2, 3), standing=Standing("open", 0.01, 0.02, seeds_needed=None)),
        Contender("rnn", (1, 2, 3), standing=Standing("worse", 0.1, 0.2)),
    ]
    assert answer.more_seeds(contenders, {"lstm": 10.0, "gru": 5.0}) == [
        "To decide gru: about 1 min for 4 runs of gru and 4 runs of lstm."
    ]
