"""Peak memory per phase, from the kernel's own counter, which is reset between phases; MiB are 2**20 bytes.

Linux keeps the peak of a process's resident memory (``VmHWM``) and lets the process reset it (proc(5),
``/proc/pid/clear_refs``). ``ru_maxrss`` would not do: a child inherits its parent's. Where the system has neither, the
numbers are absent.
"""

import ctypes
import gc
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
RESET_PEAK = "5"


def resident_mib() -> float | None:
    """Resident memory of this process now."""
    return _status("VmRSS")


def peak_mib() -> float | None:
    """Highest resident memory of this process since the counter was last reset."""
    return _status("VmHWM")


def _status(field: str) -> float | None:
    try:
        found = re.search(rf"^{field}:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) / 1024 if found else None


def reset_peak() -> bool:
    """Set the peak back to what is resident now; False where the system cannot."""
    try:
        CLEAR_REFS.write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def release() -> None:
    """Give freed memory back to the system, so that one phase does not carry the leftovers of the one before."""
    gc.collect()
    with suppress(AttributeError, OSError):  # not the GNU C library: freed memory may stay resident
        ctypes.CDLL(None).malloc_trim(0)


class PhaseMemory:
    """Peaks of the phases of a run over what was resident before its model was built.

    ``device_peak`` returns the accelerator allocator's peak in MiB since ``device_reset`` was called, or None on a CPU.
    """

    def __init__(
        self,
        device_peak: Callable[[], float | None] = lambda: None,
        device_reset: Callable[[], None] = lambda: None,
    ) -> None:
        self.device_peak, self.device_reset = device_peak, device_reset
        release()
        self.baseline = resident_mib()
        self.highest = peak_mib()
        self.found: dict[str, float] = {}
        self._can_reset = False

    def phase_begins(self) -> None:
        release()
        self._note_highest()
        self._can_reset = reset_peak()
        self.device_reset()

    def phase_ends(self, phase: str) -> None:
        """Keep the peaks of what ran since ``phase_begins`` as those of ``phase``: ``train`` or ``inference``."""
        self._note_highest()
        peak = peak_mib()
        if self._can_reset and peak is not None and self.baseline is not None:
            self.found[f"memory/host_{phase}_peak_mib"] = peak - self.baseline
        device = self.device_peak()
        if device is not None:
            self.found[f"memory/device_{phase}_peak_mib"] = device

    def metrics(self) -> dict[str, float]:
        """The ``memory/`` numbers of the phases so far, and of the whole process."""
        self._note_highest()
        whole = {} if self.highest is None else {"memory/host_peak_mib": self.highest}
        return {**self.found, **whole}

    def _note_highest(self) -> None:
        peak = peak_mib()
        if peak is not None:
            self.highest = max(self.highest or 0.0, peak)
