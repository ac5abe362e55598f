"""The parts of a model from their configs, in both backends the same."""

import re
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import numpy as np
from hydra.errors import InstantiationException
from hydra.utils import instantiate

from harness.config.schema import Config
from harness.data import Dataset
from harness.data.characters import Characters
from harness.errors import UserError


def make(part: str, settings: dict[str, Any], in_dim: int, **more: Any) -> Any:
    """One part of the model from its ``_target_`` and arguments; what it refuses is the user's to mend.

    Raises:
        UserError: the part cannot be made.
    """
    for target in _targets(settings):
        _check_there(part, target)
    try:
        return instantiate({**settings, "_partial_": True, "_convert_": "all"})(in_dim, **more)
    except UserError:
        raise
    except (InstantiationException, TypeError, ValueError) as error:
        cause = " ".join(str(error.__cause__ or error).split())
        alone = len(list(_targets(settings))) == 1
        lacking = re.match(r"\w+\.__init__\(\) missing .* required .*arguments?: '(\w+)'", cause) if alone else None
        how = f"; give it with +{part}.{lacking[1]}=" if lacking else ""
        raise UserError(f"{part}: {settings['_target_']} cannot be made: {cause}{how}") from error


def _check_there(part: str, target: str) -> None:
    """Refuse a name that a module does not have, with the nearest that it has; of a backend's encoders, with all."""
    name, _, last = target.rpartition(".")
    try:
        module = import_module(name)
    except Exception:
        return  # a class within a class, or what cannot be imported: Hydra says why
    if hasattr(module, last):
        return
    if backend := re.fullmatch(r"harness\.backends\.(\w+)\.encoders", name):
        there = ", ".join(sorted(module.__all__))
        raise UserError(
            f"{part}: backend={backend[1]} has no {last}; it has {there}: take one of these, or another backend"
        )
    near = get_close_matches(last, vars(module), n=1)
    raise UserError(f"{part}: {name} has no {last}" + (f"; did you mean {name}.{near[0]}?" if near else ""))


def make_position(config: Config, width: int, data: Dataset) -> Any:
    """The position, for sequences as long as the data has or, after a training, latency is measured on."""
    measured = None if config.mode == "profile" else config.measure.latency_length
    longest = max(data.max_length, measured or 0)
    return make("position", config.position, width, max_length=longest)


def make_encoder(settings: dict[str, Any], in_dim: int) -> Any:
    """The encoder, which must say how wide its output is.

    Raises:
        UserError: it cannot be made.
    """
    encoder = make("encoder", settings, in_dim)
    if not isinstance(getattr(encoder, "out_dim", None), int):
        raise UserError(f"encoder: {settings['_target_']} must set self.out_dim, the width of what it gives")
    return encoder


def own_target(settings: dict[str, Any]) -> str | None:
    """What of an encoder is somebody's own, None where all of it comes with the harness."""
    return next((target for target in _targets(settings) if not target.startswith("harness.")), None)


def check_own(
    name: str,
    in_dim: int,
    out_dim: int,
    longest: int,
    forward: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> None:
    """Refuse an encoder of somebody's own, ``name``, that breaks what a fair comparison rests on.

    ``forward`` is the encoder as ``(x_BLD, mask_BL) -> y_BLE``, as in an evaluation; it is given sequences no longer
    than ``longest``. Those that come with the harness are held to the same by its tests.

    Raises:
        UserError: the output has another shape than the encoder says, is not 0 behind a sequence's end, or depends on
            what stands there.
    """
    length = min(12, longest)
    mask_BL = np.arange(length) < np.array([length, (length + 1) // 2])[:, None]
    x_BLD = np.random.default_rng(0).normal(size=(*mask_BL.shape, in_dim)).astype(np.float32)
    y_BLE = forward(x_BLD, mask_BL)
    if y_BLE.shape != (*mask_BL.shape, out_dim):
        raise UserError(
            f"encoder: {name} says out_dim={out_dim} and gives {y_BLE.shape} for an input of {x_BLD.shape}; expected "
            f"{(*mask_BL.shape, out_dim)}, a row for every step"
        )
    if y_BLE[~mask_BL].any():
        raise UserError(f"encoder: {name} leaves numbers behind a sequence's end; multiply what it gives by mask_BL")
    others_BLD = np.where(mask_BL[:, :, None], x_BLD, x_BLD + 1)
    if not np.allclose(forward(others_BLD, mask_BL), y_BLE, rtol=1e-2, atol=1e-2 * np.abs(y_BLE).max()):
        raise UserError(
            f"encoder: what {name} gives depends on what stands behind a sequence's end; multiply its input by mask_BL"
        )


def _targets(settings: dict[str, Any]) -> Iterator[str]:
    """What an encoder is made of: its own target and those within it."""
    yield from (value for key, value in settings.items() if key == "_target_")
    for value in settings.values():
        if isinstance(value, dict):
            yield from _targets(value)


def check_word_dropout(share: float, data: Dataset) -> None:
    """Refuse to drop words where there are none."""
    if share and not data.tokens:
        raise UserError(
            f"input.word_dropout={share} reads words as [UNK], and this data has feature vectors; leave it 0, "
            "or set input.dropout"
        )


def check_characters(data: Dataset) -> Characters:
    """The characters of the training split's words; refused where the data has none."""
    if data.train.characters is None:
        raise UserError(
            "input.characters reads the characters of words, and this data has none; set input=embedding, or take data of "
            "words and their tags, such as ud_ewt"
        )
    return data.train.characters


def check_bigrams(data: Dataset) -> None:
    """Refuse to read pairs of words where there are no words."""
    if not data.tokens:
        raise UserError("input.bigrams reads pairs of words, and this data has feature vectors; set input=embedding")


def embedding_width(size: int | None) -> int:
    """The width of the embedding, which cannot be left out."""
    if size is None:
        raise UserError("input.size is the width of the embedding of token ids; set it to a number, such as 128")
    return size


def operations(parts: Iterable[Any], length: int) -> int | None:
    """The ``flops`` of all parts together; None where one does not say its own."""
    found = [part.flops(length) if hasattr(part, "flops") else None for part in parts]
    known = [one for one in found if one is not None]
    return sum(known) if len(known) == len(found) else None
