"""What a config must be. Nothing here edits: what is printed is what runs."""

import math
from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue

from harness.config import hardware as machine
from harness.backends.arguments import check_optimizer
from harness.backends.schedules import SCHEDULES
from harness.checks import is_whole
from harness.records.metrics import METRICS
from harness.errors import UserError
from harness.tasks.task import AUTO
from harness.tasks.task import Task

Config = dict[str, Any]

AFTERWARDS = ("attention_examples",)
"""Keys of ``measure`` for what is done when everything is measured: they decide no number."""

UNUSED = {"train": ("profile",), "profile": ("trainer", "optimizer", "measure")}
"""The modes, and the keys that a run of each has no use for."""


def resolve(config: DictConfig) -> Config:
    """The config as plain values.

    Raises:
        UserError: a value that must be given is not.
    """
    try:
        return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        key = error.full_key or str(error).rsplit(" ", 1)[-1]
        raise UserError(f"{key} must be given: add {key}=... to the command") from None


WHOLE = {
    "seed": 0,
    "trainer.epochs": 1,
    "trainer.batch_size": 1,
    "trainer.eval_batch_size": 1,
    "trainer.patience": 1,
    "data.limit": 1,
    "input.size": 1,
    "hardware.devices": 1,
    "hardware.nodes": 1,
    "hardware.threads": 1,
    "measure.warmup_steps": 0,
    "measure.latency_length": 1,
    "measure.latency_passes": 1,
    "measure.inference_batches": 1,
    "measure.attention_examples": 0,
    "profile.vocabulary_size": 2,
    "profile.warmup_passes": 0,
    "profile.passes": 1,
}
"""Keys that are whole numbers, and the least that each may be; those in ``MAY_BE_NULL`` may be left out."""

POSITIVE = (
    *("run_timeout", "trainer.clip_norm", "optimizer.lr", "measure.latency_seconds", "measure.inference_seconds"),
    *("profile.seconds", "profile.point_seconds", "tracking.system_metrics_seconds"),
)
"""Keys that are finite numbers above 0."""

MAY_BE_NULL = (
    *("trainer.patience", "data.limit", "input.size", "hardware.threads", "measure.latency_length", "run_timeout"),
    *("trainer.clip_norm", "tracking.system_metrics_seconds"),
)

ONE_OF = {
    "mode": tuple(UNUSED),
    "hardware.accelerator": ("auto", "cpu", "gpu", "mps"),
    "hardware.precision": ("32", "bf16"),
    "optimizer.schedule": SCHEDULES,
    # nothing is chosen on test
    "trainer.monitor": (AUTO, *(name for name in METRICS if name.startswith("val/"))),
}
"""Keys that name something, and what there is."""


def check(config: Config) -> None:
    """Refuse nonsense before anything is started or written.

    Raises:
        UserError: one sentence that names the key, what was expected, and what to do.
    """
    for key, least in WHOLE.items():
        value = _get(config, key)
        if value is not None or key not in MAY_BE_NULL:
            _whole(key, value, least)
    for key in POSITIVE:
        value = _get(config, key)
        if not ((value is None and key in MAY_BE_NULL) or (_number(value) and 0 < value < math.inf)):
            raise UserError(f"{key} must be a finite number above 0, and is {value!r}")
    for key, choices in ONE_OF.items():
        if str(_get(config, key)) not in choices:
            why = "; nothing is chosen on test" if key == "trainer.monitor" else ""
            raise UserError(f"{key} is one of {', '.join(choices)}, not {_get(config, key)!r}{why}")
    for key in ("input.dropout", "input.word_dropout", "head.dropout"):
        value = _get(config, key)
        if not (_number(value) and 0 <= value < 1):
            raise UserError(f"{key} must be a share from 0 to below 1, and is {value!r}")
    if not isinstance(config["name"], str) or not config["name"]:
        raise UserError(f"name must be a text, and is {config['name']!r}; quote it: 'name=\"{config['name']}\"'")
    for key in ("head.hidden_sizes", "profile.lengths", "profile.batch_sizes"):
        _whole_list(key, _get(config, key), may_be_empty=key == "head.hidden_sizes")
    for key in ("devices", "nodes"):
        if config["mode"] == "profile" and (several := config["hardware"][key]) != 1:
            raise UserError(f"mode=profile measures one device, not {several} {key}; set hardware.{key}=1")
    _check_input(config)
    check_optimizer(config)
    _check_encoder(config)
    machine.check(config)


def _whole_list(key: str, values: Any, may_be_empty: bool) -> None:
    if not isinstance(values, list) or not (values or may_be_empty):
        raise UserError(f"{key} must be a list of whole numbers, such as [128,256], and is {values!r}")
    for value in values:
        _whole(key, value, least=1)


def _check_input(config: Config) -> None:
    if config["input"]["letters"] is not None and config["input"]["bigrams"] is not None:
        raise UserError("input.letters and input.bigrams cannot be read together; leave one of them null")
    for part in ("letters", "bigrams"):
        for name, value in (config["input"][part] or {}).items():
            _whole(f"input.{part}.{name}", value, least=1)
        if config["input"][part] is not None and config["backend"]["name"] == "tensorflow":
            chosen = config["choices"]["input"]
            raise UserError(f"backend=tensorflow has input=embedding alone; for input={chosen} take backend=pytorch")


def _check_encoder(config: Config) -> None:
    for where, part in _parts(config["encoder"], "encoder"):
        if part["_target_"].startswith("harness."):  # somebody's own may mean something else by these
            _check_sizes(where, part)
    if config["choices"]["encoder"] == "additive_attention" and config["choices"]["pooling"] != "additive_attention":
        raise UserError(
            "encoder=additive_attention is additive attention pooling on the bare embeddings; for another pooling "
            f"({config['choices']['pooling']}) take encoder=bag_of_embeddings"
        )


def check_task(config: Config, task: Task, search: str | None = None) -> None:
    """Refuse what cannot do the task that the data sets; ``search`` is the direction of a sweeper that searches.

    Raises:
        UserError: the encoder gives one vector per sequence where every position needs one, the task has no metric of
            the name that the best epoch is to be chosen by, or the search goes for that metric's worst.
    """
    if task.per_step and config["choices"]["encoder"] == "additive_attention":
        raise UserError(
            "encoder=additive_attention makes one vector of a sequence, and this data has a label for every position; "
            "take an encoder that gives one vector per position, such as self_attention or bidirectional"
        )
    monitor = task.monitor(config["trainer"]["monitor"])
    better = "maximize" if METRICS[monitor].higher_is_better else "minimize"
    if search not in (None, better):
        raise UserError(
            f"hydra.sweeper.direction={search}, and what a run returns is its {monitor}, of which the "
            f"{'highest' if better == 'maximize' else 'lowest'} is best; add hydra.sweeper.direction={better}"
        )


def _get(config: Config, key: str) -> Any:
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(key: str, value: Any, least: int) -> None:
    if not is_whole(value, least):
        raise UserError(f"{key} must be a whole number of {least} or more, and is {value!r}")


def _parts(part: Config, where: str) -> Iterator[tuple[str, Config]]:
    """Every encoder inside an encoder's config, itself first."""
    if "_target_" in part:
        yield where, part
    for key, value in part.items():
        if isinstance(value, dict):
            yield from _parts(value, f"{where}.{key}")


def _check_sizes(where: str, encoder: Config) -> None:
    for key in ("hidden_size", "num_heads"):
        if key in encoder:
            _whole(f"{where}.{key}", encoder[key], least=1)
    heads, width = encoder.get("num_heads"), encoder.get("hidden_size")
    if heads and width and width % heads:
        raise UserError(
            f"{where}.num_heads={heads} does not divide {where}.hidden_size={width}; "
            f"take {max(n for n in range(1, heads + 1) if width % n == 0)} heads or another width"
        )
