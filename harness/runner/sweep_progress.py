"""Where a job stands among the jobs of its command, and about how long these still take."""

from collections.abc import Sequence
from statistics import fmean

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from harness.config import launchers
from harness.records.metrics import TOTAL_SECONDS
from harness.records.record import Record
from harness.runner import job_outcomes
from harness.runner.job_outcomes import JobOutcome


def of_job(config: DictConfig, outcomes: Sequence[JobOutcome]) -> list[str]:
    """The line that a job begins with; none where the number of jobs is not known, as in ``choose``.

    ``outcomes`` are those of the earlier jobs of this process. They tell how long the others take only where all jobs
    run here, one after the other.
    """
    planned = job_outcomes.planned(config) if config.sweep else None
    if planned is None or planned < 2:
        return []
    number = HydraConfig.get().job.num + 1
    if number > planned:  # another command held it, so that it came back with a number of its own
        return []
    if not launchers.in_turn(HydraConfig.get().launcher):
        return [line(number, planned, [])]
    done = [outcome.record for outcome in outcomes if outcome.record]
    # without a skipped run, those that earlier commands finished are of other code or data, and are trained again
    resumes = not config.rerun and any(record.skipped for record in done)
    return [line(number, planned, done, job_outcomes.finished_from(config, number - 1) if resumes else 0)]


def line(number: int, planned: int, done: Sequence[Record], finished: int = 0) -> str:
    """``run 5 of 12, about 3 min left``: each as long as the mean of the runs that were trained, skipped ones not.

    ``finished``: so many of the runs that follow are skipped too.
    """
    where = f"run {number} of {planned}"
    # the time of a resumed run is not that of a whole one
    trained = [one for one in done if one.status == "finished" and not (one.skipped or one.resumed_epochs)]
    to_train = planned - number + 1 - finished
    if not trained or to_train < 1:
        return where
    from harness.runner.choose.answer import duration  # here: the first run does without what it imports

    left = fmean(record.metrics[TOTAL_SECONDS] for record in trained) * to_train
    return f"{where}, about {duration(left)} left"
