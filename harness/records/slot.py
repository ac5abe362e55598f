"""The part of a machine that a run was pinned to, in a record."""

from dataclasses import dataclass, field


@dataclass
class Slot:
    """The slots that a run took, where a machine measures several runs side by side.

    ``numbers`` are those of its slots, from 0, of ``slots``. ``processors`` are the system's numbers of its processors,
    ``devices`` the UUIDs of its accelerators, or their numbers where the driver knows none. ``neighbours_most`` and
    ``neighbours_mean`` are how many other runs of the same command the machine had at a time, from the begin to the end
    of the run. ``slowdown`` says how many times as long some work takes while all slots work, as alone; empty: it was
    not measured.
    """

    numbers: list[int]
    slots: int
    processors: list[int] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    neighbours_most: int | None = None
    neighbours_mean: float | None = None
    slowdown: dict[str, float] = field(default_factory=dict)
