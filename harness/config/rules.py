"""Rules about several keys of a config, and about keys that are passed on to code; ``schema`` has the types of keys."""

import math
from importlib.util import find_spec
from typing import Any

from harness.config import search_space
from harness.config.kernels import check_kernel
from harness.config.libraries import SERVING_PACKAGES, is_read
from harness.config.pretrained import check_pretrained
from harness.config.requirement import parse_all
from harness.config.schema import CLASS_WEIGHTS, LAST_EPOCH, Config
from harness.errors import UserError
from harness.records.metrics import split_of
from harness.records.settings import flatten, parts


def check_together(config: Config) -> None:
    """Refuse keys that contradict each other.

    Raises:
        UserError: one sentence that names the keys and what to do.
    """
    for key in ("devices", "nodes"):
        if config.mode == "profile" and (several := getattr(config.hardware, key)) != 1:
            raise UserError(f"mode=profile measures one device, not {several} {key}; set hardware.{key}=1")
    for key, value in flatten(config.to_dict()):
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{key} must be a finite number, and is {value!r}")
    for key in ("limit", "train_limit"):
        if config.data.get(key) is not None:
            check_count(f"data.{key}", config.data[key])
    if (weights := config.data.get(CLASS_WEIGHTS)) not in (None, "balanced"):
        raise UserError(f"data.class_weights must be balanced or null, and is {weights!r}")
    parse_all(config.report.require)
    _check_input(config)
    _check_optimizer(config)
    _check_monitor(config)
    _check_encoder(config)
    check_pretrained(config)
    _check_tune(config)
    if config.measure.serve and (missing := [name for name in SERVING_PACKAGES if find_spec(name) is None]):
        needed = ", ".join(missing)
        raise UserError(f"measure.serve=true needs {needed}: in the harness's folder, pip install '.[export]'")
    if config.hardware.nodes > 1 and config.sweep:
        nodes = config.hardware.nodes
        raise UserError(f"hardware.nodes={nodes} is for one run at a time: leave -m out and give each seed a command")


def _check_input(config: Config) -> None:
    if config.input.characters is not None and config.input.bigrams is not None:
        raise UserError("input.characters and input.bigrams cannot be combined; set one of them to null")
    more = config.input.characters or config.input.bigrams
    if config.input.one_hot and more is not None:
        name = "characters" if config.input.characters else "bigrams"
        raise UserError(f"input.one_hot and input.{name} cannot be combined; set one of them to false or null")
    if config.input.one_hot and config.input.size is not None:
        raise UserError("input.size is the width of an embedding, and input.one_hot has none; set input.size=null")
    _check_vectors(config)
    if more is not None and config.backend.name == "tensorflow":
        chosen = config.choices.input
        raise UserError(f"backend=tensorflow has input=embedding and one_hot; for input={chosen} take backend=pytorch")


def _check_vectors(config: Config) -> None:
    settings = config.input
    if settings.vectors is None:
        if settings.frozen is not None:
            raise UserError(
                "input.vectors must name a file of word vectors, such as input.vectors=glove.6B.100d.txt; without one, "
                "take input=embedding, whose input.frozen is null"
            )
        return
    if settings.one_hot:
        raise UserError("input.one_hot and input.vectors cannot be combined; set one of them to false or null")
    if config.mode == "profile":
        raise UserError(
            "mode=profile reads random tokens, which no file has vectors of; take input=embedding, and for vectors of "
            "300 numbers input.size=300"
        )


def _check_monitor(config: Config) -> None:
    """Refuse a patience without a score to wait for, and a plateau without its settings or the reverse."""
    trainer, optimizer = config.trainer, config.optimizer
    if trainer.monitor == LAST_EPOCH and trainer.patience is not None:
        raise UserError("trainer.patience waits for a better score, and trainer.monitor=last has none; name a metric")
    plateau = {"factor": optimizer.factor, "patience": optimizer.patience}
    if optimizer.schedule != "plateau":
        for key, value in {**plateau, "min_lr": optimizer.min_lr}.items():
            if value is not None:
                raise UserError(f"optimizer.{key} is for optimizer.schedule=plateau; set that, or leave it out")
        return
    if missing := [f"optimizer.{key}" for key, value in plateau.items() if value is None]:
        raise UserError(
            f"optimizer.schedule=plateau needs {' and '.join(missing)}, such as optimizer.factor=0.5 "
            "optimizer.patience=5: lr is halved after every 5 epochs without a better score"
        )
    if trainer.monitor == LAST_EPOCH:
        raise UserError("optimizer.schedule=plateau follows a metric, and trainer.monitor=last is none; name a metric")
    if (optimizer.min_lr or 0) > optimizer.lr:
        raise UserError(f"optimizer.min_lr={optimizer.min_lr} is above optimizer.lr={optimizer.lr}; set it below")


def _check_tune(config: Config) -> None:
    """Refuse a space that cannot be searched, and a tuning that cannot be done."""
    if search_space.read(config.tune.space):
        check_tunable(config.mode, config.trainer.monitor)


def check_tunable(mode: str, monitor: str) -> None:
    """Refuse a tuning of what is not trained, or that would not choose on validation.

    Raises:
        UserError: one sentence that says what to change.
    """
    if mode == "profile":
        raise UserError("mode=profile trains nothing that could be tuned; leave tune out")
    if monitor == LAST_EPOCH or split_of(monitor) == "train":
        raise UserError(f"tune chooses on validation, and trainer.monitor={monitor} does not; set trainer.monitor=auto")


def _check_optimizer(config: Config) -> None:
    """Refuse settings that no optimizer can train with, and lazy_adam where it cannot work."""
    if config.optimizer.decay < 0:
        raise UserError(f"optimizer.decay must be a number of 0 or more, and is {config.optimizer.decay!r}")
    if config.optimizer.name == "custom":
        return  # in the framework's class, or the user's own, the other keys may mean something else
    own = config.optimizer.model_extra or {}
    for key in ("eps", "weight_decay", "momentum"):
        if key in own and not (is_number(own[key]) and own[key] >= 0):
            raise UserError(f"optimizer.{key} must be a number of 0 or more, and is {own[key]!r}")
    if not _is_share(own.get("rho", 0)):
        raise UserError(f"optimizer.rho must be at least 0 and below 1, and is {own['rho']!r}")
    betas = own.get("betas", [0.9, 0.999])
    if not (isinstance(betas, list) and len(betas) == 2 and all(map(_is_share, betas))):
        raise UserError(
            f"optimizer.betas must be two numbers of at least 0 and below 1, such as [0.9,0.999], and is {betas!r}"
        )
    if own.get("nesterov") is True and not own.get("momentum"):
        raise UserError("optimizer.nesterov=true looks ahead along the momentum; set optimizer.momentum above 0")
    _check_lazy_adam(config)


def _check_lazy_adam(config: Config) -> None:
    """Refuse lazy_adam with another framework, several processes or weight decay."""
    if config.optimizer.name != "lazy_adam" or not is_read(config.backend.name, "optimizer"):
        return
    if config.backend.name != "pytorch":
        raise UserError("optimizer=lazy_adam is for backend=pytorch; take that, or optimizer=adam")
    for key in ("devices", "nodes"):
        if getattr(config.hardware, key) != 1:
            raise UserError(f"optimizer=lazy_adam trains in one process only: set hardware.{key}=1, or optimizer=adam")
    if "weight_decay" in (config.optimizer.model_extra or {}):
        raise UserError("optimizer.weight_decay: lazy_adam would decay touched rows only; take optimizer=adamw")


def _check_encoder(config: Config) -> None:
    for where, part in parts(config.encoder, "encoder"):
        if part["_target_"].startswith("harness."):  # in the user's own code these keys may mean something else
            _check_sizes(where, part)
            check_kernel(where, part, config.backend.name)
    pooling = config.choices.pooling
    if config.choices.encoder == "additive_attention" and pooling != "additive_attention":
        raise UserError(
            "encoder=additive_attention is additive attention pooling on the bare embeddings; for another pooling "
            f"({pooling}) take encoder=bag_of_embeddings"
        )


def _check_sizes(where: str, encoder: dict[str, Any]) -> None:
    for key in ("hidden_size", "num_heads", "num_layers"):
        if key in encoder:
            check_count(f"{where}.{key}", encoder[key])
    if "dropout" in encoder and not _is_share(encoder["dropout"]):
        raise UserError(f"{where}.dropout must be at least 0 and below 1, and is {encoder['dropout']!r}")
    if encoder.get("num_heads") and encoder.get("hidden_size"):
        check_heads(encoder["hidden_size"], encoder["num_heads"], f"{where}.")


def check_heads(hidden_size: int, num_heads: int, where: str = "") -> None:
    """Refuse a number of heads that does not divide the width; ``where`` is put before the names.

    Raises:
        UserError: one sentence with the largest number of heads below that does.
    """
    if hidden_size % num_heads:
        fitting = max(n for n in range(1, num_heads + 1) if hidden_size % n == 0)
        raise UserError(
            f"{where}num_heads={num_heads} does not divide {where}hidden_size={hidden_size}; "
            f"take {fitting} heads or another width"
        )


def check_count(key: str, value: Any) -> None:
    """Refuse anything but a whole number of 1 or more.

    Raises:
        UserError: one sentence with the key and its value.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UserError(f"{key} must be a whole number of 1 or more, and is {value!r}")


def is_number(value: Any) -> bool:
    """Whether a value is a number; a flag is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_share(value: Any) -> bool:
    return is_number(value) and 0 <= value < 1
