"""The cost of serving under a fake clock: which rows are in which batch, and every number by hand."""

import pytest

from harness.measure import serving_curve, serving_numbers


def test_a_batch_takes_the_next_rows_and_all_are_full(clock):
    """A batch takes a second and half a second for each row; ten rows or more warm up, and are not timed."""
    asked = []

    def answer(rows):
        asked.append(list(rows))
        clock.passes(1 + len(rows) / 2)

    curve = serving_curve(answer, "abcde", clock, passes=4, seconds=0.1, sizes=(1, 4))
    assert asked[:14] == [["abcde"[number % 5]] for number in range(14)], "10 that warm up, then 4"
    assert asked[14:] == [[*"abcd"], [*"eabc"], [*"deab"], [*"cdea"], [*"bcde"], [*"abcd"]], "3 that warm up, then 3"
    assert [list(point.values()) for point in curve] == [
        [1, 1500, 1500, pytest.approx(1 / 1.5)],
        [4, 3000, 3000, pytest.approx(4 / 3)],
    ]


def test_percentiles_are_of_batches_and_the_throughput_is_of_all_time(clock):
    seconds = iter([*[9] * 10, 0.1, 0.2, 0.6])
    (point,) = serving_curve(lambda rows: clock.passes(next(seconds)), "ab", clock, passes=3, seconds=0.85, sizes=(1,))
    assert point["latency_p50_ms"] == pytest.approx(200)
    assert point["latency_p95_ms"] == pytest.approx(560), "0.9 of the way from 0.2 to 0.6"
    assert point["sequences_per_second"] == pytest.approx(3 / 0.9)


def test_it_lasts_as_long_as_asked_at_every_size(clock):
    calls = []
    serving_curve(lambda rows: (calls.append(len(rows)), clock.passes(0.25)), "abc", clock, 2, 2.0, sizes=(1, 256))
    assert calls.count(1) == 10 + 8
    assert calls.count(256) == 1 + 8


def test_the_numbers_are_of_one_row_and_of_the_best_batch():
    curve = [
        {"batch_size": 1, "latency_p50_ms": 2.0, "latency_p95_ms": 3.0, "sequences_per_second": 400.0},
        {"batch_size": 2, "latency_p50_ms": 3.0, "latency_p95_ms": 5.0, "sequences_per_second": 700.0},
        {"batch_size": 4, "latency_p50_ms": 9.0, "latency_p95_ms": 9.5, "sequences_per_second": 700.0},
    ]
    assert serving_numbers(curve) == {
        "latency_p50_ms": 2.0, "latency_p95_ms": 3.0, "sequences_per_second": 700.0, "best_batch_size": 2
    }  # fmt: skip
