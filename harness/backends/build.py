"""Builds the parts of a model from their configs, and checks them; the same in both backends."""

import inspect
import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import numpy as np
from hydra.errors import InstantiationException
from hydra.utils import instantiate

from harness.config.compose import conf_dir
from harness.config.schema import Config
from harness.data import Dataset
from harness.data.characters import Characters
from harness.errors import UserError
from harness.records.settings import parts


def make(part: str, settings: dict[str, Any], in_dim: int, **more: Any) -> Any:
    """One part of the model from its ``_target_`` and arguments; ``part`` is its config group, for messages.

    Raises:
        UserError: the part cannot be built.
    """
    for where, one in parts(settings, part):
        target = _find(part, one["_target_"])
        if inspect.isclass(target) and one["_target_"].startswith("harness."):  # a custom class may take anything
            _check_arguments(where, one, target, set(more))
    try:
        return instantiate({**settings, "_partial_": True, "_convert_": "all"})(in_dim, **more)
    except UserError:
        raise
    except (InstantiationException, TypeError, ValueError) as error:
        cause = " ".join(str(error.__cause__ or error).split())
        is_single = len(_targets(settings)) == 1
        missing = re.match(r"\w+\.__init__\(\) missing .* required .*arguments?: '(\w+)'", cause) if is_single else None
        remedy = f"; give it with +{part}.{missing[1]}=" if missing else ""
        raise UserError(f"{part}: {settings['_target_']} cannot be built: {cause}{remedy}") from error


def _find(part: str, target: str) -> Any:
    """What a target names; None if only Hydra can tell.

    Raises:
        UserError: its module lacks the name; the sentence has the closest one, or all choices that the backend has.
    """
    name, _, last = target.rpartition(".")
    try:
        module = import_module(name)
    except Exception:
        return None  # a nested class, or a module that cannot be imported: Hydra reports why
    if hasattr(module, last):
        return getattr(module, last)
    if backend := re.fullmatch(r"harness\.backends\.(\w+)\.encoders", name):
        available = ", ".join(_shipped_encoders(module.__all__))
        raise UserError(f"{part}: backend={backend[1]} has no {last}; take encoder={available}, or another backend")
    close = get_close_matches(last, vars(module), n=1)
    raise UserError(f"{part}: {name} has no {last}" + (f"; did you mean {name}.{close[0]}?" if close else ""))


def _shipped_encoders(classes: Iterable[str]) -> list[str]:
    """The choices of ``encoder=`` that need no other classes than these."""
    files = sorted((conf_dir() / "encoder").glob("*.yaml"))
    needed = {file.stem: set(re.findall(r"\.encoders\.(\w+)", file.read_text("utf-8"))) for file in files}
    return [choice for choice, names in needed.items() if names and names <= set(classes)]


def _check_arguments(where: str, settings: dict[str, Any], target: type, given: set[str]) -> None:
    """Refuse settings that a class of the harness does not take, and say how to get what they mean.

    ``given`` are the arguments that the harness itself gives, besides the width of the input, which comes first.
    """
    known = [key for key in list(inspect.signature(target).parameters)[1:] if key not in given]
    for key in settings:
        if key in known or key.startswith("_"):
            continue
        takes = f"takes {', '.join(known)}, and no {key}" if known else f"takes no settings, and no {key}"
        raise UserError(f"{where}.{key}: {target.__name__} {takes}; {_instead(where, target.__name__, key, known)}")


def _instead(where: str, name: str, key: str, known: list[str]) -> str:
    """What to do instead of a setting that a class of the harness does not take."""
    choice = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    if key == "bidirectional" and (conf_dir() / "encoder" / f"{choice}.yaml").exists():
        group = "encoder" if where == "encoder" else f"encoder@{where}"
        return f"for both directions take {group}=bidirectional encoder@{where}.inner={choice}"
    if close := get_close_matches(key, known, n=1, cutoff=0.7):  # num_heads is not num_layers
        return f"did you mean {where}.{close[0]}?"
    return "leave it out" + (", or write your own encoder (encoder=custom)" if where.startswith("encoder") else "")


def make_position(config: Config, width: int, data: Dataset) -> Any:
    """The position part, long enough for the data and for the sequence that latency is measured on."""
    measured = None if config.mode == "profile" else config.measure.latency_length
    longest = max(data.max_length, measured or 0)
    return make("position", config.position, width, max_length=longest)


def make_encoder(settings: dict[str, Any], in_dim: int) -> Any:
    """The encoder, which must set ``out_dim``.

    Raises:
        UserError: it cannot be built, or has no ``out_dim``.
    """
    encoder = make("encoder", settings, in_dim)
    if not isinstance(getattr(encoder, "out_dim", None), int):
        raise UserError(f"encoder: {settings['_target_']} must set self.out_dim, the width of its output")
    return encoder


def custom_target(settings: dict[str, Any]) -> str | None:
    """The first class in an encoder's config that does not come with the harness; None if all of them do."""
    return next((target for target in _targets(settings) if not target.startswith("harness.")), None)


Forward = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""An encoder as ``(x_BLD, mask_BL) -> y_BLE`` on arrays."""


def check_custom(name: str, in_dim: int, out_dim: int, longest: int, forward: Forward, training: Forward) -> None:
    """Refuse a custom encoder, ``name``, that would make the comparison unfair.

    ``forward`` is the encoder in evaluation mode, ``training`` in training mode with its dropout switched off where
    that is possible; both get sequences of at most ``longest`` steps. The tests check the same of the encoders that
    come with the harness.

    Raises:
        UserError: the output does not have the shape that ``out_dim`` declares, is not 0 at padded positions, or
            depends on the input at padded positions, or in training on their number.
    """
    length = min(12, longest)
    mask_BL = np.arange(length) < np.array([length, (length + 1) // 2])[:, None]
    x_BLD = np.random.default_rng(0).normal(size=(*mask_BL.shape, in_dim)).astype(np.float32)
    y_BLE = forward(x_BLD, mask_BL)
    if y_BLE.shape != (*mask_BL.shape, out_dim):
        raise UserError(
            f"encoder: {name} declares out_dim={out_dim} and returns {y_BLE.shape} for an input of {x_BLD.shape}; "
            f"expected {(*mask_BL.shape, out_dim)}, a row for every step"
        )
    if y_BLE[~mask_BL].any():
        raise UserError(f"encoder: {name} returns nonzero values at padded positions; multiply its output by mask_BL")
    other_padding_BLD = np.where(mask_BL[:, :, None], x_BLD, x_BLD + 1)
    if not _alike(forward(other_padding_BLD, mask_BL), y_BLE):
        raise UserError(
            f"encoder: the output of {name} depends on its input at padded positions; multiply its input by mask_BL"
        )
    _check_training(name, x_BLD, mask_BL, training)


def _check_training(name: str, x_BLD: np.ndarray, mask_BL: np.ndarray, training: Forward) -> None:
    """Refuse an encoder whose output in training depends on padding, such as one with a plain batch normalisation.

    The same sequences are given with padding and without. An encoder whose output differs from pass to pass, because
    of a dropout that could not be switched off, cannot be checked in this way.
    """
    half = (mask_BL.shape[1] + 1) // 2
    rows = np.arange(half) < np.array([half, (half + 1) // 2])[:, None]
    padded = np.concatenate([rows, np.zeros((len(rows), mask_BL.shape[1] - half), bool)], 1)
    y_BLE = training(x_BLD[:, :half], rows)
    if not _alike(training(x_BLD[:, :half], rows), y_BLE):
        return
    if not _alike(training(x_BLD, padded)[:, :half], y_BLE):
        raise UserError(
            f"encoder: in training, the output of {name} depends on padding, as a plain batch normalisation makes it; "
            "compute statistics over real steps only, as harness.backends.pytorch.layers.BatchNorm does"
        )


def _alike(found: np.ndarray, expected: np.ndarray) -> bool:
    """Equal within what half precision and other kernels may change."""
    return np.allclose(found, expected, rtol=1e-2, atol=1e-2 * np.abs(expected).max())


def _targets(settings: dict[str, Any]) -> list[str]:
    """The targets in an encoder's config: its own and those of the encoders inside it."""
    return [part["_target_"] for _, part in parts(settings, "encoder")]


def check_word_dropout(share: float, data: Dataset) -> None:
    """Refuse word dropout for data without words."""
    if share and not data.tokens:
        raise UserError(
            f"input.word_dropout={share} reads words as [UNK], and this data has feature vectors; leave it at 0, "
            "or set input.dropout"
        )


def check_characters(data: Dataset) -> Characters:
    """The characters of the training split's words.

    Raises:
        UserError: the data has no characters.
    """
    if data.train.characters is None:
        raise UserError(
            "input.characters reads the characters of words, and this data has none; set input=embedding, or take data "
            "of words and their tags, such as ud_ewt"
        )
    return data.train.characters


def check_bigrams(data: Dataset) -> None:
    """Refuse pairs of words for data without words."""
    if not data.tokens:
        raise UserError("input.bigrams reads pairs of words, and this data has feature vectors; set input=embedding")


def check_one_hot(data: Dataset) -> None:
    """Refuse one-hot vectors for data without tokens."""
    if not data.tokens:
        raise UserError(
            "input.one_hot writes token ids as vectors, and this data has feature vectors already; set input=embedding "
            "(with input.size=null they stay as they are)"
        )


def embedding_width(size: int | None, data: Dataset) -> int:
    """The width of the embedding, which is that of word vectors if the data have any; refused if it is null."""
    if data.vectors is not None:
        return data.vectors.width
    if size is None:
        raise UserError("input.size is the width of the embedding of token ids; set it to a number, such as 128")
    return size


def operations(parts: Iterable[Any], length: int) -> int | None:
    """The sum of the ``flops`` of all parts; None if a part does not report its own."""
    counts = [part.flops(length) if hasattr(part, "flops") else None for part in parts]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
