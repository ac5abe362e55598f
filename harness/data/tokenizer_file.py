"""A tokenizer of the user's own, a ``tokenizer.json`` of the ``tokenizers`` library, with its ids as they are here."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.data.dataset import SPECIAL, UNKNOWN
from harness.errors import UserError

PADDING = ("[PAD]", "<pad>")
"""The usual names of a padding token; a file can name another one."""


class FileTokenizer:
    """The tokenizer that a file describes. It gets the text as it is: lower case and the like are the file's.

    Padding and unknown have ids 0 and 1 here, and ``special`` names further tokens before the file's own; those follow
    in the file's order. A file without an unknown token gets one. A text that spells a special token, such as
    ``[PAD]``, is an ordinary text. Truncation, padding, dropout and tokens around a sequence (``[CLS]``) are left out.

    Raises:
        UserError: ``where``, the file, is no description of a tokenizer.
    """

    def __init__(self, description: str, special: Sequence[str], where: str) -> None:
        from tokenizers import Tokenizer

        self.description: str | None = description
        try:
            content = json.loads(description)
            if "model" not in content:
                raise ValueError("it has no model; a vocab.json or tokenizer_config.json is another file")
            unknown, padding = _add_unknown(content), _padding(content)
            if "dropout" in content["model"]:
                content["model"]["dropout"] = None  # it would encode a text differently each time
            self.library = Tokenizer.from_str(json.dumps(content))
        except Exception as error:  # the library raises nothing more special
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise UserError(
                f"data.tokenizer: {where} cannot be read as a tokenizer.json of the tokenizers library ({reason})"
            ) from None
        self.library.no_padding()
        self.library.no_truncation()
        self.library.encode_special_tokens = True
        self.unknown, self.padding = unknown, padding
        ids = self.library.get_vocab(with_added_tokens=True)
        own = sorted((token for token in ids if token not in {*special, unknown, padding}), key=lambda one: ids[one])
        self.vocabulary = [*special, *own]
        self.id_of = np.full(max(ids.values()) + 1, UNKNOWN, np.int32)  # a padding token in a text is no padding
        self.id_of[[ids[token] for token in own]] = np.arange(len(special), len(self.vocabulary))

    def encode(self, texts: Sequence[str]) -> list[Sequence[int]]:
        encodings = self.library.encode_batch_fast(list(texts), add_special_tokens=False)
        return [self.id_of[encoding.ids].tolist() for encoding in encodings]

    def file_ids(self) -> list[int | None]:
        """The id that the file has for each token of ``vocabulary``; None where it has none."""
        ids = self.library.get_vocab(with_added_tokens=True)
        names = {**dict(enumerate(self.vocabulary)), 0: self.padding, UNKNOWN: self.unknown}
        return [None if name is None else ids.get(name) for name in names.values()]

    def around(self) -> tuple[list[int], list[int]]:
        """The file's ids of what it puts before a text and after it, such as ``[CLS]`` and ``[SEP]``."""
        encoding = self.library.encode("a", add_special_tokens=True)
        of_text = [place for place, added in enumerate(encoding.special_tokens_mask) if not added]
        return encoding.ids[: of_text[0]], encoding.ids[of_text[-1] + 1 :]


def _add_unknown(content: dict[str, Any]) -> str:
    """The name of the unknown token; a model that has none gets it, so that no text is dropped in silence."""
    model, added = content["model"], {one["content"]: one["id"] for one in content.get("added_tokens") or []}
    vocabulary = model["vocab"]
    if isinstance(vocabulary, list):  # Unigram: pairs of token and score
        if model.get("unk_id") is None:
            vocabulary.append([SPECIAL[UNKNOWN], min(score for _, score in vocabulary)])
            model["unk_id"] = len(vocabulary) - 1
        return str(vocabulary[model["unk_id"]][0])
    name = str(model.get("unk_token") or SPECIAL[UNKNOWN])
    vocabulary.setdefault(name, added.get(name, max([*vocabulary.values(), *added.values()]) + 1))
    model["unk_token"] = name
    return name


def _padding(content: dict[str, Any]) -> str | None:
    """The name of the file's padding token; None where it has none."""
    if content.get("padding"):
        return str(content["padding"]["pad_token"])
    added = {one["content"] for one in content.get("added_tokens") or []}
    return next((name for name in PADDING if name in added), None)
