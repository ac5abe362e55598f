"""The command line: Hydra composes the config, and what went wrong becomes an exit code and a sentence.

0: all runs finished or were skipped; 1: a run failed; 2: the user's mistake, found before any training; 130: Ctrl-C.
Nothing heavier than Hydra is imported until a run is really asked for: help and ``--cfg`` answer at once.
"""

import os
import sys
import time
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

MISTAKE, FAILED, INTERRUPTED = 2, 1, 130
UNNAMED = ("encoder", "seed", "name", "experiment", "output_dir", "cache_dir", "rerun", "run_timeout", "tracking")
"""Overrides that are no part of a run's label: said already, or of no influence on its result."""


def main() -> None:
    """Run the command line; returns when all runs finished or were skipped, exits with a code otherwise."""
    from harness.config import conf_dir

    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    records: list[dict[str, Any]] = []
    mistakes: list[str] = []

    def task(config: DictConfig) -> None:
        _one(config, records, mistakes)

    hydra_main = hydra.main(config_path=str(conf_dir()), config_name="config", version_base="1.3")
    try:
        hydra_main(task)()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except SystemExit as stop:
        # our task raises nothing, so a 1 is Hydra's own: a config that cannot be composed
        sys.exit(MISTAKE if stop.code == 1 else stop.code)
    _finish(records, mistakes)


def _one(config: DictConfig, done: list[dict[str, Any]], mistakes: list[str]) -> None:
    """One run of a command: its outcome goes to one of the lists, never up to Hydra."""
    from harness import config as configs
    from harness.records import Mistake
    from harness.run import run

    started = _command_started() if not done and not mistakes else time.time()
    try:
        done.append(run(configs.resolve(config), label(config), started))
    except Mistake as mistake:
        mistakes.append(str(mistake))


def _command_started() -> float:
    import psutil

    return psutil.Process().create_time()


def label(config: DictConfig) -> str:
    """A run's readable name: encoder, seed, and whatever else was set."""
    more = [
        override
        for override in HydraConfig.get().overrides.task
        if override.lstrip("+~").split("=")[0].split(".")[0].split("@")[0] not in UNNAMED
        or override.startswith(("encoder.", "encoder@"))
    ]
    return "/".join([config.choices.encoder, f"seed={config.seed}", *sorted(more)])


def _finish(done: list[dict[str, Any]], mistakes: list[str]) -> None:
    if not done and not mistakes:
        return  # help, --cfg and their like
    from harness.report import print_runs

    if done:
        print_runs(done)
    for mistake in dict.fromkeys(mistakes):
        print(mistake, file=sys.stderr)
    if mistakes:
        sys.exit(MISTAKE)
    if any(record["status"] != "finished" for record in done):
        sys.exit(FAILED)
