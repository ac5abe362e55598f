import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_t, norm, studentized_range, t

from harness.analysis.critical_values import critical_value, critical_values, exact_critical_value


@pytest.mark.parametrize(("k", "nu"), [(2, 4), (3, 6), (7, 2), (14, 28), (14, 3.5), (5, 120)])
def test_among_all_it_is_tukeys_range(k, nu):
    assert critical_value(k, k, nu) == pytest.approx(studentized_range.ppf(0.95, k, nu) / np.sqrt(2), rel=2e-4)


@pytest.mark.parametrize("nu", [2, 4, 9.5, 60])
def test_of_two_it_is_students_t(nu):
    assert critical_value(2, 1, nu) == pytest.approx(t.ppf(0.95, nu), rel=1e-4)
    assert critical_value(2, 2, nu) == pytest.approx(t.ppf(0.975, nu), rel=1e-4)


def test_against_one_it_is_dunnetts_one_sided_value():
    # k - 1 = 3 differences to a control, correlated by 1/2: P(all below c) = 0.95
    correlation = np.full((3, 3), 0.5) + 0.5 * np.eye(3)
    c = float(critical_value(4, 1, 8))
    assert multivariate_t(shape=correlation, df=8, seed=1).cdf([c] * 3, maxpts=200_000) == pytest.approx(0.95, abs=5e-4)


def test_values_of_fourteen_variants():
    # three seeds each: 28 degrees of freedom
    assert [round(float(critical_value(14, s, 28)), 2) for s in (14, 2, 1)] == [3.66, 2.96, 2.67]


def test_a_known_variance_is_the_limit_of_many_degrees_of_freedom():
    # P(largest of three - smallest of two of them <= w) by a one-dimensional integral over the largest
    w = np.sqrt(2) * float(critical_value(3, 2, 1e9))

    def density(m):
        near = norm.cdf(m) - norm.cdf(m - w)
        return norm.pdf(m) * (2 * near * norm.cdf(m) + near**2)

    assert quad(density, -8, 8)[0] == pytest.approx(0.95, abs=1e-5)


@pytest.mark.parametrize("alpha", [0.05, 0.0146])
@pytest.mark.parametrize(
    ("k", "s", "rel"),
    [
        *((k, s, 1e-5) for k, s in ((3, 1), (7, 4), (10, 9), (11, 1), (14, 14), (30, 2))),
        *((k, s, 1e-4) for k, s in ((200, 57), (2000, 1999))),
    ],
)  # fmt: skip
def test_the_interpolation_is_exact_to_five_digits_and_with_hundreds_of_variants_to_four(k, s, rel, alpha):
    for nu in (2, 2.4, 5, 17, 300, 1e5):
        assert critical_value(k, s, nu, alpha) == pytest.approx(exact_critical_value(k, s, nu, alpha), rel=rel)


@pytest.mark.parametrize(("k", "nu"), [(60, 2), (60, 30), (500, 2), (500, 12)])
def test_the_range_of_many_is_tukeys_to_seven_digits(k, nu):
    assert exact_critical_value(k, k, nu, 0.05) == pytest.approx(studentized_range.ppf(0.95, k, nu) / 2**0.5, rel=1e-7)


def test_it_is_one_value_for_each_number_of_degrees_of_freedom():
    nu_N = np.array([2.0, 5.0, 80.0])
    assert critical_value(5, 3, nu_N) == pytest.approx([float(critical_value(5, 3, nu)) for nu in nu_N])


@pytest.mark.parametrize(("k", "s", "nu"), [(1, 1, 5), (3, 0, 5), (3, 4, 5), (3, 2, 1.5)])
def test_impossible_comparisons_are_refused(k, s, nu):
    with pytest.raises(ValueError, match="no critical value"):
        critical_value(k, s, nu)


@pytest.mark.parametrize("k", [2, 7, 10, 11, 40, 700])
def test_those_of_pairs_of_s_and_freedom_are_the_single_ones(k):
    s_N = np.arange(1, k + 1)
    nu_N = np.geomspace(2, 1e7, k)
    assert critical_values(k, s_N, nu_N, 0.0146).tolist() == [
        float(critical_value(k, s, nu, 0.0146)) for s, nu in zip(s_N, nu_N, strict=True)
    ]
