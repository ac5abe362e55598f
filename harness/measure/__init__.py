"""Measures time and memory; the caller passes in the clock, ``sync`` and the accelerator's peak."""

from harness.measure.inference import latency, pass_seconds, throughput
from harness.measure.memory import PhaseMemory, freed_is_returned
from harness.measure.scaling import exponent, memory_number
from harness.measure.serving import serving_curve, serving_numbers
from harness.measure.steps import StepTimer, over_ranks

__all__ = [
    "PhaseMemory",
    "StepTimer",
    "exponent",
    "freed_is_returned",
    "latency",
    "memory_number",
    "over_ranks",
    "pass_seconds",
    "serving_curve",
    "serving_numbers",
    "throughput",
]
