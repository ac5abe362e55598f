"""Whether other processes disturbed a run, so that its speed is not comparable: on the processors or an accelerator."""

from collections.abc import Sequence

from harness.measure.environment import BUSY
from harness.records.record import Record


def disturbances(runs: Sequence[Record]) -> list[tuple[str, int]]:
    """What other processes did during these runs, and during how many of them; empty where they disturbed none."""
    found = []
    on_processor = [share for run in runs if (share := _processor_share(run)) > BUSY]
    if on_processor:
        found.append((f"used up to {max(on_processor):.0%} of the processor", len(on_processor)))
    on_device = [_device_share(run) for run in runs if _shared_its_device(run)]
    if on_device:
        most = max(on_device)
        what = f"used up to {most:.0%} of the accelerator" if most > BUSY else "were on the accelerator too"
        found.append((what, len(on_device)))
    return found


def is_disturbed(run: Record) -> bool:
    """Whether other processes disturbed a run."""
    return bool(disturbances([run]))


def share_of_others(run: Record) -> float:
    """The larger of the shares of the processors and of an accelerator that other processes used during a run."""
    return max(_processor_share(run), _device_share(run))


def _processor_share(run: Record) -> float:
    return run.environment.other_processes_cpu_share or 0.0


def _device_share(run: Record) -> float:
    return run.environment.other_processes_device_share or 0.0


def _shared_its_device(run: Record) -> bool:
    return _device_share(run) > BUSY or bool(run.environment.other_device_processes)
