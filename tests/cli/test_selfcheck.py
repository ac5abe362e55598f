"""The self-check against records made by hand, some of which are wrong in the ways that it is there to find."""

import pytest
import torch
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
        ("memory/host_train_peak_mib", 150.0, "host memory of train"),
        ("memory/host_inference_peak_mib", 340.0, "host memory of inference"),  # the other phase's
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


def on_gpu(metrics):
    found = record(metrics)
    found.environment.hardware.accelerator = "gpu"
    return found


def test_on_a_device_its_own_memory_is_checked_and_not_the_hosts():
    """Here the host's peaks are those of a processor, and 300 MiB of the device are found in training."""
    device = {"memory/device_train_peak_mib": 557.0, "memory/device_inference_peak_mib": 356.0}
    nothing = {"memory/device_train_peak_mib": 257.0, "memory/device_inference_peak_mib": 257.0}
    found = list(memory(on_gpu(GOOD | device), on_gpu(SHORT | nothing), 300, 100))
    assert [finding.what.split(",")[0] for finding in found] == ["device memory of train", "device memory of inference"]
    assert [finding.measured for finding in found] == ["300 MiB", "99 MiB"]
    assert all(finding.holds for finding in found)
    swapped = list(memory(on_gpu(GOOD | device), on_gpu(SHORT | nothing), 100, 300))
    assert not any(finding.holds for finding in swapped)
    absent = list(memory(on_gpu(GOOD), on_gpu(SHORT), 300, 100))
    assert all(finding.holds and "this device keeps no peak" in finding.measured for finding in absent)


def test_others_on_the_accelerator_widen_what_is_allowed():
    late = {"speed/train_step_ms_p50": 45.0, "speed/train_step_ms_p95": 45.2}
    disturbed = record(GOOD | late)
    assert not next(times(disturbed, record(SHORT))).holds
    disturbed.environment.other_processes_device_share = 0.3
    assert next(times(disturbed, record(SHORT))).expected == "20 ± 6 ms"


def test_on_an_accelerator_accuracy_is_equal_but_for_noise():
    def pairs(differences):
        made_on_gpu = [pair(accuracy=(0.5 + difference, 0.5)) for difference in differences]
        for one, other in made_on_gpu:
            one.environment.hardware.accelerator = other.environment.hardware.accelerator = "gpu"
        return made_on_gpu

    differences = ([0, 0, 0], [0.01, -0.01, 0.0], [0.1, 0.11, 0.1])
    assert [next(measured_twice(pairs(found))).holds for found in differences] == [True, True, False]


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
    monkeypatch.setattr(selfcheck, "findings", lambda *_: iter(both))
    assert selfcheck.main([]) == code
    assert ("does not hold" in capsys.readouterr().out) is not holds


@pytest.mark.long
def test_real_runs_are_checked_and_definitions_hold_but_for_noise(monkeypatch, tmp_path):
    monkeypatch.setattr(selfcheck, "PAIRS", 2)
    monkeypatch.setattr(selfcheck, "MEASURED_TWICE", ("encoder=bag_of_embeddings",))
    found = {finding.what: finding for finding in findings(str(tmp_path), "cpu")}
    exact = ("host memory of train", "host memory of inference", "A/A, accuracy", "tokens a second", "timer's own cost")
    for start in exact:  # what no load of the machine changes
        (finding,) = (one for what, one in found.items() if what.startswith(start))
        assert finding.holds, finding
    assert found["device"].measured == "cpu"
    assert len(found) == 14


@pytest.mark.parametrize("argument", ["hardware=multi_gpu", "hardware=ddp_cpu", "hardware=", "gpu", "data=imdb"])
def test_only_the_hardware_can_be_chosen(argument, capsys):
    assert selfcheck.main([argument]) == 2
    sentence = "selfcheck takes hardware=NAME alone, one of auto, cpu, cpu_bf16, gpu, gpu_bf16, mps; it was given "
    assert capsys.readouterr().err == f"{sentence}{argument}\n"


@pytest.mark.parametrize(("arguments", "hardware"), [([], "auto"), (["hardware=gpu_bf16"], "gpu_bf16")])
def test_the_chosen_hardware_is_checked(monkeypatch, arguments, hardware):
    asked = []
    monkeypatch.setattr(selfcheck, "findings", lambda folder, hardware: iter(asked.append(hardware) or ()))
    assert selfcheck.main(arguments) == 0
    assert asked == [hardware]


def test_a_device_that_is_not_there_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert selfcheck.main(["hardware=gpu"]) == 2
    assert capsys.readouterr().err == (
        "hardware=gpu needs 1 GPU device(s), and this machine has none; take hardware=cpu or hardware=auto\n"
    )


@pytest.mark.gpu
def test_on_a_gpu_time_and_memory_are_those_of_the_device(monkeypatch, tmp_path):
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")
    monkeypatch.setattr(selfcheck, "PAIRS", 2)
    found = list(findings(str(tmp_path), "gpu"))
    checked = [finding for finding in found if not finding.what.startswith("A/A")]  # two pairs tell little
    assert [finding for finding in checked if not finding.holds] == []
    assert sum(finding.what.startswith("device memory") for finding in found) == 4
