"""Jobs of a known size, for processes of their own."""

import os

import numpy as np

from harness.measure import PhaseMemory


def touched(mib):
    """So many MiB, every page written to."""
    return np.ones(mib * 2**20, np.uint8)


def allocate(job, tell):
    """Hold ``kept`` MiB from the first phase on, and in each phase so many more for a moment."""
    memory = PhaseMemory()
    kept = touched(job.get("kept", 0))
    for phase, mib in job["phases"]:
        memory.phase_begins()
        block = touched(mib)
        del block
        memory.phase_ends(phase)
    tell({**memory.metrics(), "baseline": memory.baseline, "kept": len(kept)})


def allocate_after_a_large_parent(job, tell):
    """Fork from a process whose peak was ``parent`` MiB: a child's ``ru_maxrss`` would be its parent's."""
    block = touched(job["parent"])
    del block
    child = os.fork()
    if child == 0:
        allocate(job, tell)
        os._exit(0)
    os.waitpid(child, 0)
