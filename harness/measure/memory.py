"""Peak memory per phase, from the kernel's own counter, which is reset between phases; MiB are 2**20 bytes.

Linux keeps the peak of a process's resident memory (``VmHWM``) and lets the process reset it (proc(5),
``/proc/pid/clear_refs``). ``ru_maxrss`` would not do: a child inherits its parent's. Where the system has neither, the
numbers are absent.
"""

import ctypes
import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
RESET_PEAK = "5"
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


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
    trim()


def trim() -> None:
    """Give back what is freed already, without looking for more."""
    with suppress(AttributeError, OSError):  # not the GNU C library: freed memory may stay resident
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def freed_is_returned() -> Iterator[None]:
    """Have the C library return every freed block at once, so that a peak is of what is held at a time.

    It would otherwise keep blocks of up to 32 MiB for later, some passes' worth of them, depending on what came before.
    Afterwards it keeps as much as it may, which is what it comes to by itself (mallopt(3)). Elsewhere than with the GNU
    C library this does nothing.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        yield
        return
    mallopt(M_MMAP_THRESHOLD, 128 * 2**10)
    yield
    mallopt(M_MMAP_THRESHOLD, 32 * 2**20)
    mallopt(M_TRIM_THRESHOLD, 64 * 2**20)


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
        """Begin a phase with what earlier ones left given back."""
        release()
        self.part_begins()

    def part_begins(self) -> None:
        """Begin a further part of a phase: an epoch's training, after a validation that is no part of it."""
        trim()
        self._note_highest()
        self._can_reset = reset_peak()
        self.device_reset()

    def phase_ends(self, phase: str) -> None:
        """Keep the peaks since the phase or its part began, for ``train`` or ``inference``; of parts the highest."""
        self._note_highest()
        peak = peak_mib()
        if self._can_reset and peak is not None and self.baseline is not None:
            self._keep(f"memory/host_{phase}_peak_mib", peak - self.baseline)
        device = self.device_peak()
        if device is not None:
            self._keep(f"memory/device_{phase}_peak_mib", device)

    def _keep(self, name: str, peak: float) -> None:
        self.found[name] = max(peak, self.found.get(name, peak))

    def metrics(self) -> dict[str, float]:
        """The ``memory/`` numbers of the phases so far, and of the whole process."""
        self._note_highest()
        whole = {} if self.highest is None else {"memory/host_peak_mib": self.highest}
        return {**self.found, **whole}

    def _note_highest(self) -> None:
        peak = peak_mib()
        if peak is not None:
            self.highest = max(self.highest or 0.0, peak)
