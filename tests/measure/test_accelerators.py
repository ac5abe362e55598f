"""Which accelerators a process may use, by a pretended driver."""

import sys
from types import SimpleNamespace

import pytest

from harness.measure import accelerators
from harness.measure.accelerators import visible


class NVMLError(Exception):
    """The driver's error."""


class Driver(SimpleNamespace):
    """A pretended ``pynvml``: ``cards`` is a list of dictionaries; a value that is an exception is raised."""

    NVMLError = NVMLError
    NVML_CLOCK_SM = 1

    def nvmlInit(self):
        if self.cards is None:
            raise NVMLError("no driver")

    def nvmlShutdown(self):
        pass

    def nvmlSystemGetDriverVersion(self):
        return "570.1"

    def nvmlSystemGetCudaDriverVersion(self):
        return 12080

    def nvmlDeviceGetCount(self):
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index):
        return self.cards[index]

    def nvmlDeviceGetName(self, card):
        return card["name"]

    def nvmlDeviceGetUUID(self, card):
        return card["uuid"]

    def nvmlDeviceGetMemoryInfo(self, card):
        if card.get("mib") is None:
            raise NVMLError("Not Supported")
        return SimpleNamespace(total=card["mib"] * 2**20)

    def nvmlDeviceGetPowerManagementLimit(self, card):
        if card.get("watts") is None:
            raise NVMLError("Not Supported")
        return card["watts"] * 1000

    def nvmlDeviceGetMaxClockInfo(self, card, _kind):
        raise NVMLError("Not Supported")

    def nvmlDeviceGetMigMode(self, card):
        return (1, 1) if "parts" in card else (0, 0)

    def nvmlDeviceGetMaxMigDeviceCount(self, card):
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, card, number):
        if number >= len(card["parts"]):
            raise NVMLError("Not Found")
        return card["parts"][number]


A100 = {"name": "A100", "uuid": "GPU-aaaa-1", "mib": 40960, "watts": 400}
T4 = {"name": b"T4", "uuid": b"GPU-bbbb-2", "mib": 15360, "watts": 70}
UNIFIED = {"name": "GB10", "uuid": "GPU-cccc-3"}
DIVIDED = {
    "name": "H100", "uuid": "GPU-dddd-4", "mib": 81920, "watts": 700,
    "parts": [{"name": "H100 MIG 1g.10gb", "uuid": "MIG-e5", "mib": 9728},
              {"name": "H100 MIG 2g.20gb", "uuid": "MIG-f6", "mib": 19968}],
}  # fmt: skip


@pytest.fixture
def driver(monkeypatch):
    """Pretend a driver with these cards."""

    def pretend(*cards, variable=None):
        monkeypatch.setitem(sys.modules, "pynvml", Driver(cards=list(cards)))
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if variable is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
        return accelerators.accelerators()

    return pretend


def names(devices):
    return [device["name"] for device in devices]


def test_without_a_driver_there_is_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", Driver(cards=None))
    assert accelerators.accelerators() == []


def test_every_field_that_the_driver_knows(driver):
    (card,) = driver(A100)
    assert card == {
        "kind": "cuda", "index": 0, "name": "A100", "uuid": "GPU-aaaa-1", "driver": "570.1", "cuda": "12.8",
        "memory_mib": 40960, "power_limit_w": 400,
    }  # fmt: skip


def test_a_field_that_the_driver_cannot_tell_is_absent_and_the_card_is_there(driver):
    (card,) = driver(UNIFIED)
    assert card["name"] == "GB10"
    assert {"memory_mib", "power_limit_w", "max_clock_mhz"}.isdisjoint(card)


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (None, ["A100", "T4"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("0", ["A100"]),
        ("1", ["T4"]),
        ("1,0", ["T4", "A100"]),
        (" 1 , 0 ", ["T4", "A100"]),
        ("0,7,1", ["A100"]),
        ("GPU-bbbb", ["T4"]),
        ("GPU-bbbb-2,GPU-aaaa-1", ["T4", "A100"]),
        ("GPU-zzzz", []),
    ],
)
def test_the_variable_hides_and_orders_cards_as_cuda_does(driver, variable, expected):
    assert names(driver(A100, T4, variable=variable)) == expected


def test_a_divided_card_is_its_parts(driver):
    first, second = driver(DIVIDED)
    assert (first["mig"], second["mig"]) == ("H100 MIG 1g.10gb", "H100 MIG 2g.20gb")
    assert first["card_uuid"] == second["card_uuid"] == "GPU-dddd-4"
    assert (first["memory_mib"], first["power_limit_w"]) == (9728, 700)
    assert names(driver(DIVIDED, variable="MIG-f6")) == ["H100 MIG 2g.20gb"]
    assert names(driver(DIVIDED, variable="0")) == ["H100 MIG 1g.10gb"]


def test_hidden_cards_are_hidden_from_an_empty_list_too():
    assert visible([], "0") == []
