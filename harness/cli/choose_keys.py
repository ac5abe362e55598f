"""The keys that only ``harness choose`` has: short names of keys of the config."""

OWN = {
    "margin": "report.margin",
    "require": "report.require",
    "budget": "hydra.sweeper.budget",
    "cost": "hydra.sweeper.cost",
    "looks": "hydra.sweeper.looks",
}
"""The short keys, with the keys of the config that they set."""
