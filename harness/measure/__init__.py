"""Time and memory, as arithmetic on what is passed in: a clock, a way to synchronise, the accelerator's own peak."""

from harness.measure.inference import latency, throughput
from harness.measure.memory import PhaseMemory
from harness.measure.steps import StepTimer, over_ranks

__all__ = ["PhaseMemory", "StepTimer", "latency", "over_ranks", "throughput"]
