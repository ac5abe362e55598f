"""A task for the launcher of slots that takes no time: it says where it ran."""

import json
import os
import signal
import time
from pathlib import Path

from harness.measure import slots
from harness.measure.accelerators import VISIBLE


def where(config):
    """Write what a run in this job would see, and wait until as many jobs as there are slots were here at once."""
    folder, seed = Path(config.cache_dir), int(config.seed)
    shown = {
        "devices": os.environ.get(VISIBLE), "order": os.environ.get("CUDA_DEVICE_ORDER"),
        "processors": sorted(os.sched_getaffinity(0)), "threads": os.environ.get(slots.THREADS),
        "numbers": slots.own().numbers, "slots": slots.own().slots, "process": os.getpid(),
    }  # fmt: skip
    (folder / f"{seed}.json").write_text(json.dumps(shown))
    if seed < 4 and config.hardware.devices == 1:
        deadline = time.monotonic() + 120
        while len(list(folder.glob("[0-3].json"))) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
    if config.name == f"dies-{seed}":
        os.kill(os.getpid(), signal.SIGKILL)
    return seed / 2
