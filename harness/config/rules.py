"""What must hold between several keys of a config; what holds for one key alone is in ``schema``."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from harness.errors import UserError

if TYPE_CHECKING:
    from harness.config.schema import Config


def check_together(config: "Config") -> None:
    """Refuse keys that contradict each other.

    Raises:
        UserError: one sentence that names the keys and what to do.
    """
    for key in ("devices", "nodes"):
        if config.mode == "profile" and (several := getattr(config.hardware, key)) != 1:
            raise UserError(f"mode=profile measures one device, not {several} {key}; set hardware.{key}=1")
    _check_input(config)
    _check_optimizer(config)
    _check_encoder(config)
    if config.hardware.nodes > 1 and config.sweep:
        nodes = config.hardware.nodes
        raise UserError(f"hardware.nodes={nodes} is for one run at a time: leave -m out and give each seed a command")


def _check_input(config: "Config") -> None:
    if config.input.characters is not None and config.input.bigrams is not None:
        raise UserError("input.characters and input.bigrams cannot be read together; leave one of them null")
    more = config.input.characters or config.input.bigrams
    if more is not None and config.backend.name == "tensorflow":
        chosen = config.choices.input
        raise UserError(f"backend=tensorflow has input=embedding only; for input={chosen} take backend=pytorch")


def _check_optimizer(config: "Config") -> None:
    """Refuse what lazy_adam does not do: another framework, several processes, weight decay."""
    if config.optimizer.name != "lazy_adam":
        return
    if config.backend.name != "pytorch":
        raise UserError("optimizer=lazy_adam is for backend=pytorch; take that, or optimizer=adam")
    for key in ("devices", "nodes"):
        if getattr(config.hardware, key) != 1:
            raise UserError(f"optimizer=lazy_adam trains in one process only: set hardware.{key}=1, or optimizer=adam")
    if "weight_decay" in (config.optimizer.model_extra or {}):
        raise UserError("optimizer.weight_decay: lazy_adam would decay touched rows only; take optimizer=adamw")


def _check_encoder(config: "Config") -> None:
    for where, part in _encoders(config.encoder, "encoder"):
        if part["_target_"].startswith("harness."):  # the user's own may mean something else by these keys
            _check_sizes(where, part)
    pooling = config.choices.pooling
    if config.choices.encoder == "additive_attention" and pooling != "additive_attention":
        raise UserError(
            "encoder=additive_attention is additive attention pooling on the bare embeddings; for another pooling "
            f"({pooling}) take encoder=bag_of_embeddings"
        )


def _encoders(part: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every encoder inside an encoder's config, itself first."""
    if "_target_" in part:
        yield where, part
    for key, value in part.items():
        if isinstance(value, dict):
            yield from _encoders(value, f"{where}.{key}")


def _check_sizes(where: str, encoder: dict[str, Any]) -> None:
    for key in ("hidden_size", "num_heads"):
        if key in encoder:
            _check_count(f"{where}.{key}", encoder[key])
    heads, width = encoder.get("num_heads"), encoder.get("hidden_size")
    if heads and width and width % heads:
        raise UserError(
            f"{where}.num_heads={heads} does not divide {where}.hidden_size={width}; "
            f"take {max(n for n in range(1, heads + 1) if width % n == 0)} heads or another width"
        )


def _check_count(key: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UserError(f"{key} must be a whole number of 1 or more, and is {value!r}")
