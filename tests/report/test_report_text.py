import pytest
from made_records import made

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


@pytest.mark.parametrize(
    ("mean", "shown"),
    [
        (Mean(0.96111, 0.01234, 3, 0.00412), "0.961 ±0.012 ±0.0041"),
        (Mean(0.96111, None, 1, 0.00412), "0.9611 ±– ±0.0041"),
        (Mean(0.96111, 0.0, 3, 0.00412), "0.9611 ±0 ±0.0041"),
        (Mean(0.96111, 1e-12, 3, 0.00412), "0.9611 ±0 ±0.0041"),
        (Mean(0.96111, 0.01234, 3), "0.961 ±0.012"),
    ],
)
def test_both_intervals_stand_beside_a_mean_the_one_over_seeds_first(mean, shown):
    assert wording.with_intervals(mean) == shown
    assert wording.with_interval(mean) == shown.split(" ±0.004")[0].removesuffix(" ±–").removesuffix(" ±0")


def test_an_interval_of_a_share_ends_at_one_and_of_a_time_at_zero():
    assert wording.bounds(ACCURACY, Mean(0.98, 0.05, 3)) == pytest.approx((0.93, 1))
    assert wording.bounds(LATENCY, Mean(1.0, 2.0, 3)) == pytest.approx((0, 3))
    assert wording.bounds("test/loss", Mean(1.0, 0.5, 3)) == pytest.approx((0.5, 1.5))


def test_both_intervals_are_named_and_neither_leaves_what_a_share_can_be():
    assert wording.from_to(ACCURACY, Mean(0.98, 0.05, 3)) == "0.980 (0.930 to 1.000)"
    both = Mean(0.98, 0.05, 3, 0.031)
    assert wording.from_to(ACCURACY, both) == "0.980 (0.930 to 1.000 over seeds, 0.949 to 1.000 over test items)"
    assert wording.from_to(ACCURACY, Mean(0.98, None, 1, 0.031)) == "0.98 (0.949 to 1.000 over test items)"
    assert wording.items_bounds(ACCURACY, both) == pytest.approx((0.949, 1.0))
    assert wording.items_bounds(ACCURACY, Mean(0.98, 0.05, 3)) is None


def test_notes_count_what_is_not_in_the_numbers():
    records = [made(started=1), made(started=2), made(seed=1, accuracy=0.8, started=3), made(code="old", started=0)]
    assert notes(compare(records, "x")) == [
        "Left out: 1 repeated or retried run; the newest run of each variant and seed counts.",
        "Left out: 1 run of the same configs with earlier code or packages.",
    ]
