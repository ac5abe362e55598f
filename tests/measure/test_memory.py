"""Peaks per phase, in real processes of the server that runs are forked from."""

import pytest

from harness.measure import PhaseMemory, memory
from harness.runner import worker as isolate

needs_kernel = pytest.mark.skipif(not memory.reset_peak(), reason="the system cannot reset a process's peak")
TRAIN, INFERENCE = "memory/host_train_peak_mib", "memory/host_inference_peak_mib"


def near(mib):
    """Within 10 % or 8 MiB, whichever is larger: the accuracy that the harness promises."""
    return pytest.approx(mib, rel=0.1, abs=8)


@pytest.fixture(scope="module")
def server():
    return isolate.server(["memory_jobs"])


def run(server, function="allocate", **job):
    found = {}
    end = server.run(f"memory_jobs:{function}", job, found.update)
    assert end.reason is None
    return found


@needs_kernel
def test_300_mib_followed_by_20_mib_in_the_same_server_are_told_apart(server):
    first = run(server, phases=[("train", 300), ("inference", 50)])
    second = run(server, phases=[("train", 20), ("inference", 5)])
    assert (first[TRAIN], first[INFERENCE]) == (near(300), near(50))
    assert (second[TRAIN], second[INFERENCE]) == (near(20), near(5))


@needs_kernel
def test_no_phase_has_the_peak_of_the_one_before(server):
    found = run(server, phases=[("train", 20), ("inference", 200)])
    assert (found[TRAIN], found[INFERENCE]) == (near(20), near(200))
    found = run(server, phases=[("train", 200), ("inference", 20)])
    assert (found[TRAIN], found[INFERENCE]) == (near(200), near(20))


@needs_kernel
def test_what_is_held_throughout_counts_in_every_phase(server):
    found = run(server, kept=100, phases=[("train", 60), ("inference", 10)])
    assert (found[TRAIN], found[INFERENCE]) == (near(160), near(110))


@needs_kernel
def test_the_whole_peak_is_the_highest_of_all_phases(server):
    found = run(server, phases=[("train", 20), ("inference", 200), ("train", 30)])
    assert found["memory/host_peak_mib"] == near(found["baseline"] + 200)


@needs_kernel
def test_a_peak_is_not_inherited_from_the_process_forked_from(server):
    found = run(server, "allocate_after_a_large_parent", parent=300, phases=[("train", 20)])
    assert found[TRAIN] == near(20)
    assert found["memory/host_peak_mib"] == near(found["baseline"] + 20)


@needs_kernel
def test_the_peak_falls_back_when_it_is_reset():
    memory.release()
    assert memory.reset_peak()  # tests before this one may have held more than it does
    block = bytearray(200 * 2**20)
    high = memory.peak_mib()
    del block
    assert memory.peak_mib() == pytest.approx(high, abs=2)
    assert memory.reset_peak()
    assert memory.peak_mib() == pytest.approx(high - 200, abs=20)


def test_without_proc_host_numbers_are_absent(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "STATUS", tmp_path / "status")
    monkeypatch.setattr(memory, "CLEAR_REFS", tmp_path / "no" / "clear_refs")
    assert phases(PhaseMemory()) == {}


def test_where_the_peak_cannot_be_reset_only_the_whole_is_told(monkeypatch, tmp_path):
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t  307200 kB\nVmRSS:\t  204800 kB\n")
    monkeypatch.setattr(memory, "STATUS", tmp_path / "status")
    monkeypatch.setattr(memory, "CLEAR_REFS", tmp_path / "no" / "clear_refs")
    assert phases(PhaseMemory()) == {"memory/host_peak_mib": 300}


def test_a_status_without_a_peak_gives_no_number(monkeypatch, tmp_path):
    (tmp_path / "status").write_text("Name:\tpython\nVmRSS:\t  204800 kB\n")
    monkeypatch.setattr(memory, "STATUS", tmp_path / "status")
    monkeypatch.setattr(memory, "CLEAR_REFS", tmp_path / "clear_refs")
    assert phases(PhaseMemory()) == {}


def phases(watched):
    for phase in ("train", "inference"):
        watched.phase_begins()
        watched.phase_ends(phase)
    return watched.metrics()


def test_the_accelerators_peak_is_reset_for_each_phase():
    class Allocator:
        peak = 900.0  # of what ran before

        def reset(self):
            self.peak = 1.0

    allocator = Allocator()
    watched = PhaseMemory(lambda: allocator.peak, allocator.reset)
    watched.phase_begins()
    allocator.peak = 70.0
    watched.phase_ends("train")
    watched.phase_begins()
    allocator.peak = 30.0
    watched.phase_ends("inference")
    found = watched.metrics()
    assert found["memory/device_train_peak_mib"] == 70
    assert found["memory/device_inference_peak_mib"] == 30


def test_without_an_accelerator_its_numbers_are_absent():
    assert not [name for name in phases(PhaseMemory()) if "device" in name]
