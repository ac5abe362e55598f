"""The parts of a model from their configs, in both backends the same."""

import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from harness.data import Dataset
from harness.data.letters import Letters
from harness.records import Mistake


def make(part: str, settings: dict[str, Any], in_dim: int, **more: Any) -> Any:
    """One part of the model from its ``_target_`` and arguments; what it refuses is the user's to mend.

    Raises:
        Mistake: the part cannot be made.
    """
    try:
        return instantiate({**settings, "_partial_": True, "_convert_": "all"})(in_dim, **more)
    except Mistake:
        raise
    except (InstantiationException, TypeError, ValueError) as error:
        cause = " ".join(str(error.__cause__ or error).split())
        raise Mistake(f"{part}: {settings['_target_']} cannot be made: {cause}") from error


def make_position(config: dict[str, Any], width: int, data: Dataset) -> Any:
    """The position, for sequences as long as the data has or latency is measured on."""
    longest = max(data.max_length, config["measure"]["latency_length"] or 0)
    return make("position", config["position"], width, max_length=longest)


def make_encoder(settings: dict[str, Any], in_dim: int) -> Any:
    """The encoder, which must say how wide its output is.

    Raises:
        Mistake: it cannot be made, or the backend does not have it.
    """
    for target in _targets(settings):
        _check_backend_has(target)
    encoder = make("encoder", settings, in_dim)
    if not isinstance(getattr(encoder, "out_dim", None), int):
        raise Mistake(f"encoder: {settings['_target_']} must set self.out_dim, the width of what it gives")
    return encoder


def _targets(settings: dict[str, Any]) -> Iterator[str]:
    """What an encoder is made of: its own target and those within it."""
    yield from (value for key, value in settings.items() if key == "_target_")
    for value in settings.values():
        if isinstance(value, dict):
            yield from _targets(value)


def _check_backend_has(target: str) -> None:
    module, _, name = target.rpartition(".")
    found = re.fullmatch(r"harness\.backends\.(\w+)\.encoders", module)
    if found and name not in (there := import_module(module).__all__):
        raise Mistake(
            f"encoder: backend={found[1]} has no {name}; it has {', '.join(sorted(there))}: take one of these, or "
            "another backend"
        )


def check_word_dropout(share: float, data: Dataset) -> None:
    """Refuse to drop words where there are none."""
    if share and not data.tokens:
        raise Mistake(
            f"input.word_dropout={share} reads words as [UNK], and this data has feature vectors; leave it 0, "
            "or set input.dropout"
        )


def check_letters(data: Dataset) -> Letters:
    """The letters of the training split's words; refused where the data has none."""
    if data.train.letters is None:
        raise Mistake(
            "input.letters reads the letters of words, and this data has none; set input=embedding, or take data of "
            "words and their tags, such as ud_ewt"
        )
    return data.train.letters


def check_bigrams(data: Dataset) -> None:
    """Refuse to read pairs of words where there are no words."""
    if not data.tokens:
        raise Mistake("input.bigrams reads pairs of words, and this data has feature vectors; set input=embedding")


def embedding_width(size: int | None) -> int:
    """The width of the embedding, which cannot be left out."""
    if size is None:
        raise Mistake("input.size is the width of the embedding of token ids; set it to a number, such as 128")
    return size


def operations(parts: Iterable[Any], length: int) -> int | None:
    """The ``flops`` of all parts together; None where one does not say its own."""
    found = [part.flops(length) if hasattr(part, "flops") else None for part in parts]
    known = [one for one in found if one is not None]
    return sum(known) if len(known) == len(found) else None
