"""The command line: Hydra composes the config, and what went wrong becomes an exit code and a sentence.

0: all runs finished or were skipped; 1: a run failed; 2: the user's mistake, found before any training; 130: Ctrl-C.
Nothing heavier than Hydra is imported until a run is really asked for: help and ``--cfg`` answer at once.
"""

import gc
import math
import os
import signal
import sys
import time
import traceback
from enum import Enum
from importlib.util import find_spec
from types import FrameType
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from harness.cli.main import suggestions as misspelt
from harness.config import compose as composing

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

MISTAKE, FAILED, INTERRUPTED = 2, 1, 130
PLUGINS = {
    "joblib": ("hydra_joblib_launcher", "joblib"),
    "submitit_local": ("hydra_submitit_launcher", "slurm"),
    "submitit_slurm": ("hydra_submitit_launcher", "slurm"),
    "ray": ("hydra_ray_launcher", "ray"),
    "optuna": ("hydra_optuna_sweeper", "optuna"),
}
"""Launchers and sweepers that come with an extra: the plugin's module, and the extra."""

Outcome = dict[str, Any]
_outcomes: list[Outcome] = []
"""What became of the runs of this command; each is ``{"record": ...}``, ``{"mistake": ...}`` or ``{"error": ...}``."""


def main() -> None:
    """Run the command line; returns when all runs finished or were skipped, exits with a code otherwise."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    if {"-m", "--multirun"} & set(sys.argv):
        from harness.runner.sweep import identify

        rest = [argument for argument in sys.argv[1:] if argument not in ("-m", "--multirun")]
        sys.argv[1:] = _seed_outermost(["-m", *rest])  # in front: Hydra takes no flag between overrides
        sys.argv.append(f"sweep={identify(sys.argv[1:])}")
    if lacking := _lacking_plugin(sys.argv[1:]):
        print(lacking, file=sys.stderr)
        sys.exit(MISTAKE)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        hydra.main(config_path=str(composing.conf_dir()), config_name="config", version_base="1.3")(task)()
    except KeyboardInterrupt as stop:
        sys.exit(_finish(interrupted=True, kept=str(stop)))
    except ValueError as error:  # Hydra's own, for flags that exclude each other
        print(error, file=sys.stderr)
        sys.exit(MISTAKE)
    except SystemExit as stop:
        if stop.code != 1:
            sys.exit(stop.code)
        # our task raises nothing, so a 1 is Hydra's own: a config that cannot be composed
        if swept := misspelt.to_be_swept(stop.__context__, sys.argv, composing.compose_whole):
            print(f"in a sweep over choices, a key that only some have has to be swept too: {swept}", file=sys.stderr)
        elif near := misspelt.meant(stop.__context__):
            print(f"did you mean {near}?", file=sys.stderr)
        if quoted := misspelt.to_be_quoted(stop.__context__):
            print(f"a value with other letters or signs than a-z needs quotes of its own: {quoted}", file=sys.stderr)
        sys.exit(MISTAKE)
    if code := _finish():
        sys.exit(code)


def _seed_outermost(arguments: list[str]) -> list[str]:
    """Let the runs of one seed stand side by side in time: a machine that drifts then slows all cells of a pair alike.

    Hydra varies the last override fastest, so the seed has to be the first.
    """
    overrides = [argument for argument in arguments if "=" in argument and not argument.startswith("-")]
    seeds = [override for override in overrides if override.startswith("seed=")]
    if not seeds:
        return arguments
    first = arguments.index(overrides[0])
    return [*arguments[:first], *seeds, *(rest for rest in arguments[first:] if rest not in seeds)]


def _lacking_plugin(arguments: list[str]) -> str | None:
    """One sentence for a launcher or sweeper whose extra is not installed, of which Hydra would make a traceback."""
    for argument in arguments:
        key, _, choice = argument.partition("=")
        if key in ("hydra/launcher", "hydra/sweeper") and choice in PLUGINS:
            module, extra = PLUGINS[choice]
            if find_spec("hydra_plugins") is None or find_spec(f"hydra_plugins.{module}") is None:
                return f"{argument} needs {module}: in the harness's folder, pip install '.[{extra}]'"
    return None


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def task(config: DictConfig) -> float:
    """One run of a command: what became of it is kept, and nothing but an interruption goes up to Hydra.

    Returns the best score on validation, for a sweeper that searches; not a number where there is none.
    """
    from harness.runner import run_names as naming
    from harness.runner import sweep

    if config.sweep and config.fail_fast and sweep.failed_before(config):
        return math.nan
    # before the imports, which take longer than a reader of an empty terminal waits
    name = naming.label(config)
    print(f"{name}: {'profiling' if config.mode == 'profile' else 'preparing data'}", file=sys.stderr, flush=True)
    from harness.config import schema as configs
    from harness.errors import UserError
    from harness.runner.profile import profile
    from harness.runner.run import run

    started = time.time() if _outcomes else _command_started()
    walk = profile if config.mode == "profile" else run
    try:
        misspelt.refuse_new_keys(HydraConfig.get().overrides.task, config)
        outcome: Outcome = {"record": walk(configs.resolve(config), name, started, naming.told(config), _search())}
    except UserError as mistake:
        outcome = {"mistake": str(mistake)}
    except Exception as error:  # a fault of ours, or of code that was passed in: it must not stop the other runs
        traceback.print_exc()
        outcome = {"error": f"{type(error).__name__}: {error}"}
    _outcomes.append(outcome)
    if len(_outcomes) == 1:
        gc.collect()
        gc.freeze()  # what the first run imported is here to stay: no need to look through it in every further one
    if config.sweep:
        sweep.keep_outcome(config, HydraConfig.get().job.num, outcome)
    return _objective(outcome.get("record"), config.trainer.monitor)


def _search() -> str | None:
    """The direction in which a sweeper that searches goes, None where there is none."""
    hydra_config = HydraConfig.get()
    if hydra_config.mode != RunMode.MULTIRUN or "direction" not in hydra_config.sweeper:
        return None
    found = hydra_config.sweeper.direction
    return found.name if isinstance(found, Enum) else str(found)


def _objective(record: dict | None, monitor: str) -> float:
    """What a search on validation goes by; the worst there is for a run that has none, which ends no search.

    Not a number, which Optuna takes for a fault of the whole search, where nobody searches.
    """
    from harness.tasks import task as tasks

    worst = {"maximize": -math.inf, "minimize": math.inf}.get(_search() or "", math.nan)
    return record.metrics.get(tasks.of_summary(record.data).monitor(monitor), worst) if record else worst


def _command_started() -> float:
    import psutil

    return psutil.Process().create_time()


def _finish(interrupted: bool = False, kept: str = "") -> int:
    """Show what became of the runs, end the sweep if there is one, and say the exit code.

    ``kept`` is what an interrupted run leaves.
    """
    from harness.runner.sweep import Sweep

    outcomes = Sweep.current.outcomes() if Sweep.current else _outcomes
    done = [outcome["record"] for outcome in outcomes if "record" in outcome]
    mistakes = [outcome["mistake"] for outcome in outcomes if "mistake" in outcome]
    if own := [record for record in done if not record.follows]:
        _show(own)
    if Sweep.current:
        Sweep.current.end(done, interrupted)
    for mistake in dict.fromkeys(mistakes):
        print(mistake, file=sys.stderr)
    if interrupted:
        finished = sum(record.status == "finished" for record in done)
        runs = f"{finished} finished run{'s' * (finished != 1)} kept" if Sweep.current else ""
        said = "; ".join(part for part in ("interrupted", runs, kept) if part)
        print(f"{said}; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    if mistakes:
        return MISTAKE
    failed = any("error" in outcome for outcome in outcomes) or any(record.status != "finished" for record in done)
    return FAILED if failed else 0


def _show(done: list[dict[str, Any]]) -> None:
    from harness.report import build as report
    from harness.report import profiles as profile_report

    profiles = [record for record in done if record.mode == "profile"]
    trained = [record for record in done if record.mode != "profile"]
    if trained:
        report.print_runs(trained)
    if profiles:
        profile_report.show(profiles)
