"""``encoder=pretrained``: what its config must be, because it brings its own tokenizer and its own word vectors."""

import re
from collections.abc import Mapping
from typing import Any

from harness.config.schema import Config
from harness.errors import UserError

OWN_KEYS = ("data.tokenizer", "input.size")
"""The keys outside ``encoder`` that the choice sets by itself."""


def is_pretrained(encoder: Mapping[str, Any] | None) -> bool:
    """Whether the config of an encoder names the pretrained one."""
    return bool(re.fullmatch(r"harness\.backends\.\w+\.encoders\.Pretrained", str((encoder or {}).get("_target_"))))


def is_frozen(encoder: Mapping[str, Any] | None) -> bool:
    """Whether the config of an encoder names the pretrained one, with weights that training does not change."""
    return is_pretrained(encoder) and (encoder or {}).get("frozen") is True


def check_pretrained(config: Config) -> None:
    """Refuse what cannot go with a pretrained encoder.

    Raises:
        UserError: one sentence that names the key and what to do.
    """
    if not is_pretrained(config.encoder):
        return
    data, chosen, model = config.data, config.choices.data, config.encoder["model"]
    tokenizer = data.get("tokenizer")
    if config.backend.name != "pytorch":
        raise UserError("encoder=pretrained is for backend=pytorch; take that")
    if not isinstance(model, str) or not model:
        raise UserError(f"encoder.model is a folder or the id of a model on the hub, and is {model!r}")
    if config.mode == "train" and "text" not in data:
        raise UserError(
            f"encoder=pretrained reads texts with its own tokenizer, and data={chosen} has none; take data of texts, "
            "such as imdb, or data=files"
        )
    for key in ("tokens", "tags"):
        if data.get(key) is not None:
            raise UserError(
                f"data.{key}={data[key]} gives words one by one, and encoder=pretrained reads texts, which its own "
                "tokenizer divides; set data.text instead, or take another encoder"
            )
    if tokenizer != model and config.mode == "train":
        raise UserError(
            f"encoder=pretrained reads with its model's own tokenizer, not with data.tokenizer={tokenizer}; "
            "leave data.tokenizer out, and give encoders with that tokenizer a command of their own"
        )
    _check_input(config)


def _check_input(config: Config) -> None:
    """Refuse an input or a position: the model has its own word vectors and positions."""
    given = {
        "input.size": config.input.size, "input.one_hot": config.input.one_hot or None,
        "input.characters": config.input.characters, "input.bigrams": config.input.bigrams,
        "input.vectors": config.input.vectors,
    }  # fmt: skip
    for key, value in given.items():
        if value is not None:
            what = f"{key}={value}" if key in ("input.size", "input.vectors") else f"input={config.choices.input}"
            raise UserError(
                f"encoder=pretrained has its own word vectors, which {what} would replace; leave it out, and give "
                "encoders with that input a command of their own"
            )
    if config.choices.position != "none":
        raise UserError(
            f"encoder=pretrained has its own positions, and position={config.choices.position} would add others; set "
            "position=none, and give encoders with those positions a command of their own"
        )
