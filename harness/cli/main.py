"""The command line: Hydra composes the config; an error becomes one sentence and an exit code.

0: all runs finished or were skipped; 1: a run failed; 2: the user must fix something, found before any training;
130: Ctrl-C. Nothing heavier than Hydra is imported before a run starts, so that ``--help`` and ``--cfg`` are fast.
"""

import gc
import os
import sys
import time
import traceback
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from harness.cli import arguments as words
from harness.cli import interruptions, secret_arguments, subcommands, suggestions
from harness.config import compose, launchers, streams
from harness.errors import UserError
from harness.notices import SHARED, notify

if TYPE_CHECKING:
    from harness.records.record import Record
    from harness.runner.job_outcomes import JobOutcome

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ["MPLBACKEND"] = "agg"  # pictures only go into files; a notebook names a module that may not be there

USER_ERROR, FAILED, INTERRUPTED = 2, 1, 130

_outcomes: list["JobOutcome"] = []
"""The outcomes of the jobs that ran in this process."""
_unkept: list["JobOutcome"] = []
"""Those of a sweep that could not be written into its folder."""


def main() -> None:
    """Run the command line; returns when all runs finished or were skipped, exits with a code otherwise."""
    arguments = sys.argv[1:]
    if refused := words.refused(arguments):
        notify(refused)
        sys.exit(USER_ERROR)
    if words.asks_for_help(arguments):
        sys.exit(import_module("harness.cli.key_help").main(arguments))  # it loads the schema
    if subcommands.is_one(arguments):
        sys.exit(subcommands.run(arguments))
    streams.outlive_readers()
    finish = partial(_finish, words.ALL in arguments)
    arguments = secret_arguments.into_environment([argument for argument in arguments if argument != words.ALL])
    arguments, notes = words.last_of_each(arguments)
    arguments = words.as_sweep_to_tune(arguments)
    notify(*notes)
    sys.argv[1:] = arguments
    try:
        arguments = words.checked(arguments)
    except UserError as error:
        notify(error)
        sys.exit(USER_ERROR)
    sys.argv[1:] = words.flags_first(arguments)
    interruptions.listen()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises what it would otherwise print before it exits with 1
    try:
        hydra.main(config_path=str(compose.conf_dir()), config_name="config", version_base="1.3")(task)()
    except KeyboardInterrupt as stop:
        code = INTERRUPTED
        with suppress(KeyboardInterrupt):  # pressed once more while the end is written
            code = finish(interrupted=True, kept=str(stop))
        sys.exit(code)
    except UserError:  # an import that was refused
        raise
    except (HydraException, OmegaConfBaseException, ValueError) as error:  # our task raises nothing
        notify(*suggestions.explain(error, sys.argv[1:]))
        if _has_run():  # a search had begun, or the launcher failed
            finish(launched=False)
        sys.exit(USER_ERROR)
    except SystemExit as stop:  # Hydra's own 1: a flag that it cannot follow
        sys.exit(USER_ERROR if stop.code == 1 else stop.code)
    except Exception:  # a launcher failed: show what its jobs left
        traceback.print_exc()
        sys.exit(finish(launched=False) or FAILED)
    if code := _nothing_run() or finish():
        sys.exit(code)


def _has_run() -> bool:
    """Whether a job of this command ran, in this process or in another."""
    from harness.runner.sweep import Sweep

    return bool(_outcomes or _unkept or (Sweep.current and Sweep.current.outcomes()))


def _nothing_run() -> int:
    """The exit code of a sweep over no value at all, after a sentence that says why; 0 for all other commands."""
    from harness.runner.sweep import Sweep

    if not Sweep.current or _has_run():
        return 0
    choice = Sweep.current.choice
    notify(choice.not_begun() if choice else suggestions.of_empty_sweep(sys.argv[1:]))
    return USER_ERROR


def task(config: DictConfig) -> float:
    """Run one job of a command and keep its outcome; only an interruption is raised to Hydra.

    Returns the best validation score, for a sweeper that searches; NaN where there is none.
    """
    from harness.runner import job_outcomes, run_names, sweep_progress
    from harness.runner.objective import objective, search
    from harness.runner.stopping import Requeued, Stopped

    if launchers.side_by_side(HydraConfig.get().launcher):
        os.environ[SHARED] = "1"
    label, direction = run_names.label(config), search(HydraConfig.get())
    if config.sweep and config.fail_fast and job_outcomes.failed_before(config):
        _keep(config, job_outcomes.JobOutcome(not_begun=label))
        return objective(None, config.trainer.monitor, direction)
    # before the imports, so that the terminal does not stay empty while they take seconds
    doing = "profiling" if config.mode == "profile" else "preparing data"
    lines = [*sweep_progress.of_job(config, _outcomes), f"{label}: {doing}"]
    notify(*lines)
    try:
        outcome = _outcome(config, label, _started(), direction)
    except Stopped as stopped:
        if config.sweep and not isinstance(stopped, Requeued):
            lost = f"{label}: {stopped}"
            _keep(config, job_outcomes.JobOutcome(stopped.record, lost=None if stopped.record else lost))
        raise
    _outcomes.append(outcome)
    if not outcome.held and all(earlier.held for earlier in _outcomes[:-1]):
        gc.collect()
        gc.freeze()  # the imports of the first run stay: later collections need not visit them
    if config.sweep:
        _keep(config, outcome)
    return objective(outcome.record, config.trainer.monitor, direction)


def _keep(config: DictConfig, outcome: "JobOutcome") -> None:
    """Write the outcome of a sweep's job for the command that started the sweep."""
    from harness.runner import job_outcomes

    try:
        job_outcomes.keep_outcome(config, HydraConfig.get().job.num, outcome)
    except OSError as error:  # a full disk must not end the other runs
        notify(f"{job_outcomes.outcomes_folder(config)} cannot be written to ({error.strerror})")
        _unkept.append(outcome)


def _outcome(config: DictConfig, label: str, started: float, direction: str | None) -> "JobOutcome":
    """Train or profile one composed config."""
    from harness.runner import run_lock
    from harness.runner.job_outcomes import JobOutcome, tuning_of

    job = run_lock.name_of_job(config.sweep, label)  # known at once; what decides the result takes longer to find out
    if _comes_back(config) and (held := run_lock.held_by_another(Path(config.output_dir).absolute(), job)):
        notify(f"{label}: {held}")
        return JobOutcome(held=str(held.file))
    from harness.cli import one_run
    from harness.runner.slots.claims import claimed

    try:
        tuning = tuning_of(config, HydraConfig.get().job.num) if config.sweep else None
        request = one_run.request_of(config, label, started, direction, tuning)
        with claimed(request.config, HydraConfig.get().launcher):
            return JobOutcome(one_run.record_of(request, waits=not _comes_back(config)))
    except run_lock.Held as found:
        return JobOutcome(held=str(found.file))
    except UserError as error:
        return JobOutcome(user_error=str(error))
    except Exception as error:  # an error in our code or in custom code must not stop the other runs
        traceback.print_exc()
        return JobOutcome(error=f"{type(error).__name__}: {error}")


def _comes_back(config: DictConfig) -> bool:
    """Whether the sweeper launches a job again whose run another command holds; without one, the job itself waits."""
    return bool(config.sweep) and ".harness_sweepers." in HydraConfig.get().sweeper._target_


def _started() -> float:
    """When the job began that runs now: the first one of a process began with it, unless a launcher keeps processes."""
    kept = bool(_outcomes) or launchers.in_pool(HydraConfig.get().launcher)
    return time.time() if kept else _command_started()


def _command_started() -> float:
    import psutil

    return float(psutil.Process().create_time())


def _finish(every_number: bool, interrupted: bool = False, kept: str = "", launched: bool = True) -> int:
    """Show the outcomes, end the sweep if there is one, and return the exit code.

    ``every_number``: show all numbers of each run. ``kept`` names what an interrupted run leaves; ``launched`` is False
    if the launcher failed.
    """
    from harness.runner.job_outcomes import not_begun
    from harness.runner.sweep import Sweep

    outcomes = [*Sweep.current.outcomes(), *_unkept] if Sweep.current else _outcomes
    done = [outcome.record for outcome in outcomes if outcome.record]
    errors = [outcome.user_error for outcome in outcomes if outcome.user_error]
    choice = Sweep.current.choice if Sweep.current else None
    own_table = Sweep.current is not None and Sweep.current.shows_runs and not every_number
    written = own_table or _show([one for one in done if not (one.follows or one.is_trial)], every_number)
    if Sweep.current:
        failed = not launched or any(outcome.record is None for outcome in outcomes)
        written &= Sweep.current.end(done, interrupted, failed)
    if waiting := not_begun(outcomes):
        notify(waiting)
    lost = [sentence for one in outcomes if (sentence := one.damaged or one.lost)]
    for error in dict.fromkeys([*lost, *errors]):
        notify(error)
    if interrupted:
        finished = Sweep.current.count_finished(done) if Sweep.current else 0
        runs = f"{finished} finished run{'s' * (finished != 1)} kept" if Sweep.current else ""
        state = "; ".join(part for part in ("interrupted", runs, kept) if part)
        begins = not finished and (not kept or kept.endswith(": no epoch was finished"))
        notify(f"{state}; the same command {'begins again' if begins else 'resumes from here'}")
        return INTERRUPTED
    if errors:
        return USER_ERROR
    unanswered = choice is not None and not choice.answered
    return FAILED if any(outcome.failed for outcome in outcomes) or not written or unanswered else 0


def _show(done: "list[Record]", every_number: bool) -> bool:
    """Print the runs, and write the page of a single profile; returns whether that could be done."""
    if not done:
        return True
    from harness.report import build, terminal

    if trained := [record for record in done if record.mode != "profile"]:
        terminal.print_runs(trained, every_number)
    try:
        if measured := [record for record in done if record.mode == "profile"]:
            build.show_profiles(measured)
    except OSError as error:
        notify(f"the page of the profile could not be written ({error}); its record is kept")
        return False
    return True
