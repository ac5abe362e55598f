"""The self-check against records made by hand, some of which are wrong in the ways that it is there to find."""

import pytest
from made_records import made

from harness.cli import selfcheck
from harness.cli.selfcheck import Finding, findings, interval, measured_twice, memory, times

GOOD = {
    "speed/train_step_ms_p50": 41.0, "speed/train_step_ms_p95": 41.2,
    "speed/inference_batch_ms_p50": 55.5, "speed/inference_batch_ms_p95": 55.6,
    "latency/p50_ms": 55.3, "latency/p95_ms": 55.5,
    "speed/train_sequences_per_second": 26 / 0.041, "speed/inference_sequences_per_second": 30 / 0.0555,
    "speed/train_tokens_per_second": 260 / 0.041,
    "memory/host_train_peak_mib": 340.0, "memory/host_inference_peak_mib": 150.0,
}  # fmt: skip
SHORT = {
    "speed/train_step_ms_p50": 21.0, "speed/train_step_ms_p95": 21.1,
    "speed/inference_batch_ms_p50": 20.5, "speed/inference_batch_ms_p95": 20.6,
    "latency/p50_ms": 20.3, "latency/p95_ms": 20.4,
    "memory/host_train_peak_mib": 42.0, "memory/host_inference_peak_mib": 45.0,
}  # fmt: skip


def record(metrics, others=0.0, **changed):
    found = made(accuracy=None, metrics={**metrics, **changed}, data={"max_length": 10})
    found.environment.other_processes_cpu_share = others
    return found


def test_right_numbers_hold():
    found = [*times(record(GOOD), record(SHORT)), *memory(record(GOOD), record(SHORT), 300, 100)]
    assert [finding.what for finding in found if not finding.holds] == []
    assert len(found) == 8


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("speed/train_step_ms_p50", 48.0, "step, over"),  # a part of validation in it
        ("speed/train_sequences_per_second", 50 * 26 / 0.041, "sequences a second"),  # too high by the number of steps
        ("speed/train_tokens_per_second", 300 / 0.041, "tokens a second"),  # padding counted
        ("speed/inference_batch_ms_p50", 30.0, "inference of a batch"),  # not waited for
        ("speed/inference_sequences_per_second", 30 / 0.030, "inference sequences"),
        ("latency/p50_ms", 350.0, "latency"),  # of a batch
        ("memory/host_train_peak_mib", 150.0, "memory of train"),
        ("memory/host_inference_peak_mib", 340.0, "memory of inference"),  # the other phase's
    ],
)
def test_wrong_numbers_are_found(name, wrong, said):
    changed = {name: wrong, name.replace("_p50", "_p95"): wrong} if name.endswith("_p50") else {name: wrong}
    known = record(GOOD, **changed)
    found = [*times(known, record(SHORT)), *memory(known, record(SHORT), 300, 100)]
    assert any(finding.what.startswith(said) for finding in found if not finding.holds)


def test_a_busy_machine_widens_what_is_allowed_and_no_further_than_the_others_share():
    late = {"speed/train_step_ms_p50": 45.0, "speed/train_step_ms_p95": 45.2}
    step = next(times(record(GOOD, others=0.3, **late), record(SHORT)))
    assert step.holds
    assert step.expected == "20 ± 6 ms"
    assert not next(times(record(GOOD, others=0.1, **late), record(SHORT))).holds


def test_memory_that_the_system_cannot_tell_is_said_and_is_no_failure():
    without = {name: value for name, value in GOOD.items() if not name.startswith("memory/")}
    found = list(memory(record(without), record(SHORT), 300, 100))
    assert all("absent" in finding.measured and finding.holds for finding in found)


def pair(accuracy=(0.5, 0.5), speed=(100.0, 100.0)):
    return [
        made(accuracy=one, metrics={"speed/train_tokens_per_second": rate, "latency/p50_ms": 1 / rate})
        for one, rate in zip(accuracy, speed, strict=True)
    ]


def test_a_config_measured_twice_has_one_accuracy_and_one_speed():
    noise = [pair(speed=(100, 103)), pair(speed=(104, 101)), pair(speed=(99, 100)), pair(speed=(102, 100))]
    assert [finding.holds for finding in measured_twice(noise)] == [True, True, True]
    unequal = [pair(accuracy=(0.5, 0.51)), *noise]
    assert [finding.holds for finding in measured_twice(unequal)] == [False, True, True]
    faster = [pair(speed=(110 + drift, 100)) for drift in (0, 0.5, 1, -0.5)]
    assert [finding.holds for finding in measured_twice(faster)] == [True, False, False]


def test_the_interval_is_students():
    # mean 2, standard error 1 / sqrt(3), t(0.995, 2) = 9.9248
    assert interval([1.0, 2.0, 3.0]) == (2.0, pytest.approx(9.9248 / 3**0.5, rel=1e-4))


@pytest.mark.parametrize(("holds", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_says_whether_everything_holds(monkeypatch, capsys, holds, code):
    both = [Finding("one", "1", "1", True), Finding("two", "2", "3", holds)]
    monkeypatch.setattr(selfcheck, "findings", lambda folder: iter(both))
    assert selfcheck.main([]) == code
    assert ("does not hold" in capsys.readouterr().out) is not holds


def test_real_runs_are_checked_and_definitions_hold_but_for_noise(monkeypatch, tmp_path):
    monkeypatch.setattr(selfcheck, "PAIRS", 2)
    monkeypatch.setattr(selfcheck, "MEASURED_TWICE", ("encoder=bag_of_embeddings",))
    found = {finding.what: finding for finding in findings(str(tmp_path))}
    exact = ("memory of train", "memory of inference", "A/A, accuracy", "tokens a second", "timer's own cost")
    for start in exact:  # what no load of the machine changes
        (finding,) = (one for what, one in found.items() if what.startswith(start))
        assert finding.holds, finding
    assert len(found) == 13
