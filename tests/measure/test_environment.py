"""What the record says about the machine, and the share of it that others had while a run was measured."""

import dataclasses
import os
import subprocess
import sys
import time
from collections import namedtuple
from types import SimpleNamespace

import psutil
import pynvml
import pytest

from harness.measure import environment, processors
from harness.measure.accelerators import accelerators
from harness.measure.containers import container_memory
from harness.measure.environment import OtherProcesses
from harness.records.record import Hardware

Times = namedtuple("Times", "user system idle iowait guest guest_nice")


class Machine:
    """Four processors whose counters are set by hand."""

    NoSuchProcess = psutil.NoSuchProcess

    def __init__(self):
        self.system = Times(1000.0, 500.0, 9000.0, 100.0, 200.0, 0.0)
        self.own = SimpleNamespace(user=50.0, system=5.0)
        self.now = 77.0
        self.each = [Times(number * 1000.0, 0.0, 0.0, 0.0, 0.0, 0.0) for number in range(4)]

    def cpu_times(self, percpu=False):
        return self.each if percpu else self.system

    def cpu_count(self):
        return 4

    def Process(self):
        return SimpleNamespace(cpu_times=lambda: self.own)

    def passes(self, seconds, own_user, own_system, others, waiting=0.0, guest=0.0):
        user, system, idle, iowait, guests, nice = self.system
        used = own_user + own_system + others
        idle += seconds * 4 - used - waiting
        # what a guest uses, the kernel counts in user too
        self.system = Times(user + own_user + others, system + own_system, idle, iowait + waiting, guests + guest, nice)
        self.own = SimpleNamespace(user=self.own.user + own_user, system=self.own.system + own_system)
        self.now += seconds


@pytest.fixture
def machine(monkeypatch):
    fake = Machine()
    monkeypatch.setattr(environment, "psutil", fake)
    monkeypatch.setattr(processors, "affinity", lambda: [0, 1, 2, 3])
    monkeypatch.setattr(environment, "time", SimpleNamespace(monotonic=lambda: fake.now))
    return fake


def test_the_runs_own_work_and_what_came_before_are_not_others(machine):
    machine.passes(100, own_user=10, own_system=0, others=300)  # before measuring
    others = OtherProcesses()
    machine.passes(10, own_user=18, own_system=2, others=0, waiting=5)
    assert others.share() == 0


def test_the_share_is_of_all_processors_over_the_measured_time(machine):
    others = OtherProcesses()
    machine.passes(10, own_user=11, own_system=1, others=18, waiting=2, guest=6)
    assert others.share() == pytest.approx(18 / 40)


def test_rounding_of_the_counters_never_gives_less_than_nothing(machine):
    others = OtherProcesses()
    machine.passes(10, own_user=20, own_system=0, others=-0.01)
    assert others.share() == 0


def test_a_busy_neighbour_is_seen_by_the_real_counters():
    others = OtherProcesses()
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as neighbour:
        while sum(psutil.Process(neighbour.pid).cpu_times()[:2]) < 1:
            time.sleep(0.05)
        taken = others.share() * psutil.cpu_count()
        neighbour.kill()
    assert taken > 0.3  # of one processor; the machine may be busy besides


def test_a_child_that_has_ended_is_our_own():
    others = OtherProcesses()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 1: pass"], check=True)
    assert others.own() > 0.9


def test_what_belongs_to_the_run_is_no_strangers(machine):
    others = OtherProcesses()
    machine.passes(10, own_user=11, own_system=1, others=18, waiting=2, guest=6)
    assert others.share(ours=10) == pytest.approx(8 / 40)


def test_what_runs_on_other_processors_does_not_disturb_a_run_that_is_pinned(machine, monkeypatch):
    monkeypatch.setattr(processors, "affinity", lambda: [1, 3])
    others = OtherProcesses()
    machine.passes(10, own_user=7, own_system=1, others=25)
    # of the run's processors, the busy seconds in all: 8 of its own and 3 of others, in 2 * 10 seconds
    for number, seconds in ((0, 10), (1, 6), (2, 10), (3, 5)):
        machine.each[number] = Times(number * 1000.0 + seconds, 0.0, 10 - seconds, 0.0, 0.0, 0.0)
    assert others.share() == pytest.approx(3 / 20)
    assert others.share(ours=2) == pytest.approx(1 / 20)


def test_where_the_system_counts_other_processors_than_those_of_the_process_all_count(machine, monkeypatch):
    """As in a container that numbers its processors anew."""
    monkeypatch.setattr(processors, "affinity", lambda: [6, 7])
    others = OtherProcesses()
    machine.passes(10, own_user=8, own_system=0, others=10)
    assert others.share() == pytest.approx(10 / 40)


def test_the_description_says_machine_software_and_load():
    found = dataclasses.asdict(environment.describe(Hardware("cpu", threads=3)))
    assert set(found) == {
        *("host", "platform", "processor", "cores", "memory_mib", "accelerators", "load_at_start", "versions", "git"),
        *("hardware", "other_processes_cpu_share", "threads_decided_by"),
        *("other_processes_device_share", "other_device_processes", "slot", "kernels"),
    }
    assert found["hardware"] == dataclasses.asdict(Hardware("cpu", threads=3))
    assert found["cores"] == processors.cores() >= 1
    total = psutil.virtual_memory().total
    assert found["memory_mib"] == min(total, container_memory() or total) / 2**20
    assert found["load_at_start"] == pytest.approx(os.getloadavg()[0], abs=5)
    assert {"python", "torch", "numpy", "mlflow"} <= set(found["versions"])
    assert found["processor"]


def test_memory_is_the_machine_s_or_the_container_s_if_that_has_less(monkeypatch):
    total = psutil.virtual_memory().total
    for granted, expected in ((None, total), (3 * 2**20, 3 * 2**20), (2 * total, total)):
        monkeypatch.setattr(environment, "container_memory", lambda granted=granted: granted)
        assert environment.describe(Hardware("cpu")).memory_mib == expected / 2**20


def test_commit_and_changes_are_those_of_the_checkout():
    found = environment.describe(Hardware("cpu")).git
    here = os.path.dirname(environment.__file__)

    def ask(*words):
        return subprocess.run(["git", *words], cwd=here, capture_output=True, text=True).stdout.strip()

    if not ask("ls-files", environment.__file__):
        assert found == {}  # an installed copy, or an export
    else:
        assert found == {"commit": ask("rev-parse", "HEAD"), "dirty": bool(ask("status", "--porcelain"))}


def test_an_accelerator_is_described_by_its_driver(monkeypatch):
    monkeypatch.setattr("platform.system", lambda: "Linux")
    for name, value in {
        "nvmlInit": None, "nvmlShutdown": None, "nvmlSystemGetDriverVersion": "570.1", "nvmlDeviceGetCount": 2,
        "nvmlDeviceGetName": "H200", "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=3 * 2**30),
    }.items():  # fmt: skip
        monkeypatch.setattr(pynvml, name, lambda *_, value=value: value)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda index: index)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    expected = {"kind": "cuda", "name": "H200", "driver": "570.1", "memory_mib": 3072}
    assert accelerators() == [{**expected, "index": 0}, {**expected, "index": 1}]


def test_without_a_driver_there_is_no_accelerator(monkeypatch):
    def absent():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr(pynvml, "nvmlInit", absent)
    assert accelerators() == []


@pytest.mark.parametrize(
    ("said", "expected"), [("1", 1), (" 1,4", 1), ("100000", None), ("0", None), ("", None), ("two", None)]
)
def test_threads_are_as_many_as_a_scheduler_says_and_no_more_than_there_are_cores(monkeypatch, said, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert processors.threads().processors == (expected or processors.cores())
