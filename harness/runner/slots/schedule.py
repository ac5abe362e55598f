"""Which job begins in which slots, and when: decisions alone, without processes."""

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

from harness.measure.slots import Place

Job = TypeVar("Job")


class Schedule(Generic[Job]):
    """Jobs that wait, and slots that are free. A job that takes more slots than there are takes all."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.slots = len(places)
        self.free = list(places)
        self.waiting: list[tuple[Job, int]] = []
        self.taken: list[tuple[Job, list[Place]]] = []

    def add(self, job: Job, slots: int) -> None:
        """Let a job wait for so many slots."""
        self.waiting.append((job, min(slots, self.slots)))

    def begin(self) -> Iterator[tuple[Job, list[Place]]]:
        """The jobs that begin now, with their slots: in their order, each that fits into what is free.

        So no slot idles while a job waits that fits; one that takes several may be overtaken by others.
        """
        for entry in list(self.waiting):
            job, slots = entry
            if slots <= len(self.free):
                own, self.free = self.free[:slots], self.free[slots:]
                self.waiting.remove(entry)
                self.taken.append((job, own))
                yield job, own

    def end(self, job: Job) -> None:
        """Free the slots of a job that has ended."""
        (entry,) = [entry for entry in self.taken if entry[0] is job]
        self.taken.remove(entry)
        self.free = sorted([*self.free, *entry[1]], key=lambda place: place.number)
