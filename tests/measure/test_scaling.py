"""The fitted exponent against points whose exponent is known."""

import numpy as np
import pytest

from harness.measure import exponent

LENGTHS = [128, 256, 512, 1024, 2048, 4096]


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0, 2.7])
def test_a_power_law_has_its_own_exponent(power):
    assert exponent([[(n, 7 * n**power) for n in LENGTHS]]) == pytest.approx(power, abs=1e-9)


def test_batch_sizes_share_a_slope_and_not_a_height():
    curves = [[(n, height * n**2) for n in LENGTHS] for height in (1, 300, 0.01)]
    assert exponent(curves) == pytest.approx(2)


def test_what_every_pass_costs_does_not_flatten_the_slope():
    # 5 + 0.01 n: half of the cost at 512 is constant; over all lengths the slope would be 0.58
    points = [(n, 5 + 0.01 * n) for n in LENGTHS]
    x, y = np.log(points).T
    assert np.polyfit(x, y, 1)[0] == pytest.approx(0.58, abs=0.01)
    assert exponent([points]) == pytest.approx(np.polyfit(x[-3:], y[-3:], 1)[0])
    assert exponent([points]) > 0.75


def test_the_longer_half_is_fitted_in_whatever_order_points_come():
    points = [(2, 5.0), (4, 1.0), (8, 77.0), (16, 16.0), (32, 32.0), (64, 64.0)]
    assert exponent([points[::-1]]) == pytest.approx(1)
    assert exponent([[*points, (128, 128.0), (256, 256.0)]]) == pytest.approx(1)  # of eight, four


def test_at_least_three_lengths_are_fitted():
    points = [(2, 5.0), (4, 1.0), (8, 30.0), (16, 16.0)]
    x, y = np.log(points).T
    assert exponent([points]) == pytest.approx(np.polyfit(x[-3:], y[-3:], 1)[0])  # of four, three
    assert exponent([points[:3]]) == pytest.approx(np.polyfit(x[:3], y[:3], 1)[0])  # of three, all
    assert exponent([points[:3], [(2, 1.0), (4, 9.0)]]) == exponent([points[:3]])  # of two, none


def test_noise_moves_it_no_more_than_least_squares_says():
    rng = np.random.default_rng(0)
    noisy = [(n, n**1.5 * np.exp(rng.normal(0, 0.1))) for n in LENGTHS]
    x, y = np.log(noisy[-3:]).T
    assert exponent([noisy]) == pytest.approx(np.polyfit(x, y, 1)[0])
    # standard deviation 0.1 / sqrt(2 * ln(2)**2) = 0.1
    assert exponent([noisy]) == pytest.approx(1.5, abs=0.3)


@pytest.mark.parametrize(
    "curves",
    [[], [[]], [[(8, 4.0), (16, 5.0)]], [[(8, 4.0)], [(16, 5.0)], [(32, 6.0)]], [[(8, 0.0), (16, -1.0), (32, 3.0)]]],
)
def test_without_three_lengths_there_is_none(curves):
    assert exponent(curves) is None


def test_costs_of_0_are_left_out():
    assert exponent([[(1, 0.0), (2, 2.0), (4, 4.0), (8, 8.0)]]) == pytest.approx(1)
