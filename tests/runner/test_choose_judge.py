"""How candidates stand, from their records."""

import numpy as np
import pytest
from made_records import made

from harness.analysis.recommendation import recommend
from harness.analysis.sequential import level_per_look
from harness.analysis.statistics import rank
from harness.analysis.variances import Sample, Scale
from harness.config.requirement import parse_all
from harness.runner.choose.judge import Judge
from harness.runner.choose.plan import Plan, Run, decide

ACCURACIES = {"lstm": [0.900, 0.902, 0.901], "gru": [0.899, 0.901, 0.903], "rnn": [0.850, 0.852, 0.851]}
LATENCIES = {"lstm": 2.0, "gru": 1.0, "rnn": 0.5}
ITEMS = 10_000
PLAN = Plan(("lstm", "gru", "rnn", "cnn"), (3, 5), 0, 60.0)


def records(seeds=3):
    return {
        Run(name, "seeds", seed): made(
            name, seed, values[seed], metrics={"latency/p50_ms": LATENCIES[name]}, data={"sizes": {"test": ITEMS}}
        )
        for name, values in ACCURACIES.items()
        for seed in range(seeds)
    }  # fmt: skip


def judge(*requirements, level=0.0188, margin=0.01):
    return Judge(PLAN, level, margin, parse_all(requirements))


def test_standings_are_those_of_the_rule_at_the_level_of_the_look():
    contenders = {one.name: one for one in judge().contenders(records(), {}, {})}
    assert [one.finished for one in contenders.values()] == [(0, 1, 2), (0, 1, 2), (0, 1, 2), ()]
    names = sorted(ACCURACIES, key=LATENCIES.__getitem__)  # of equal means the cheapest is the best
    samples = [Sample(dict(enumerate(ACCURACIES[name]))) for name in names]
    by_rule = rank(samples, Scale(True, 0.01, floor=1 / ITEMS), 0.0188)
    for name, standing in zip(names, by_rule, strict=True):
        assert contenders[name].standing == standing
    assert {one.standing.verdict for one in contenders.values() if one.standing} == {"best", "equivalent", "worse"}
    at_5_percent = {one.name: one for one in judge(level=0.05).contenders(records(), {}, {})}
    assert at_5_percent["gru"].standing.at_most < contenders["gru"].standing.at_most


def test_trials_are_no_seeds():
    of_trial = {Run("cnn", "tuning", 0): made("cnn", 0, 0.99)}
    contenders = judge().contenders(records() | of_trial, {Run("cnn", "tuning", 1): "diverged"}, {})
    assert (contenders[3].finished, contenders[3].failed, contenders[3].standing) == ((), (), None)


def test_failed_seeds_and_reasons_are_passed_on():
    contenders = judge().contenders(records(), {Run("cnn", "seeds", 1): "crashed"}, {"rnn": "it pools"})
    assert contenders[3].failed == (1,)
    assert contenders[2].excluded == "it pools"


def test_a_requirement_excludes_and_the_others_stand_among_themselves():
    contenders = {one.name: one for one in judge("latency/p50_ms<1.5").contenders(records(), {}, {})}
    assert contenders["lstm"].excluded == "2 ms"
    assert contenders["lstm"].standing is None
    assert contenders["gru"].standing.verdict == "best"


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_requirement_excludes_nobody_before_the_first_look(seeds):
    contenders = judge("latency/p50_ms<1.5").contenders(records(seeds), {}, {})
    assert [one.excluded for one in contenders] == [None] * 4


def test_nothing_is_known_before_the_first_run():
    assert [one.standing for one in judge().contenders({}, {}, {})] == [None] * 4


PLANTED = {"best": (0.90, 2.0), "equal": (0.90, 1.0), "c": (0.87, 0.5), "d": (0.87, 0.4), "e": (0.86, 3.0)}
"""The true accuracy and latency of candidates: one best by three points, another equal to it but twice as fast."""


class Planted:
    """A bench of these candidates, judged from records."""

    def __init__(self, draw):
        self.rng = np.random.default_rng(draw)
        self.plan = Plan(tuple(PLANTED), (3, 5, 7, 10), 0, 1e9)
        self.judge = Judge(self.plan, level_per_look(self.plan.looks), 0.01, [])
        self.records = {}

    def run(self, runs):
        for run in runs:
            accuracy, latency = PLANTED[run.candidate]
            self.records[run] = made(
                run.candidate, run.number, round(self.rng.normal(accuracy, 0.003), 4), data={"sizes": {"test": ITEMS}},
                metrics={"latency/p50_ms": latency * np.exp(self.rng.normal(0, 0.1))},
            )  # fmt: skip
        return True

    def contenders(self):
        return self.judge.contenders(self.records, {}, {})

    def asked(self, look, names):
        return names()

    def ended(self, run):
        return run in self.records

    def predicted(self, runs):
        return float(len(runs))

    def left(self):
        return 1e9


@pytest.mark.parametrize("draw", range(10))
def test_of_two_equal_candidates_the_faster_is_named(draw):
    planted = Planted(draw)
    assert decide(planted.plan, planted, lambda what, runs: None).reason == "decided"
    (recommended,) = recommend(planted.judge.group(planted.records.values()))
    assert recommended.variant.name == "equal"
    assert recommended.cost == "latency/p50_ms"
    assert {variant.name for variant in recommended.candidates} == {"best", "equal"}
