"""Jobs of a sweep that a launcher lost: their process or their machine is gone, and no task function returned."""

from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig

from harness.config.compose import state_of
from harness.runner import job_outcomes, run_names
from harness.runner.job_outcomes import JobOutcome
from harness.runner.objective import objective, search


def keep(config: DictConfig, reason: str) -> float:
    """Keep the outcome of a lost job, unless the job itself wrote one; returns its score for a search.

    ``config`` is what Hydra composed for the job, with Hydra's own part.
    """
    number = config.hydra.job.num
    if not job_outcomes.is_kept(config, number):
        with state_of(config):
            label = run_names.label(config)
        sentence = f"{label} was lost: {reason}; the same command runs it again, from its last epoch"
        job_outcomes.keep_outcome(config, number, JobOutcome(lost=sentence))
    record = job_outcomes.of_job(config, number).record
    return objective(record, config.trainer.monitor, search(config.hydra))


def returned(config: DictConfig, reason: str) -> JobReturn:
    """What a launcher returns for a lost job: its outcome says why, and the sweep goes on."""
    ended = JobReturn(overrides=list(config.hydra.overrides.task), cfg=config, status=JobStatus.COMPLETED)
    ended.return_value = keep(config, reason)
    return ended
