"""What is compared of the hardware of runs with what was kept earlier."""

import dataclasses
from typing import Any

from harness.records.record import Hardware


def facts(hardware: Hardware) -> dict[str, Any]:
    """The fields by name, ``runs_at_a_time`` only where several: what was kept before it existed stays equal."""
    found = dataclasses.asdict(hardware)
    if hardware.runs_at_a_time == 1:
        del found["runs_at_a_time"]
    return found
