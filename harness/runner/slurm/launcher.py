"""Launches the runs of a sweep as a job array of Slurm, through submitit; whatever becomes of a job, the sweep ends."""

import os
import re
from collections.abc import Sequence
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn
from hydra_plugins.hydra_submitit_launcher import submitit_launcher
from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf
from omegaconf import DictConfig, OmegaConf
from submitit import AutoExecutor
from submitit.core.utils import FailedJobError, UncompletedJobError

from harness.config.compose import job_configs
from harness.errors import UserError
from harness.notices import notify
from harness.runner import lost_jobs
from harness.runner.slurm import queue
from harness.runner.slurm.job import SlurmJob
from harness.runner.slurm.resources import gpus_per_node
from harness.runner.variables import environment

OWN = ("submitit_folder", "max_num_timeout")
"""Settings of the executor itself; all others are those of a job."""


FOR_ALL_JOBS = ("SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT")
"""Variables of Slurm that are no job's own."""


OF_SBATCH = "sbatch: error: Batch job submission failed: "
TOO_MANY = re.compile("job array|submit limit|MaxSubmit", re.IGNORECASE)
"""What Slurm says of an array that is too large, or of more jobs than a user may have."""


def remedy(why: str) -> str:
    """What to do where Slurm takes no jobs and says this."""
    if TOO_MANY.search(why):
        return (
            "hydra.sweeper.max_batch_size=100 gives it at most 100 at a time; it takes no more in an array than "
            "MaxArraySize in scontrol show config"
        )
    return "see hydra.launcher in the config"


def of_surrounding_job() -> list[str]:
    """The variables of the job that this command runs in, such as an interactive one; none outside of jobs.

    A job inherits the environment of the command that submits it. Its ``srun`` takes these variables for options, which
    may contradict those of the job (``SLURM_MEM_PER_CPU``) or pin the run to other processors (``SLURM_CPU_BIND``).
    """
    if "SLURM_JOB_ID" not in os.environ:
        return []
    prefixes = ("SLURM_", "SLURMD_", "SRUN_", "SUBMITIT_", "PMI_", "PMIX_")
    return [name for name in os.environ if name.startswith(prefixes) and name not in FOR_ALL_JOBS]


class SlurmLauncher(submitit_launcher.SlurmLauncher):
    """Submits jobs and waits for all of them, also for those that are cancelled, over their time or on a dead node.

    A job that left no outcome gets one that says what Slurm says of it.
    """

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Submit the jobs and wait for them.

        Raises:
            UserError: Slurm does not take the first jobs; none of them stays submitted.
        """
        assert self.config is not None
        assert self.hydra_context is not None
        configs = job_configs(self.hydra_context.config_loader, self.config, job_overrides, initial_job_idx)
        jobs: dict[int, Any] = {}
        try:
            asked = [gpus_per_node(config.hardware, config.hydra.launcher) for config in configs]
            for gpus in dict.fromkeys(asked):  # the jobs of an array ask for the same
                places = [place for place, own in enumerate(asked) if own == gpus]
                jobs |= zip(places, self._submit(job_overrides, places, initial_job_idx, gpus), strict=True)
            ended = queue.wait(list(jobs.values()))
        except BaseException as error:  # Ctrl-C, or Slurm takes some of the jobs and refuses others
            queue.cancel(list(jobs.values()))
            if not isinstance(error, UserError) or initial_job_idx == 0:
                raise
            return [lost_jobs.returned(config, str(error)) for config in configs]  # the runs before are compared
        return [self._returned(jobs[place], ended, config) for place, config in enumerate(configs)]

    def _submit(
        self, job_overrides: Sequence[Sequence[str]], places: list[int], first: int, gpus: int | None
    ) -> list[Any]:
        """The submitted jobs of these places.

        Raises:
            UserError: Slurm does not take them.
        """
        worker = SlurmJob(**self.params)
        worker.setup(hydra_context=self.hydra_context, task_function=self.task_function, config=self.config)
        calls = [
            (list(job_overrides[place]), "hydra.sweep.dir", first + place, f"job_id_for_{first + place}",
             Singleton.get_state())
            for place in places
        ]  # fmt: skip
        try:
            executor = AutoExecutor(
                cluster="slurm", folder=self.params["submitit_folder"],
                slurm_max_num_timeout=self.params["max_num_timeout"],
            )  # fmt: skip
            executor.update_parameters(**self._parameters(gpus))
            with environment(dict.fromkeys(of_surrounding_job())):
                jobs = executor.map_array(worker, *zip(*calls, strict=True))
        except (FailedJobError, RuntimeError) as error:
            why = " ".join(str(error).split()) or type(error).__name__
            raise UserError(f"Slurm does not take the jobs: {why.removeprefix(OF_SBATCH)}; {remedy(why)}") from None
        numbers = sorted({job.job_id.split("_")[0] for job in jobs})
        notify(f"Slurm: {len(jobs)} jobs in {', '.join(numbers)}")
        return list(jobs)

    def _parameters(self, gpus: int | None) -> dict[str, Any]:
        """The settings of the jobs, under submitit's names."""
        settings = {key: value for key, value in self.params.items() if key not in OWN} | {"gpus_per_node": gpus}
        if (cpus := settings.get("cpus_per_task")) is not None:
            # srun does not take it from the job (since Slurm 22.05), and may leave a task with one processor
            settings["srun_args"] = [*(settings.get("srun_args") or []), f"--cpus-per-task={cpus}"]
        general = set(OmegaConf.structured(BaseQueueConf).keys())
        return {key if key in general else f"slurm_{key}": value for key, value in settings.items()}

    def _returned(self, job: Any, ended: dict[str, queue.State], config: DictConfig) -> JobReturn:
        """What a job returned; of one that left no result, what a lost job returns."""
        state = ended.get(job.job_id)
        try:
            if state is None:
                returned: JobReturn = job.results()[0]
                return returned
            why = str(state)
            if state.held:
                why += f"; `scontrol release {job.job_id}` lets it run, `scancel {job.job_id}` removes it"
        except UncompletedJobError as error:
            why = str(error).strip().splitlines()[-1]
        log = f"; its log is {job.paths.stderr}" if job.paths.stderr.exists() else ""
        return lost_jobs.returned(config, f"Slurm job {job.job_id} left no result: {why}{log}")
