"""Batches of jobs, and the jobs of a batch that another command held."""

from omegaconf import OmegaConf

from harness.runner import batches_sweeper, job_outcomes
from harness.runner.batches_sweeper import BatchesSweeper
from harness.runner.job_outcomes import JobOutcome


class Batches(BatchesSweeper):
    def sweep(self, arguments):
        raise NotImplementedError


class Launcher:
    """Keeps an outcome for each job, and which earlier outcomes each saw; a job of ``held`` is held at first."""

    def __init__(self, config, held):
        self.config, self.held, self.seen = config, held, {}

    def launch(self, jobs, initial_job_idx):
        for number, (job,) in enumerate(jobs, initial_job_idx):
            if job in self.held:
                self.held.remove(job)
                job_outcomes.keep_outcome(self.config, number, JobOutcome(held=f"{job}.json"))
                continue
            self.seen[job] = [outcome.error for outcome in job_outcomes.of_earlier_batches(self.config)]
            job_outcomes.keep_outcome(self.config, number, JobOutcome(error=job))
        return []


def test_a_job_that_was_held_sees_the_earlier_batches_that_the_others_of_its_batch_saw(tmp_path, monkeypatch):
    monkeypatch.setattr(batches_sweeper.run_lock, "wait", lambda files: None)
    sweeper = Batches()
    sweeper.config = OmegaConf.create({"output_dir": str(tmp_path), "sweep": "s1", "worker": "1.0-here-1"})
    sweeper.launcher = Launcher(sweeper.config, ["c"])
    assert [one.error for one in sweeper.launch([["a"], ["b"]])] == ["a", "b"]
    assert [one.error for one in sweeper.launch([["c"], ["d"]])] == ["c", "d"]
    assert [one.error for one in sweeper.launch([["e"]])] == ["e"]
    assert sweeper.launcher.seen == {"a": [], "b": [], "c": ["a", "b"], "d": ["a", "b"], "e": ["a", "b", "d", "c"]}
    assert [one.error for one in job_outcomes.outcomes_of(sweeper.config)] == ["a", "b", "c", "d", "e"]
