"""What the slots of a machine share, measured once and kept beside the prepared data."""

import hashlib
import json
import platform
from collections.abc import Sequence
from pathlib import Path

from harness.measure import sharing
from harness.measure.processors import processor_name
from harness.measure.slots import Place
from harness.records import store
from harness.records.record import now
from harness.runner.devices import say_once


def slowdown(places: Sequence[Place], cache: Path) -> dict[str, float]:
    """How many times as long work takes beside all other slots as alone, by kind of work; says it in one line.

    It is measured once for these slots of this machine, unless other processes disturbed it; empty where it could not
    be.
    """
    own = [platform.node(), processor_name(), [place.processors for place in places]]
    file = cache / "slots" / f"{hashlib.sha256(json.dumps(own).encode()).hexdigest()[:12]}.json"
    try:
        found: dict[str, float] = store.load_json(file)["slowdown"]
    except (OSError, ValueError, LookupError, TypeError):
        say_once(f"measuring once what {len(places)} runs at a time share")
        try:
            found, quiet = sharing.measure(places)
        except (OSError, ValueError) as error:
            say_once(f"what slots share could not be measured ({error})")
            return {}
        found = {work: round(times, 3) for work, times in found.items()}
        if quiet:
            file.parent.mkdir(parents=True, exist_ok=True)
            store.write_json(file, {"slowdown": found, "measured": now(), "processor": processor_name()})
    say_once(
        f"while all {len(places)} work, a training step takes {found['step']:.2f} times as long as alone, and copying "
        f"memory, the worst case, {found['copy']:.2f} times"
    )
    return found
