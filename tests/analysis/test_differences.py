"""The numbers of seeds, which are found from few pairs of variants, are those that all pairs give."""

import numpy as np
import pytest

from harness.analysis.critical_values import critical_value
from harness.analysis.differences import EXACT_UP_TO, MOST_SEEDS, Differences
from harness.analysis.variances import Sample, Scale, estimate

SCALES = {
    "shares": Scale(True, 0.01),
    "low shares": Scale(False, 0.01, floor=1 / 360),
    "ratios": Scale(True, 0.05, logs=True),
    "times": Scale(False, 0.05, logs=True, blocks=True, floor=0.005),
    "no margin": Scale(True, 0.0, floor=1 / 360),
}


def over_all_pairs(differences: Differences) -> tuple[list[bool], list[float], list[int | None]]:
    """Which variants are worse, how far they are at most behind, and the seeds needed by those that are open."""
    worse, at_most = decide(differences, differences.n_K)
    margin = differences.margin
    best = np.isclose(differences.means_K, differences.means_K.max(), rtol=0, atol=1e-12).argmax()  # the first
    waiting = {i for i in range(differences.k) if i != best and not worse[i] and not at_most[i] < margin}
    needed: list[int | None] = [None] * differences.k

    def decided(n):
        worse, at_most = decide(differences, np.maximum(differences.n_K, n))
        return {i for i in waiting if worse[i] or at_most[i] < margin}

    waiting = decided(MOST_SEEDS)
    n = int(differences.n_K.min())
    while waiting and n < MOST_SEEDS:
        n += max(1, n // 10 if n >= EXACT_UP_TO else 1)
        for i in decided(n):
            needed[i] = n
            waiting.remove(i)
    return worse, at_most, needed


def decide(differences: Differences, n_K):
    k, means_K = differences.k, differences.means_K
    spread = differences.spread
    if (n_K > differences.n_K).any():
        spread = spread.with_more(n_K - differences.n_K)
    of_seeds_K = spread.v_K / n_K
    seeds_KK = of_seeds_K[:, None] + of_seeds_K
    squared_KK = seeds_KK + differences.items_KK
    nu_KK = np.maximum(np.minimum(spread.nu_K[:, None], spread.nu_K) * (squared_KK / seeds_KK) ** 2, 2)
    ahead_KK = means_K - means_K[:, None]
    t_KK = ahead_KK / np.sqrt(squared_KK)
    worse = [False] * k
    for s, i in zip(range(k, 1, -1), np.argsort(-t_KK.max(1), kind="stable"), strict=False):
        j = t_KK[i].argmax()
        if t_KK[i, j] <= critical_value(k, s, nu_KK[i, j], differences.alpha):
            break
        worse[i] = True
    bounds_KK = ahead_KK + critical_value(k, 1, nu_KK, differences.alpha) * np.sqrt(squared_KK)
    bounds_KK[:, worse] = -np.inf
    np.fill_diagonal(bounds_KK, -np.inf)
    at_most_K = bounds_KK.max(1)
    return worse, np.where(np.isneginf(at_most_K), 0, at_most_K).tolist()


def drawn(k: int, scale: Scale, random: np.random.Generator, gap: float, sd: float, equal_n: bool) -> list[Sample]:
    rows = []
    for _ in range(k):
        seeds = range(4 if equal_n or scale.blocks else random.integers(3, 8))
        values = 0.8 + gap * random.normal() + sd * np.exp(random.normal() / 2) * random.normal(size=len(seeds))
        if scale.floor == 1 / 360:
            values = np.round(values * 360) / 360  # with ties
        rows.append(Sample(dict(zip(seeds, values.tolist(), strict=True))))
    return rows


def with_items(k: int, items: int, random: np.random.Generator, gap: float) -> list[Sample]:
    rows = []
    for _ in range(k):
        seeds = random.integers(3, 7)
        chance_N = np.clip(0.85 + gap * random.normal() + random.normal(0, 0.2, items), 0, 1)
        right_SN = random.random((seeds, items)) < chance_N
        share_S = right_SN.mean(1)
        items_N = right_SN.mean(0) - share_S.mean()
        rows.append(Sample(dict(enumerate(share_S.tolist())), items_N, float(right_SN.var(0, ddof=1).mean())))
    return rows


def check(rows: list[Sample], scale: Scale, alpha: float = 0.05) -> list[int | None]:
    differences = Differences(*estimate(rows, scale), rows, scale, alpha)
    worse, at_most, needed = over_all_pairs(differences)
    worse_K, at_most_K = differences.decide()
    assert worse_K.tolist() == worse
    assert at_most_K.tolist() == pytest.approx(at_most, rel=1e-9)
    open_K = ~worse_K & ~(at_most_K < differences.margin)
    open_K[differences.best] = False
    found = differences.seeds_needed(open_K)
    assert found == needed
    return found


@pytest.mark.parametrize("k", [2, 3, 5, 12, 40])
@pytest.mark.parametrize("name", SCALES)
def test_seeds_needed_are_those_over_all_pairs(name, k):
    random, numbers = np.random.default_rng(k), set()
    for gap, sd in ((0.001, 0.004), (0.003, 0.004), (0.02, 0.02), (0.05, 0.03)):
        for equal_n in (True, False):
            numbers |= set(check(drawn(k, SCALES[name], random, gap, sd, equal_n), SCALES[name]))
    assert len(numbers - {None}) >= min(k, 4)


@pytest.mark.parametrize("k", [2, 5, 12])
@pytest.mark.parametrize("logs", [False, True])
def test_seeds_needed_with_test_items_are_those_over_all_pairs(k, logs):
    random, numbers = np.random.default_rng(k), set()
    for items in (40, 300, 2000):
        for gap in (0.01, 0.02, 0.05):
            scale = Scale(True, 0.03, logs=logs, floor=1 / items)
            numbers |= set(check(with_items(k, items, random, gap), scale, alpha=0.0146))
    assert None in numbers
    assert numbers - {None}


def test_seeds_needed_of_hundreds_of_variants_are_those_over_all_pairs(monkeypatch):
    monkeypatch.setattr("harness.analysis.differences.AT_ONCE", 1000)  # so that the pairs come in several parts
    random = np.random.default_rng(0)
    check(drawn(150, SCALES["shares"], random, 0.004, 0.004, True), SCALES["shares"])
    check(with_items(150, 200, random, 0.02), Scale(True, 0.03, floor=1 / 200))


def test_equal_variants_of_equal_spread_tie():
    rows = [Sample(dict(enumerate(values))) for values in ([0.9, 0.91, 0.92], [0.9, 0.91, 0.92], [0.88, 0.89, 0.9])]
    first, second, third = check(rows, SCALES["shares"])
    assert first is None
    assert second
    assert third
