import pytest
from made_records import made, over_seeds

from harness.analysis.comparison import compare
from harness.analysis.intervals import Difference, Mean
from harness.analysis.variants import BaselineDifference
from harness.report import text as wording
from harness.report.notes import notes

ACCURACY, TOKENS, LATENCY, MEMORY = (
    "test/accuracy", "speed/train_tokens_per_second", "latency/p50_ms", "memory/host_train_peak_mib"
)  # fmt: skip


def words(metric, difference, p, theirs=0.5):
    return wording.baseline_difference(metric, BaselineDifference("lstm", theirs, difference, p))


def test_a_difference_that_noise_does_not_explain():
    sentence = words(ACCURACY, Difference(0.012, 0.004, 0.020, 0.01, 5), 0.02)
    assert sentence == "0.012 better than lstm (0.004 to 0.020), unlikely to be noise"


def test_a_loss_names_the_smaller_end_first():
    sentence = words(ACCURACY, Difference(-0.012, -0.020, -0.004, 0.01, 5), 0.02)
    assert sentence == "0.012 worse than lstm (0.004 to 0.020), unlikely to be noise"


def test_no_difference_beyond_noise():
    sentence = words(ACCURACY, Difference(0.003, -0.010, 0.016, 0.5, 5), 0.5)
    assert sentence == "no difference beyond noise: 0.003 better than lstm (0.010 worse to 0.016 better)"


def test_an_interval_without_zero_may_be_noise_after_the_correction():
    sentence = words(ACCURACY, Difference(0.012, 0.001, 0.023, 0.04, 5), 0.20)
    assert sentence == "0.012 better than lstm (0.001 to 0.023), but among so many comparisons this may be noise"


def test_speed_and_memory_are_in_per_cent_and_have_words_of_their_own():
    difference = Difference(-50.0, -60.0, -40.0, 0.001, 3)
    assert words(TOKENS, difference, 0.01, 200.0) == "25 % slower than lstm (20 % to 30 %), unlikely to be noise"
    assert words(LATENCY, difference, 0.01, 200.0) == "25 % shorter than lstm (20 % to 30 %), unlikely to be noise"
    assert words(MEMORY, difference, 0.01, 1000.0) == "5.0 % less than lstm (4.0 % to 6.0 %), unlikely to be noise"


def test_nothing_gets_slower_by_more_than_all_of_it():
    sentence = words(TOKENS, Difference(-50.0, -300.0, 200.0, 0.5, 2), 0.5, 100.0)
    assert sentence == "no difference beyond noise: 50 % slower than lstm (100 % slower to 200 % faster)"


def test_an_accuracy_gets_no_better_than_1_and_no_worse_than_0():
    sentence = words(ACCURACY, Difference(0.05, -2.052, 2.152, 0.8, 2), 0.8, 0.9)
    assert sentence == "no difference beyond noise: 0.050 better than lstm (0.100 better to 0.900 worse)"


def test_too_few_seeds():
    assert words(ACCURACY, None, None) == "cannot say: no seed in common with lstm"
    sentence = words(ACCURACY, Difference(0.012, None, None, None, 1), None)
    assert sentence == "0.012 better than lstm in the one seed they share: no interval, cannot say"


def test_counted_numbers():
    assert words("cost/parameters", Difference(0, 0, 0, 1.0, 3), 1.0, 100) == "the same as lstm"
    assert words("cost/parameters", Difference(50, 50, 50, 0.0, 3), 0.0, 100) == "50 % more than lstm, in every run"


@pytest.mark.parametrize(
    ("mean", "shown"),
    [
        (Mean(0.96111, 0.01234, 3), "0.961 ±0.012"),
        (Mean(53161.4, 2412.0, 3), "53,200 ±2,400"),
        (Mean(0.96111, None, 1), "0.9611"),
        (Mean(134026.0, 0.0, 3), "134,026"),
        (None, "-"),
    ],
)
def test_a_number_is_shown_to_the_second_figure_of_its_uncertainty(mean, shown):
    assert wording.with_interval(mean) == shown


def test_an_interval_of_a_share_ends_at_one_and_of_a_time_at_zero():
    assert wording.bounds(ACCURACY, Mean(0.98, 0.05, 3)) == pytest.approx((0.93, 1))
    assert wording.bounds(LATENCY, Mean(1.0, 2.0, 3)) == pytest.approx((0, 3))
    assert wording.bounds("test/loss", Mean(1.0, 0.5, 3)) == pytest.approx((0.5, 1.5))


def test_the_answer_names_the_best_and_the_fastest_within_noise_of_it():
    records = over_seeds("lstm", [0.90, 0.92, 0.91], metrics={TOKENS: [100.0, 101.0, 102.0]})
    records += over_seeds("gru", [0.91, 0.90, 0.905], metrics={TOKENS: [200.0, 201.0, 203.0]})
    records += over_seeds("rnn", [0.50, 0.52, 0.51], metrics={TOKENS: [300.0, 301.0, 303.0]})
    first, speed = wording.answer(compare(records, "x").groups[0])
    assert first == "Best accuracy: lstm with 0.910 (0.885 to 0.935), 3 seeds; within noise of it: gru (0.905)."
    assert speed == (
        "Fastest training: among the best, gru (201.3 tokens/s at accuracy 0.905); among all, rnn (301.3 tokens/s at "
        "accuracy 0.510)."
    )


def test_a_far_variant_that_three_seeds_cannot_distinguish_is_named_with_its_mean_and_not_called_noise():
    """p is 0.01 before the correction, and 0.17 after it over six variants: neither a difference nor its absence."""
    far = {"rnn": 0.67, "lstm": 0.66, "gru": 0.65, "tcn": 0.64}
    records = over_seeds("bidirectional", [0.758, 0.753, 0.747]) + over_seeds("additive", [0.29, 0.41, 0.40])
    for name, accuracy in far.items():
        records += over_seeds(name, [accuracy - 0.0055, accuracy, accuracy + 0.0055])
    (first, *_) = wording.answer(compare(records, "x").groups[0])
    assert first.endswith(
        "; too few seeds to distinguish it from rnn (0.670), lstm (0.660), gru (0.650), additive (0.37)."
    )


def fastest(**variants):
    """The sentence about training speed, of variants with these accuracies and speeds."""
    records = [
        record
        for name, (accuracies, speeds) in variants.items()
        for record in over_seeds(name, accuracies, metrics={TOKENS: speeds})
    ]
    return wording.answer(compare(records, "x").groups[0])[1]


def test_the_caveat_about_noise_is_only_for_the_variants_it_concerns():
    good, near, bad = [0.90, 0.92, 0.91], [0.91, 0.90, 0.905], [0.50, 0.52, 0.51]
    slow, middle, fast = [100.0, 101.0, 102.0], [200.0, 201.0, 203.0], [300.0, 310.0, 305.0]
    sentence = fastest(lstm=(good, slow), gru=(near, middle), rnn=(bad, fast), tcn=(bad, [304.0, 303.0, 306.0]))
    assert sentence == (
        "Fastest training: among the best, gru (201.3 tokens/s at accuracy 0.905); among all, rnn (305 tokens/s at "
        "accuracy 0.510), though others are within noise of it."
    )
    sentence = fastest(lstm=(good, [290.0, 330.0, 310.0]), gru=(near, fast), rnn=(bad, [200.0, 201.0, 203.0]))
    assert sentence == (
        "Fastest training: among the best, lstm (310 tokens/s at accuracy 0.910), though others are within noise of it."
    )


def test_a_variant_far_from_the_best_is_not_among_the_best_even_with_too_few_seeds():
    variants = {f"tcn{number}": ([0.90, 0.92, 0.905], [100.0, 101.0, 102.0]) for number in range(6)}
    far = ([0.55, 0.60, 0.67], [300.0, 301.0, 303.0])
    sentence = fastest(lstm=([0.91, 0.93, 0.92], [90.0, 92.0, 91.0]), **variants, rnn=far)
    assert sentence.startswith("Fastest training: among the best, tcn0 (101.0 tokens/s at accuracy 0.908), though")
    assert "; among all, rnn (301.3 tokens/s at accuracy 0.61)" in sentence


@pytest.mark.parametrize(
    ("best", "other", "near"),
    [
        (Mean(0.90, 0.02, 3), Mean(0.89, 0.001, 3), True),
        (Mean(0.90, 0.02, 3), Mean(0.60, 0.1, 3), False),
        (Mean(0.001, 0.0005, 3), Mean(0.05, 0.01, 3), False),  # a squared error, of which less is better
        (Mean(0.9001, 0.00025, 3), Mean(0.8995, 0.01, 3), True),  # three that happen to be alike
        (Mean(0.90, 0.0, 2), Mean(0.60, 0.1, 2), True),  # two may be equal by chance
        (Mean(0.90, None, 1), Mean(0.60, None, 1), True),
    ],
)
def test_near_is_within_the_wider_interval(best, other, near):
    assert wording._near(best, other) is near


def test_of_an_error_the_variants_near_the_best_come_lowest_first():
    records = []
    for name, errors in {"lstm": [0.07, 0.14, 0.09], "gru": [0.15, 0.10, 0.11], "rnn": [0.11, 0.08, 0.14]}.items():
        records += over_seeds(name, [None] * 3, metrics={"test/mse": errors})
    (first, *_) = wording.answer(compare(records, "x").groups[0])
    assert first.startswith("Best squared error: lstm")
    assert first.index("rnn (") < first.index("gru (")


def test_too_few_seeds_are_not_called_noise():
    sentence = fastest(lstm=([0.9], [100.0]), gru=([0.8], [200.0]))
    assert sentence == (
        "Fastest training: among the best, gru (200 tokens/s at accuracy 0.8), though there are too few seeds to say."
    )


def test_the_answer_with_one_seed_promises_nothing():
    (first,) = wording.answer(compare([made("lstm", accuracy=0.9), made("gru", accuracy=0.1)], "x").groups[0])
    assert first == (
        "Best accuracy: lstm with 0.9, one seed, so without an interval; too few seeds to distinguish it from "
        "gru (0.1)."
    )


def test_the_answer_says_how_many_seeds_failed():
    records = over_seeds("lstm", [0.9, 0.8, 0.9, 0.9])
    for record in records[2:]:
        record.status, record.metrics = "failed", {}
    (first,) = wording.answer(compare(records, "x").groups[0])
    assert first.endswith(", 2 of 4 seeds.")
    (first,) = wording.answer(compare(records + over_seeds("gru", [0.1, 0.2]), "x").groups[0])
    assert ", 2 of 4 seeds; within noise of it: gru" in first
    (first,) = wording.answer(compare(records[1:], "x").groups[0])
    assert first.endswith(", one of 3 seeds, so without an interval.")


def test_notes_count_what_is_not_in_the_numbers():
    records = [made(started=1), made(started=2), made(seed=1, started=3), made(code="old", started=0)]
    assert notes(compare(records, "x")) == [
        "Left out: 1 repeated or retried run; the newest run of each variant and seed counts.",
        "Left out: 1 run of the same configs with earlier code or packages.",
    ]


def test_many_ties_with_few_seeds_give_a_warning_about_the_seeds():
    near = {"lstm": [0.9, 0.8, 0.85], "gru": [0.84, 0.86, 0.83], "rnn": [0.82, 0.85, 0.84]}
    sentences = notes(compare([r for name, values in near.items() for r in over_seeds(name, values)], "x"))
    assert sentences == [
        "digits: most variants cannot be distinguished from the best, with as few as 3 seeds; that does not make them "
        "equal: add seeds to distinguish more of them."
    ]
