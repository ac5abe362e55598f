"""Peak memory per phase, from the kernel's own counter, which is reset between phases; MiB are 2**20 bytes.

Linux keeps the peak of a process's resident memory (``VmHWM``) and lets the process reset it (proc(5),
``/proc/pid/clear_refs``). ``ru_maxrss`` cannot be used: a child process inherits the value of its parent. On systems
without these counters the metrics are absent.
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
    """Current resident memory of this process, MiB; None if the system does not report it."""
    return _status("VmRSS")


def peak_mib() -> float | None:
    """Highest resident memory of this process since the last reset, MiB; None if the system does not report it."""
    return _status("VmHWM")


def memory_kills() -> int:
    """How many processes the out-of-memory killer has killed since the system started; 0 where that is not known."""
    try:
        with open("/proc/vmstat") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), 0)
    except OSError:
        return 0


def _status(field: str) -> float | None:
    try:
        match = re.search(rf"^{field}:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(match[1]) / 1024 if match else None


def reset_peak() -> bool:
    """Reset the peak to the current resident memory; False if the system cannot."""
    try:
        CLEAR_REFS.write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def release() -> None:
    """Collect garbage and return freed memory to the system, so that it does not count in the next phase."""
    gc.collect()
    trim()


def trim() -> None:
    """Return freed memory to the system, without collecting garbage."""
    with suppress(AttributeError, OSError):  # not the GNU C library: freed memory may stay resident
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def freed_is_returned() -> Iterator[None]:
    """Let the C library return every freed block to the system at once, so that a peak counts only memory in use.

    By default the C library keeps freed blocks of up to 32 MiB for later; how many varies with earlier allocations.
    Afterwards the thresholds are set to the maxima that it reaches by itself (mallopt(3)). With another C library than
    GNU's this does nothing.
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
    """Peaks of the phases of a run, minus the resident memory before its model was built; MiB.

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
        self.peaks: dict[str, float] = {}
        self._can_reset = False

    def phase_begins(self) -> None:
        """Begin a phase, after returning the freed memory of earlier phases to the system."""
        release()
        self.part_begins()

    def part_begins(self) -> None:
        """Begin another part of a phase, such as the training of an epoch after a validation."""
        trim()
        self._note_highest()
        self._can_reset = reset_peak()
        self.device_reset()

    def phase_ends(self, phase: str) -> None:
        """Keep the peaks of a phase, ``train`` or ``inference``, or of a part of it; the highest part counts."""
        self._note_highest()
        peak = peak_mib()
        if self._can_reset and peak is not None and self.baseline is not None:
            self._keep(f"memory/host_{phase}_peak_mib", peak - self.baseline)
        device = self.device_peak()
        if device is not None:
            self._keep(f"memory/device_{phase}_peak_mib", device)

    def _keep(self, name: str, peak: float) -> None:
        self.peaks[name] = max(peak, self.peaks.get(name, peak))

    def metrics(self) -> dict[str, float]:
        """The ``memory/`` metrics of the phases so far and of the whole process, MiB."""
        self._note_highest()
        whole = {} if self.highest is None else {"memory/host_peak_mib": self.highest}
        return {**self.peaks, **whole}

    def _note_highest(self) -> None:
        peak = peak_mib()
        if peak is not None:
            self.highest = max(self.highest or 0.0, peak)
