"""One run: from the config that Hydra composed to the request that a command makes, and from there to its record."""

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from harness.cli import suggestions
from harness.config import launchers
from harness.config.validation import resolve
from harness.notices import notify
from harness.records.record import Record
from harness.records.tuning import Tuning
from harness.runner import run_lock, run_names
from harness.runner.lifecycle import Request, sync_ended
from harness.runner.profile import profile
from harness.runner.run import run
from harness.runner.run_lock import Held


def request_of(
    config: DictConfig, label: str, started: float, search: str | None = None, tuning: Tuning | None = None
) -> Request:
    """What a composed config asks for; Hydra must be in the state that it had when it composed the config.

    Raises:
        UserError: a value is missing or wrong, or nothing reads a key that was added.
    """
    suggestions.refuse_new_keys(HydraConfig.get().overrides.task, config)
    suggestions.refuse_words_for_parts(HydraConfig.get().overrides.task, HydraConfig.get().runtime.choices)
    overrides = tuple(run_names.overrides_of(config))
    launcher, swept = HydraConfig.get().launcher, bool(config.sweep)
    by_driver, in_turn = swept and launchers.on_cluster(launcher), swept and launchers.in_turn(launcher)
    return Request(resolve(config), label, started, overrides, search, tuning, by_driver, in_turn)


def record_of(request: Request, waits: bool = True) -> Record:
    """The record of a request, which is trained or profiled.

    ``waits``: for a run that another process holds, instead of leaving it.

    Raises:
        UserError: the user must change something; nothing was trained.
        Held: another process holds the run.
    """
    while True:
        try:
            return profile(request) if request.config.mode == "profile" else run(request)
        except Held as held:
            notify(f"{request.label}: {held}")
            if not waits:
                raise
            sync_ended()
            run_lock.wait([held.file])
