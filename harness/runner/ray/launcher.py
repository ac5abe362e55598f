"""A launcher of Hydra for Ray. Ray itself is imported when jobs are launched: many commands do without it."""

from collections.abc import Sequence

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class RayLauncher(Launcher):
    """Runs each job as a task of a Ray cluster; a task that is lost ends no other.

    ``ray`` has two parts: ``init`` for ``ray.init``, ``remote`` for ``ray.remote``. What is null there is left to Ray,
    except for ``num_cpus`` and ``num_gpus`` of a task: they follow the hardware of its run.
    """

    hydra_context: HydraContext
    task_function: TaskFunction
    config: DictConfig

    def __init__(self, ray: DictConfig) -> None:
        self.settings = ray

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs and wait for them.

        Raises:
            UserError: the cluster cannot be reached, or cannot run one of the jobs; none of them was begun.
        """
        from harness.runner.ray import tasks

        sweeping = tasks.Sweeping(self.hydra_context, self.task_function, self.config)
        return tasks.launch(sweeping, self.settings, job_overrides, initial_job_idx)
