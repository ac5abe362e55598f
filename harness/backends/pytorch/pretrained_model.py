"""A pretrained transformer, read from its files: what it is, its weights, how long a text it reads.

Dimension letters: D width of a word vector, V vocabulary.
"""

import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.config.schema import Config
from harness.data import Dataset
from harness.data.model_files import model_folder
from harness.errors import UserError


def load_library(model: str) -> None:
    """Import what a model needs, so that memory before the model is built has it already, as torch itself.

    Raises:
        UserError: there is no such model.
    """
    from transformers import AutoModel

    config = _config(model_folder(model), model)
    try:
        with torch.device("meta"):
            AutoModel.from_config(config, trust_remote_code=False)
    except Exception as error:
        raise UserError(_unreadable(model, error, "")) from None


def input_width(model: str) -> int:
    """The width of a model's word vectors.

    Raises:
        UserError: there is no such model.
    """
    config = _config(model_folder(model), model)
    return int(getattr(config, "embedding_size", None) or config.hidden_size)


def load(folder: Path, name: str, attention: str) -> tuple[Any, Tensor]:
    """The model in a folder, without its word vectors, and these vectors ``VD``.

    Raises:
        UserError: it cannot be read, lacks weights, or is not of the kind that reads a text into vectors.
    """
    from transformers import AutoModel

    config = _config(folder, name)
    try:
        body, report = AutoModel.from_pretrained(
            folder, config=config, dtype=torch.float32, attn_implementation=attention, output_loading_info=True,
            use_safetensors=True, local_files_only=True, trust_remote_code=False,
        )  # fmt: skip
    except Exception as error:  # the library raises many types
        raise UserError(_unreadable(name, error, f"; is encoder.attention={attention} for this model?")) from None
    if missing := sorted(key for key in report["missing_keys"] if not key.startswith("pooler.")):
        raise UserError(f"encoder.model={name} lacks weights, such as {missing[0]}: it holds no whole model")
    if getattr(body, "pooler", None) is not None:
        body.pooler = None  # the harness has poolings of its own
    table_VD = body.get_input_embeddings().weight.detach()
    body.set_input_embeddings(nn.Identity())
    return body, table_VD


def _config(folder: Path, name: str) -> Any:
    """The config of a model that an encoder can be.

    Raises:
        UserError: there is none, or it is that of an encoder and decoder, or of a model of another kind.
    """
    from transformers import AutoConfig
    from transformers.utils import logging as own_logging

    own_logging.disable_progress_bar()
    logging.getLogger("transformers").setLevel(logging.ERROR)  # its advice is for authors of models
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise UserError(_unreadable(name, error, "")) from None
    if getattr(config, "is_encoder_decoder", False):
        raise UserError(
            f"encoder.model={name} is a {config.model_type}, an encoder with a decoder; take a model that is an "
            "encoder alone, such as a BERT"
        )
    if getattr(config, "hidden_size", None) is None:
        raise UserError(f"encoder.model={name} is a {config.model_type}, which has no vectors of words; take a BERT")
    return config


def _unreadable(name: str, error: Exception, hint: str) -> str:
    why = f"{type(error).__name__}: {error}".splitlines()[0]
    return f"encoder.model={name} cannot be read by transformers ({why}){hint}"


def longest(body: Any, around: int) -> int | None:
    """The longest text that a model has positions for, beside the tokens around it; None where there is no limit."""
    limit = getattr(body.config, "max_position_embeddings", None)
    tables = [
        table for path, table in body.named_modules()
        if path.endswith("position_embeddings") and isinstance(table, nn.Embedding)
    ]  # fmt: skip
    # where padding has a position, as in RoBERTa, those of the text begin after it
    limits = [table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1) for table in tables]
    limits += [limit] if isinstance(limit, int) else []
    return min(limits) - around if limits else None


def check_lengths(config: Config, data: Dataset, longest: int | None) -> None:
    """Refuse texts, and a sequence for latency, that are longer than the ``longest`` that an encoder can read.

    New texts are cut at ``data.max_length``: so it counts also where no text of the data is as long.
    """
    lengths = {"profile.lengths": data.max_length}
    if config.mode == "train":
        lengths = {
            "data.max_length": config.data.get("max_length") or data.max_length,
            "measure.latency_length": config.measure.latency_length or 0,
        }
    for key, length in lengths.items():
        if longest is not None and length > longest:
            raise UserError(
                f"{key}={length} is more than the {longest} tokens that encoder.model={config.encoder['model']} has "
                f"positions for, besides those that it puts around a text; set {key}={longest} or less"
            )
