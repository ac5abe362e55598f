"""Real sweeps with hydra/launcher=devices, on two cores."""

import signal
import time
from datetime import datetime

import psutil
import pytest
from commands import start
from conftest import QUICK

from harness.measure import slots
from harness.records import store

SWEEP = ("-m", "hydra/launcher=devices", "hardware=cpu", "encoder=bag_of_embeddings", "seed=0,1,2,3", *QUICK)

pytestmark = pytest.mark.skipif(len(slots.granted_cores()) < 2, reason="needs two cores")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Four runs in two slots of one core, what the command printed, and its records."""
    folder = tmp_path_factory.mktemp("sweep")
    command = start(folder, *SWEEP, "hydra.launcher.max_slots=2", "hydra.launcher.cores_per_run=1")
    out, said = command.communicate()
    assert command.returncode == 0, said
    return out, said, list(store.read_all(folder / "outputs" / "runs"))


def test_runs_beside_each_other_are_pinned_to_cores_of_their_own(sweep):
    _, _, records = sweep
    assert [record.status for record in records] == ["finished"] * 4
    cores = {place.number: list(place.processors) for place in slots.of_machine(False, 1, 2)}
    for record in records:
        slot, hardware = record.environment.slot, record.environment.hardware
        assert slot.processors == cores[slot.numbers[0]]
        assert record.environment.cores == len(slot.processors)
        assert (slot.slots, hardware.runs_at_a_time, slot.devices) == (2, 2, [])
    assert {record.environment.slot.numbers[0] for record in records} == {0, 1}
    assert set(cores[0]).isdisjoint(cores[1])

    def times(record):
        return datetime.fromisoformat(record.started), datetime.fromisoformat(record.ended)

    together = [
        (one, other) for one in records for other in records
        if one is not other and max(times(one)[0], times(other)[0]) < min(times(one)[1], times(other)[1])
    ]  # fmt: skip
    assert together
    for one, other in together:
        assert one.environment.slot.numbers != other.environment.slot.numbers
    assert max(record.environment.slot.neighbours_most for record in records) == 1
    assert all(0 <= record.environment.slot.neighbours_mean <= 1 for record in records)


def test_what_slots_share_is_measured_once_and_told(sweep):
    out, said, records = sweep
    (slowdown,) = {tuple(record.environment.slot.slowdown.items()) for record in records}
    assert {name for name, _ in slowdown} == {"step", "copy"}
    assert all(0.2 < times < 20 for _, times in slowdown)
    assert said.count("measuring once what 2 runs at a time share") == 1
    assert f"a training step takes {dict(slowdown)['step']:.2f} times as long as alone" in said
    assert "ran 2 at a time on one machine, each pinned to its own part of it; what they share" in " ".join(out.split())


def test_ctrl_c_ends_all_slots(tmp_path):
    command = start(tmp_path, *SWEEP, "hydra.launcher.measure_sharing=false", "trainer.epochs=100000")
    log = "outputs/sweeps/*/outcomes/*/neighbours.txt"
    while not any(file.read_text().count("begins") == 2 for file in tmp_path.glob(log)):
        assert command.poll() is None, command.communicate()
        time.sleep(0.05)
    time.sleep(1)
    below = psutil.Process(command.pid).children(recursive=True)
    assert len(below) >= 2
    command.send_signal(signal.SIGINT)
    _, said = command.communicate()
    assert command.returncode == 130, said
    assert "interrupted; 0 finished runs kept" in said
    assert "Traceback" not in said
    gone, alive = psutil.wait_procs(below, timeout=20)
    assert (len(gone), alive) == (len(below), [])
