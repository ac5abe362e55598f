"""``optimizer=custom``: any optimizer of the framework, or a class of the user's own; the same in both backends."""

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeVar

from harness.backends.arguments import check_settings
from harness.config.schema import OptimizerConfig
from harness.errors import UserError

CUSTOM = "custom"
"""The value of ``optimizer.name``."""
CLASSES = {"pytorch": "torch.optim", "tensorflow": "keras.optimizers"}
"""The module of each framework's own optimizers."""

Kind = TypeVar("Kind")


def target_of(settings: OptimizerConfig) -> str:
    """What ``optimizer._target_`` names."""
    return str((settings.model_extra or {})["_target_"])


def make_custom(
    settings: OptimizerConfig, kind: type[Kind], backend: str, *first: Any, lr: str = "lr"
) -> Kind:
    """The optimizer that ``optimizer._target_`` names, called with ``first`` and the other settings.

    ``kind`` is the framework's own class of all optimizers, ``lr`` what it calls the learning rate.

    Raises:
        UserError: there is no such class, it refuses the settings, or it makes no optimizer of this framework.
    """
    target = target_of(settings)
    make = _find(target)
    more = {key: value for key, value in (settings.model_extra or {}).items() if key != "_target_"}
    signature = inspect.signature(make).parameters.values()
    if not any(one.kind is one.VAR_KEYWORD for one in signature):
        known = {one.name: one.default for one in list(signature)[len(first) :]}
        check_settings(target, {lr: settings.lr, **more}, known, backend)
    try:
        made = make(*first, **{lr: settings.lr, **more})
    except UserError:
        raise
    except (TypeError, ValueError) as error:
        words = str(error).splitlines()[0]
        raise UserError(f"optimizer: {target} refuses these settings: {words}") from error
    if not isinstance(made, kind):
        raise UserError(
            f"optimizer._target_={target} makes no optimizer for backend={backend}; take a class of "
            f"{CLASSES[backend]}, or your own class derived from its Optimizer"
        )
    return made


def _find(target: str) -> Callable[..., Any]:
    name, _, last = target.rpartition(".")
    try:
        module = import_module(name)
    except (ImportError, ValueError) as error:
        raise UserError(f"optimizer._target_={target} cannot be loaded: {error}") from None
    if not callable(found := getattr(module, last, None)):
        close = get_close_matches(last, vars(module), n=1)
        near = f"; did you mean {name}.{close[0]}?" if close else ""
        raise UserError(f"optimizer._target_: {name} has no {last}{near}")
    return found  # type: ignore[no-any-return]
