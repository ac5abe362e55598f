"""Other processes on the devices of a run: by a pretended driver, and by the marks of real runs."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.measure import device_users
from harness.measure.device_marks import DAY, DeviceMarks
from harness.measure.device_users import READINGS, OtherDeviceUsers

CARD = {"kind": "cuda", "index": 0, "name": "A100", "uuid": "GPU-aaaa-1"}
ME, NOTEBOOK, TRAINING = os.getpid(), 99_999_991, 99_999_992


class NVMLError(Exception):
    """The driver's error."""


class Driver:
    """A pretended ``pynvml`` with one card. ``gpu`` holds the readings of its utilisation, the last one for ever.

    ``pids`` are the processes on it; ``used`` what each used since it was last asked, in percent; None: not supported.
    """

    NVMLError = NVMLError

    def __init__(self, gpu=(0,), pids=(), used=None):
        self.gpu, self.pids, self.used, self.asked_since = list(gpu or ()), pids, used, []

    def nvmlInit(self):
        pass

    def nvmlDeviceGetHandleByUUID(self, uuid):
        if uuid != CARD["uuid"]:
            raise NVMLError("Not Found")
        return "handle"

    def nvmlDeviceGetHandleByIndex(self, index):
        return f"card {index}"

    def nvmlDeviceGetUtilizationRates(self, handle):
        if not self.gpu:
            raise NVMLError("Not Supported")
        return SimpleNamespace(gpu=self.gpu.pop(0) if len(self.gpu) > 1 else self.gpu[0])

    def nvmlDeviceGetComputeRunningProcesses(self, handle):
        if self.pids is None:
            raise NVMLError("Insufficient Permissions")
        return [SimpleNamespace(pid=pid, usedGpuMemory=None) for pid in self.pids]

    def nvmlDeviceGetProcessUtilization(self, handle, since):
        self.asked_since.append(since)
        if self.used is None:
            raise NVMLError("Not Supported")
        return [SimpleNamespace(pid=pid, smUtil=percent) for pid, percent in self.used.items()]


@pytest.fixture
def users(monkeypatch, tmp_path):
    """The other users of the card, after one look, and how often the first reading was repeated."""

    def seen(driver, device=CARD):
        monkeypatch.setitem(sys.modules, "pynvml", driver)
        waited = []
        found = OtherDeviceUsers([device], tmp_path, sleep=waited.append)
        found.look()
        return found.numbers(), len(waited)

    return seen


def test_a_card_of_our_own_has_no_other_users(users):
    numbers, waited = users(Driver(pids=[ME]))
    assert numbers == {"other_processes_device_share": 0.0, "other_device_processes": 0}
    assert waited == 0


def test_the_processes_that_share_a_training_are_no_others(users, monkeypatch):
    with subprocess.Popen(["sleep", "60"]) as rank:
        monkeypatch.setattr(os, "getppid", lambda: ME)  # this process as the fork server
        numbers, _ = users(Driver(pids=[rank.pid, ME]))
        rank.kill()
    assert numbers["other_device_processes"] == 0


def test_a_busy_neighbour_is_seen_before_the_run(users):
    numbers, waited = users(Driver(gpu=[97, 63, 88], pids=[ME]))
    assert numbers["other_processes_device_share"] == 0.63
    assert waited == READINGS - 1


def test_the_end_of_an_earlier_run_is_no_neighbour(users):
    numbers, waited = users(Driver(gpu=[97, 2], pids=[ME]))
    assert numbers["other_processes_device_share"] == 0.02
    assert waited == 1


def test_who_worked_during_the_run_counts_and_who_only_holds_memory_does_not(users):
    driver = Driver(pids=[ME, NOTEBOOK, TRAINING], used={ME: 50, TRAINING: 41, NOTEBOOK: 0})
    numbers, _ = users(driver)
    assert numbers == {"other_processes_device_share": 0.41, "other_device_processes": 1}


def test_an_idle_notebook_disturbs_nothing(users):
    numbers, _ = users(Driver(pids=[ME, NOTEBOOK], used={ME: 50}))
    assert numbers == {"other_processes_device_share": 0.0, "other_device_processes": 0}


@pytest.mark.parametrize("used", [None, {}, {TRAINING: 30}])
def test_where_the_driver_does_not_tell_who_worked_all_that_hold_the_card_count(users, used):
    numbers, _ = users(Driver(pids=[ME, NOTEBOOK, TRAINING], used=used))
    assert numbers == {"other_processes_device_share": 0.0, "other_device_processes": 2}


@pytest.mark.parametrize("pids", [[], [NOTEBOOK, TRAINING], None])
def test_without_our_own_number_in_the_list_nothing_is_claimed_of_it(users, pids):
    """In a container the driver lists no processes, or those of another namespace."""
    numbers, _ = users(Driver(gpu=[31], pids=pids, used={TRAINING: 90}))
    assert numbers == {"other_processes_device_share": 0.31}


def test_what_the_driver_does_not_support_is_absent(users):
    numbers, waited = users(Driver(gpu=None, pids=None))
    assert numbers == {}
    assert waited == 0


def test_a_part_of_a_card_is_not_judged_by_its_whole_card(users):
    part = {**CARD, "uuid": "MIG-f6", "mig": "1g.10gb", "card_uuid": CARD["uuid"]}
    assert users(Driver(gpu=[80], pids=[ME, TRAINING]), part)[0] == {}
    assert users(Driver(gpu=[80], pids=[ME]), {"kind": "cuda", "index": 0})[0]["other_processes_device_share"] == 0.8


def test_a_driver_that_is_gone_and_the_processor_have_no_users(users, monkeypatch, tmp_path):
    driver = Driver()
    monkeypatch.setattr(driver, "nvmlInit", lambda: (_ for _ in ()).throw(NVMLError("no driver")))
    assert users(driver)[0] == {}
    nowhere = tmp_path / "none"
    OtherDeviceUsers([], nowhere).look()
    assert not nowhere.exists()


def test_each_look_asks_for_the_time_since_the_last_one_and_keeps_the_most(monkeypatch, tmp_path):
    driver = Driver(pids=[ME, TRAINING], used={ME: 50, TRAINING: 20})
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    now = [1000.0]
    monkeypatch.setattr(device_users.time, "time", lambda: now[0])
    found = OtherDeviceUsers([CARD], tmp_path)
    for seconds, percent in ((7, 20), (11, 35), (13, 5)):
        now[0] += seconds
        driver.used[TRAINING] = percent
        found.look()
    assert driver.asked_since == [1000_000_000, 1007_000_000, 1018_000_000]
    assert found.numbers() == {"other_processes_device_share": 0.35, "other_device_processes": 1}


HOLD = """
import sys
from pathlib import Path
from harness.measure.device_marks import DeviceMarks

marks = DeviceMarks(Path(sys.argv[1]), [{"kind": "cuda", "uuid": sys.argv[2]}])
print(len(marks.others), flush=True)
sys.stdin.readline()
marks.look()
print(len(marks.others), flush=True)
"""


class Run:
    """A process that holds the marks of a run on a device; ``others`` it has seen at its last look."""

    def __init__(self, folder, uuid):
        command = [sys.executable, "-c", HOLD, str(folder), uuid]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.others = int(self.process.stdout.readline())

    def ends(self):
        self.others = int(self.process.communicate("\n")[0])
        return self.others


def test_runs_that_share_a_card_see_each_other_and_those_that_follow_each_other_do_not(tmp_path):
    first = Run(tmp_path, "GPU-1")
    elsewhere = Run(tmp_path, "GPU-11")
    second = Run(tmp_path, "GPU-1")
    assert (first.others, elsewhere.others, second.others) == (0, 0, 1)
    assert second.ends() == 1
    assert first.ends() == 1  # although the other has ended meanwhile
    assert elsewhere.ends() == 0
    assert Run(tmp_path, "GPU-1").ends() == 0


def test_a_mark_of_a_crashed_run_is_no_user_and_is_removed_after_a_day(tmp_path):
    crashed = Run(tmp_path, "GPU-1")
    crashed.process.kill()
    crashed.process.communicate()
    (mark,) = tmp_path.iterdir()
    assert Run(tmp_path, "GPU-1").ends() == 0
    assert mark.exists()
    os.utime(mark, (mark.stat().st_mtime - DAY - 60,) * 2)
    assert Run(tmp_path, "GPU-1").ends() == 0
    assert not mark.exists()


def test_where_no_file_can_be_written_nothing_is_claimed(tmp_path):
    (tmp_path / "file").touch()
    assert DeviceMarks(tmp_path / "file" / "devices", [CARD]).others == set()


def test_a_run_that_shares_its_card_counts_where_the_driver_tells_nothing(users, tmp_path):
    other = DeviceMarks(Path(tmp_path, "devices"), [CARD])
    assert users(Driver(gpu=None, pids=[]))[0] == {"other_device_processes": 1}
    other.look()
    assert len(other.others) == 1
