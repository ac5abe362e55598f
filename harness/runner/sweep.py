"""A sweep: its runs leave their outcomes in one folder, whichever launcher ran them, and it ends in one comparison,
under one MLflow parent run.

The same command is the same sweep: given again, it resumes where it stopped.
"""

import copy
import hashlib
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.global_hydra import GlobalHydra
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict, read_write

from harness.config import launchers, per_encoder
from harness.config.composed_once import ComposedOnce
from harness.errors import UserError
from harness.notices import notify
from harness.records.record import Record
from harness.records.secrets import masked
from harness.runner import job_outcomes, plugins, run_names, sweep_runs, sweep_summary
from harness.runner.job_outcomes import JobOutcome, outcomes_folder, outcomes_of
from harness.runner.sweep_config import absolute_output_dir, hide_secrets

if TYPE_CHECKING:
    from harness.runner.choose.choice import Choice
    from harness.runner.mlflow_thread import MlflowThread
    from harness.runner.search.search import Search
    from harness.tracking import Summary


EXTENT = (
    *("hydra.sweeper.n_trials=", "hydra.sweeper.n_jobs=", "hydra.sweeper.max_failure_rate="),
    *("hydra/launcher=", "hydra.launcher."),
)
"""How far and how fast a search goes: with other values it is the same search, and goes on with the same trials."""


def identify(overrides: list[str]) -> str:
    """The id of the sweep with these overrides, whatever their order."""
    # starts with a letter, because Hydra parses what looks like a number as a number
    return "s" + hashlib.sha256("\0".join(sorted(overrides)).encode()).hexdigest()[:11]


class Sweep(Callback):
    """Hydra calls this when a sweep begins, before any job: it gives the sweep its id and its folder."""

    current: "Sweep | None" = None
    choice: "Choice | None" = None
    search: "Search | None" = None
    mlflow: "MlflowThread | None" = None

    def __getstate__(self) -> dict[str, Any]:
        """What a launcher sends to the processes of its jobs: the rest belongs to the command alone."""
        return {key: value for key, value in vars(self).items() if key not in ("choice", "search", "mlflow")}

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        from harness.config.hardware import check_writable

        try:
            if not isinstance(config.output_dir, str):
                raise UserError(f"output_dir must be text, and is {config.output_dir!r}; name a folder, such as ./runs")
            refuse_swept(run_names.swept_keys(config.hydra.overrides.task))
            launchers.check_folder(config.hydra.launcher, Path(config.output_dir).absolute())
            check_writable(Path(config.output_dir))
            set_per_encoder(config)
            _refuse_tuning_by_others(config)
        except UserError as error:  # Hydra would turn the exception into a warning and continue
            notify(error)
            sys.exit(2)
        overrides = config.hydra.overrides
        with read_write(config), open_dict(config):
            sources = config.hydra.runtime.config_sources
            folders = [source.path for source in sources if source.provider == "command-line"]  # --config-dir
            settings = [one for one in overrides.hydra if not (_searches(config) and one.startswith(EXTENT))]
            config.sweep = identify([*overrides.task, *settings, *folders])
            # Hydra reads the overrides of the jobs from here, for every sweeper and launcher
            config.worker = job_outcomes.name_command()
            overrides.task = [*absolute_output_dir(config), f"sweep={config.sweep}", f"worker={config.worker}"]
        plugins.register(config.hydra.launcher._target_)  # Hydra makes the sweeper and the launcher after this
        self.config = copy.deepcopy(config)
        hide_secrets(config)
        compose_jobs_once(config)
        folder = outcomes_folder(config)
        job_outcomes.remove_ended(folder.parent)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            run_names.keep_swept(config)
        except OSError as error:
            why = f"({error.strerror}); set output_dir to another folder, or remove what is in the way"
            notify(f"{error.filename or folder} cannot be written to {why}")
            sys.exit(2)
        Sweep.current = self
        if launchers.on_cluster(config.hydra.launcher):
            from harness.runner.mlflow_thread import MlflowThread

            self.mlflow = MlflowThread(Path(config.output_dir), config.sweep)

    @property
    def shows_runs(self) -> bool:
        """Whether its end has a table of its own instead of one of all runs."""
        return self.choice is not None or self.search is not None

    def outcomes(self) -> list[JobOutcome]:
        """The outcomes of the jobs, in the order in which they are shown."""
        return outcomes_of(self.config)

    def count_finished(self, done: list[Record]) -> int:
        """How many finished runs it has, also those of earlier commands that this one, with ``done``, has not come to.

        A choice also knows those of a command that was killed.
        """
        folder, output_dir = run_names.sweep_folder(self.config), Path(self.config.output_dir).absolute()
        count = sweep_runs.count_finished(folder, output_dir, done)
        return max(count, len(self.choice.spending.finished)) if self.choice else count

    def end(self, done: list[Record], interrupted: bool, failed: bool = False) -> bool:
        """Compare the runs of each experiment, and close the parent runs with the comparison.

        ``failed`` says that a job left no record. Returns whether the comparisons were written.
        """
        from harness.runner.slots import job_process  # here: --cfg does without it

        job_process.close_all()  # the report needs none of them, and they hold memory
        output_dir = Path(self.config.output_dir).absolute()
        if self.search is None:  # of a search, only its own trials are compared
            sweep_runs.keep(run_names.sweep_folder(self.config), done)
        ends: list[tuple[str, str, Summary]] = []
        searched = self._end_search(output_dir) if self.search else None
        answering = {"margin": self.config.report.margin, "require": self.config.report.require}
        answering |= {"told": self._missing() if interrupted else []}
        answering |= self.choice.asked() if self.choice else {}
        for name in dict.fromkeys(record.name for record in done):
            runs = [record for record in done if record.name == name]
            complete = not failed and all(record.status == "finished" for record in runs if not record.is_trial)
            status = "killed" if interrupted else "finished" if complete else "failed"
            summary = searched or sweep_summary.of_runs(runs, output_dir, name, self.config.sweep, **answering)
            ends.append((name, status, summary))
        if self.choice and not ends:
            sweep_summary.say(self.choice.sentences())
        try:
            self._end_in_mlflow(ends, interrupted)
        except Exception as error:
            why = masked(f"{type(error).__name__}: {error}").splitlines()[0]
            notify(f"MLflow did not take the end of the sweep ({why}); its records are kept")
        return all(summary.written for *_, summary in ends)

    def _missing(self) -> list[str]:
        """A sentence for the answer about the runs that had not ended when the command was interrupted."""
        planned = job_outcomes.planned(self.config)
        missing = (planned or 0) - sum(not outcome.ended_from_outside for outcome in self.outcomes())
        if missing < 1:
            return []
        verb, which = ("is", "this run") if missing == 1 else ("are", "these runs")
        why = f"the command was interrupted before {which} ended; run it again to resume"
        return [f"{missing} of {planned} runs of this command {verb} missing: {why}."]

    def _end_search(self, output_dir: Path) -> "Summary":
        """Print the trials of a search, by validation, and write them: not a comparison of them all by test."""
        from harness.tracking import Summary

        assert self.search is not None
        try:
            return self.search.summary(output_dir, run_names.sweep_folder(self.config))
        except OSError as error:
            notify(f"the table of the search could not be written ({error}); its records are kept")
            return Summary(files=[], written=False)

    def _end_in_mlflow(self, ends: "list[tuple[str, str, Summary]]", interrupted: bool) -> None:
        """Give the sweep's parent run in each experiment its status and its summary."""
        from harness import tracking
        from harness.runner import lifecycle

        output_dir = Path(self.config.output_dir)
        lifecycle.sync_ended()
        if self.mlflow:
            self.mlflow.end()
        synced = tracking.sync_left(output_dir, self.config.sweep)
        if synced.left:
            runs = "1 run is" if synced.left == 1 else f"{synced.left} runs are"
            notify(f"{synced.why}; {runs} missing there: run `python -m harness report --sync` later")
        uri = tracking.store_uri(self.config.tracking.uri, output_dir)
        if uri == tracking.OFF:
            return
        with suppress(tracking.HalfLoadedError):  # what is missing there has been said
            for name, status, summary in ends:
                tracking.end_sweep(uri, name, self.config.sweep, status, summary)
            tracking.close_sweep(uri, self.config.sweep, "killed" if interrupted else "failed")


def refuse_swept(keys: list[str]) -> None:
    """Refuse to sweep over what a sweep has once.

    Raises:
        UserError: one sentence with the key.
    """
    if "output_dir" in keys:
        raise UserError("output_dir cannot be swept over: a sweep has one output folder; sweep over name")
    if swept := [key for key in keys if key.startswith("report.")]:
        raise UserError(f"{swept[0]} cannot be swept over: a sweep ends in one comparison; give it one value")


def set_per_encoder(config: DictConfig) -> None:
    """Let each job be composed with the settings of its own encoder, ``+per.cnn.kernel_size=5``.

    Raises:
        UserError: no job has such an encoder, or the encoder has no such setting.
    """
    hydra = GlobalHydra.instance().hydra
    if hydra is None or not any(per_encoder.read(override) for override in config.hydra.overrides.task):
        return
    per_encoder.check([*config.hydra.overrides.task, *run_names.searched(config)], hydra.config_loader)
    hydra.config_loader = per_encoder.PerEncoder(hydra.config_loader)


def _refuse_tuning_by_others(config: DictConfig) -> None:
    """Refuse ``tune`` with a sweeper that does not know of it, such as that of a search."""
    if config.tune.space and (".harness_sweepers." not in config.hydra.sweeper._target_ or _searches(config)):
        raise UserError("tune needs the harness's own sweeper; leave out either hydra/sweeper or tune")


def _searches(config: DictConfig) -> bool:
    return str(config.hydra.sweeper._target_).endswith(".SearchSweeper")


def compose_jobs_once(config: DictConfig) -> None:
    """Let the launcher use the configs that the sweeper composed, where both compose in this process."""
    hydra = GlobalHydra.instance().hydra
    own = launchers.composes_here(config.hydra.launcher)
    own &= config.hydra.sweeper._target_.endswith((".SeedSweeper", ".SearchSweeper", ".BasicSweeper"))
    if hydra is not None and own:
        hydra.config_loader = ComposedOnce(hydra.config_loader)
