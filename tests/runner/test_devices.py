"""Which devices a run gets: by a pretended driver, and by what the framework says it can use."""

import json
from pathlib import Path

import pytest
from commands import cold
from conftest import QUICK, refused
from made_records import HARDWARE, made

from harness.analysis import comparability
from harness.analysis.variants import gather
from harness.config.compose import compose
from harness.config.hardware import Usable, resolve_hardware
from harness.errors import UserError
from harness.measure import accelerators
from harness.records import store
from harness.records.record import Environment
from harness.runner import devices, worker

A100 = {"name": "A100", "uuid": "GPU-aaaa-1", "mib": 40960, "watts": 400}
T4 = {"name": "T4", "uuid": "GPU-bbbb-2", "mib": 15360, "watts": 70}
UNIFIED = {"name": "GB10", "uuid": "GPU-cccc-3"}
PRETENDED = Path(__file__).parent / "pretended"
RUN = ["encoder=bag_of_embeddings", *QUICK[1:-2], "hardware.threads=1", "trainer.epochs=1"]


def card(pretended, index=0):
    """What ``accelerators`` makes of a pretended card."""
    known = {"memory_mib": pretended.get("mib"), "power_limit_w": pretended.get("watts")}
    named = {"kind": "cuda", "index": index, "name": pretended["name"], "uuid": pretended["uuid"]}
    return named | {key: value for key, value in known.items() if value}


def harness(folder, *arguments, cards, visible=None):
    changes = {"PRETENDED_CARDS": json.dumps(cards), "CUDA_VISIBLE_DEVICES": visible}
    run = (*RUN, "tracking.system_metrics_seconds=0.1", *arguments)
    return cold(folder, *run, changes=changes, paths=(PRETENDED,))


def only_environment(folder):
    (record,) = store.read_all(folder / "outputs" / "runs")
    assert record.status == "finished"
    return record.environment


def test_hidden_cards_leave_the_run_on_the_cpu_and_one_line_says_so(tmp_path):
    ended = harness(tmp_path, cards=[A100, T4], visible="")
    assert ended.returncode == 0, ended.stderr
    said = [line for line in ended.stderr.splitlines() if "hardware=auto" in line]
    assert said == ["hardware=auto: CUDA_VISIBLE_DEVICES hides A100, T4, so the run is on the CPU"]
    environment = only_environment(tmp_path)
    assert (environment.hardware.accelerator, environment.hardware.device_names) == ("cpu", [])
    assert environment.accelerators == []
    assert "Traceback" not in ended.stderr


def test_memory_that_the_driver_does_not_know_is_absent_and_the_run_trains(tmp_path):
    ended = harness(tmp_path, "hardware=cpu", cards=[UNIFIED])
    assert ended.returncode == 0, ended.stderr
    assert only_environment(tmp_path).accelerators == [card(UNIFIED)]
    assert "Traceback" not in ended.stderr


@pytest.fixture
def shown(monkeypatch):
    """Pretend that the driver shows these cards, and that the framework answers so."""

    def pretend(cards, usable):
        found = [card(one, index) for index, one in enumerate(cards)]
        monkeypatch.setattr(accelerators, "driver_devices", lambda: found)
        monkeypatch.setattr("platform.system", lambda: "Linux")
        monkeypatch.setattr(devices, "ask", lambda *_: usable)
        monkeypatch.setattr(devices, "_said", set())

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return pretend


def of_framework(*cards):
    return [{"kind": "cuda", "name": one["name"], "uuid": one["uuid"].removeprefix("GPU-")} for one in cards]


CUDA = {"cuda": "12.6", "cudnn": "90501"}


def test_a_card_that_the_framework_cannot_use_leaves_the_run_on_the_cpu(shown, capfd):
    shown([A100], Usable([], "PyTorch 2.9 is built without CUDA"))
    for _ in range(2):  # the runs of a sweep say it once
        hardware, usable = devices.of_run(None, compose())
        assert (hardware.accelerator, hardware.device_names, usable) == ("cpu", [], None)
    assert capfd.readouterr().err == (
        "hardware=auto: backend=pytorch cannot use A100 (PyTorch 2.9 is built without CUDA), so the run is on the CPU\n"
    )


def test_a_card_that_was_asked_for_and_cannot_be_used_is_refused(shown):
    shown([A100], Usable([], "PyTorch 2.9 is built without CUDA"))
    sentence = refused(devices.of_run, None, compose("hardware=gpu"))
    assert sentence == (
        "hardware=gpu needs 1 GPU device(s), and backend=pytorch can use none (PyTorch 2.9 is built without CUDA); "
        "take hardware=cpu or hardware=auto"
    )


def test_the_second_of_two_cards_is_the_one_in_the_record(shown, monkeypatch):
    shown([A100, T4], Usable(of_framework(T4), "", CUDA))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    hardware, usable = devices.of_run(None, compose())
    assert hardware.accelerator == "gpu"
    assert (hardware.device_names, hardware.device_power_limits_w) == (["T4"], [70])
    environment = Environment(hardware, versions={"python": "3.11"})
    devices.describe(environment, usable)
    assert environment.accelerators == [card(T4, 1)]
    assert environment.versions == {"python": "3.11", **CUDA}


def test_cards_are_known_by_their_uuid_where_the_framework_orders_them_otherwise(shown):
    shown([A100, T4], Usable(of_framework(T4, A100), "", CUDA))
    hardware, usable = devices.of_run(None, compose("hardware=gpu"))
    assert hardware.device_names == ["T4"]
    assert usable.shown_by([card(A100), card(T4, 1)]) == [card(T4, 1), card(A100)]


def test_a_part_of_a_divided_card_names_its_profile(shown, monkeypatch):
    part = {**card(T4), "name": "H100 MIG 1g.10gb", "mig": "H100 MIG 1g.10gb"}
    shown([], Usable([{"kind": "cuda", "name": "H100", "uuid": ""}]))
    monkeypatch.setattr(accelerators, "driver_devices", lambda: [part])
    hardware, _ = devices.of_run(None, compose())
    assert (hardware.device_names, hardware.device_parts) == (["H100 MIG 1g.10gb"], ["H100 MIG 1g.10gb"])


def test_a_card_that_the_driver_does_not_list_has_the_frameworks_name():
    assert Usable(of_framework(T4)).shown_by([]) == of_framework(T4)


def test_the_processor_asks_no_framework(shown, monkeypatch):
    shown([A100], None)
    monkeypatch.setattr(devices, "ask", lambda *_: pytest.fail("asked"))
    assert devices.of_run(None, compose("hardware=cpu"))[0].accelerator == "cpu"


@pytest.mark.parametrize("backend", ["pytorch", "tensorflow"])
def test_the_framework_answers_from_a_process_of_its_own(monkeypatch, backend):
    """Here without a driver: no devices, and the reason. The answer is asked for once."""
    monkeypatch.setattr(devices, "_answers", {})
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    server = worker.server_of_backend(backend)
    usable = devices.ask(server, backend)
    assert usable.devices == []
    assert usable.reason
    assert devices.ask(None, backend) is usable


def test_a_framework_that_crashes_when_asked_can_use_nothing(monkeypatch):
    monkeypatch.setattr(devices, "_answers", {})

    class Crashing:
        def run(self, *_):
            return worker.End(-11)

    assert devices.ask(Crashing(), "pytorch") == Usable([], "crashed: signal SIGSEGV")


@pytest.mark.parametrize("differing", [{"device_power_limits_w": [250]}, {"device_parts": ["1g.10gb"]}])
def test_what_changes_the_speed_of_a_card_sets_hardware_groups_apart(differing):
    card_of_both = {**HARDWARE, "accelerator": "gpu", "device_names": ["A100"], "device_power_limits_w": [400]}
    one = made(environment={"hardware": card_of_both})
    other = made("gru", environment={"hardware": card_of_both | differing})
    (group,) = comparability.make_groups(gather([one, other]).variants)
    assert len(group.hardware_groups) == 2


def test_more_cards_than_the_framework_can_use_are_refused(shown):
    shown([A100, T4], Usable(of_framework(A100), "", CUDA))
    with pytest.raises(UserError, match="backend=pytorch can use 1 of them"):
        devices.of_run(None, compose("hardware=multi_gpu"))


def test_without_a_word_of_the_framework_all_that_the_driver_shows_counts(shown):
    shown([A100, T4], None)
    assert resolve_hardware(compose("hardware=multi_gpu")).device_names == ["A100", "T4"]
