"""The settings that ``tune=`` tries: from lists and ranges, the same for every encoder."""

import math
from collections import Counter

import pytest
from conftest import refused
from hypothesis import given
from hypothesis import strategies as st

from harness.config.search_space import Range, read, settings_to_try, without

RATE = {"optimizer": {"lr": {"low": 1e-4, "high": 1e-2, "log": True}}}
LISTS = {"trainer": {"batch_size": [16, 32]}, "head": {"dropout": [0.0, 0.1, 0.5]}}


def test_nested_keys_are_read_as_dotted_ones():
    assert read({**RATE, **LISTS, "encoder": {"hidden_size": {"low": 16, "high": 64}}}) == {
        "optimizer.lr": Range(1e-4, 1e-2, log=True), "trainer.batch_size": [16, 32], "head.dropout": [0.0, 0.1, 0.5],
        "encoder.hidden_size": Range(16, 64),
    }  # fmt: skip
    assert read({}) == {}


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        ({"data": {"limit": [1]}}, "tune.space.data.limit cannot be tuned; these can: encoder.*, head.*"),
        ({"trainer": {"epochs": [1, 2]}}, "tune.space.trainer.epochs cannot be tuned"),
        ({"optimizer": {"lr": []}}, "tune.space.optimizer.lr has no value"),
        ({"optimizer": {"lr": 0.1}}, "tune.space.optimizer.lr must be a list of values or a range"),
        ({"optimizer": {"lr": {"low": 1, "high": 1}}}, "with low below high (above 0 with log)"),
        ({"optimizer": {"lr": {"low": 0, "high": 1, "log": True}}}, "(above 0 with log)"),
        ({"optimizer": {"lr": {"low": 0.1, "high": 1, "step": 3}}}, "must be a list of values or a range"),
        ({"optimizer": {"lr": {"low": 0.1}}}, "must be a list of values or a range"),
        ({"optimizer": {"lr": {"low": 0.1, "high": "1"}}}, "must be a list of values or a range"),
    ],
)
def test_what_cannot_be_searched_is_named(space, sentence):
    assert sentence in refused(read, space)


def test_one_list_is_tried_value_by_value():
    space = {"optimizer.lr": [0.1, 0.2, 0.3]}
    assert settings_to_try(space, None, 0) == [{"optimizer.lr": 0.1}, {"optimizer.lr": 0.2}, {"optimizer.lr": 0.3}]
    assert settings_to_try(space, 9, 0) == settings_to_try(space, None, 0)


def test_a_rounded_number_stays_in_its_range():
    """Three figures of the ends are 1.23e-4 and 0.988, which are outside."""
    space = {"optimizer.lr": Range(1.2345e-4, 0.98765, log=True)}
    first, *_, last = settings_to_try(space, 4, 0)
    assert (first["optimizer.lr"], last["optimizer.lr"]) == (1.2345e-4, 0.98765)


def test_a_value_that_is_written_twice_is_one_value():
    space = read({"optimizer": {"lr": [0.001, 1e-3, 0.002]}})
    assert settings_to_try(space, 2, 0) == [{"optimizer.lr": 0.001}, {"optimizer.lr": 0.002}]


def test_the_numbers_of_a_narrow_range_differ():
    """Three figures of them would all be 1."""
    settings = settings_to_try({"optimizer.beta": Range(1.0001, 1.0009)}, 5, 0)
    assert [one["optimizer.beta"] for one in settings] == [1.0001, 1.0003, 1.0005, 1.0007, 1.0009]


def test_the_ends_of_a_range_of_whole_numbers_are_drawn_as_often_as_the_others():
    shares = [(place + 0.5) / 1000 for place in range(1000)]
    assert Counter(Range(1, 4).drawn(share) for share in shares) == {1: 250, 2: 250, 3: 250, 4: 250}
    # in the logarithm a number has the part from half below it to half above it: log(1.5 / 0.5) / log(4.5 / 0.5), ...
    counts = Counter(Range(1, 4, log=True).drawn(share) for share in shares)
    assert counts == pytest.approx({1: 500, 2: 232.5, 3: 153.1, 4: 114.4}, abs=1)


def test_a_draw_that_comes_again_is_replaced():
    space = {"encoder.hidden_size": Range(1, 4), "head.dropout": [0.0, 0.5]}
    for seed in range(20):
        settings = settings_to_try(space, 8, seed)
        assert len({tuple(one.values()) for one in settings}) == len(settings) == 8
    assert len(settings_to_try(space, 9, 0)) == 8


def test_one_range_is_divided_evenly_in_the_logarithm_or_not():
    by_hand = [0.0001, 0.001, 0.01]
    assert [one["optimizer.lr"] for one in settings_to_try(read(RATE), 3, 0)] == by_hand
    linear = settings_to_try({"head.dropout": Range(0.0, 0.5)}, 3, 0)
    assert [one["head.dropout"] for one in linear] == [0.0, 0.25, 0.5]
    widths = settings_to_try({"encoder.hidden_size": Range(16, 64, log=True)}, 3, 0)
    assert [one["encoder.hidden_size"] for one in widths] == [16, 32, 64]
    assert settings_to_try(read(RATE), 1, 0) == [{"optimizer.lr": 0.0001}]


def test_a_range_needs_a_number_of_trials():
    expected = "tune.space.optimizer.lr is a range, so tune.trials must say"
    assert expected in refused(settings_to_try, read(RATE), None, 0)


def test_lists_are_tried_in_all_combinations_if_there_are_enough_trials():
    every = settings_to_try(read(LISTS), None, 0)
    pairs = [(one["trainer.batch_size"], one["head.dropout"]) for one in every]
    assert pairs == [(16, 0.0), (16, 0.1), (16, 0.5), (32, 0.0), (32, 0.1), (32, 0.5)]
    some = settings_to_try(read(LISTS), 4, 0)
    assert len(some) == 4
    assert all(one in every for one in some)
    assert len({tuple(one.values()) for one in some}) == 4


@given(trials=st.integers(1, 40), seed=st.integers(0, 99))
def test_drawn_settings_are_within_the_space_and_a_function_of_the_seed(trials, seed):
    space = read({**RATE, **LISTS, "encoder": {"hidden_size": {"low": 16, "high": 64}}})
    drawn = settings_to_try(space, trials, seed)
    assert drawn == settings_to_try(space, trials, seed)
    assert 1 <= len(drawn) <= trials
    for one in drawn:
        assert 1e-4 <= one["optimizer.lr"] <= 1e-2
        assert one["encoder.hidden_size"] in range(16, 65)
        assert one["trainer.batch_size"] in (16, 32)


def test_drawn_rates_are_spread_evenly_in_the_logarithm():
    drawn = settings_to_try(read({**RATE, **LISTS}), 2000, 7)
    exponents = [math.log10(one["optimizer.lr"]) for one in drawn]
    below = sum(exponent < -3 for exponent in exponents) / len(exponents)
    assert below == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(len(exponents)))


def test_another_key_in_the_space_leaves_the_draws_of_the_others_as_they_are():
    wide = {**RATE, **LISTS, "encoder": {"hidden_size": {"low": 16, "high": 64}}}
    rates = [[one["optimizer.lr"] for one in settings_to_try(read(some), 5, 3)] for some in (wide, {**RATE, **LISTS})]
    assert rates[0] == rates[1]


def test_an_encoder_without_a_key_tries_the_rest_once():
    to_try = settings_to_try(read(LISTS), None, 0)
    assert without(to_try, {"head.dropout"}) == [{"trainer.batch_size": 16}, {"trainer.batch_size": 32}]
    assert without(to_try, {"head.dropout", "trainer.batch_size"}) == []
