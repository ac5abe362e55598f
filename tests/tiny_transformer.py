"""A small random transformer with a tokenizer of its own, saved as a folder of the transformers library."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

PIECES = ["[PAD]", "[unused]", "film", "##s", "bad", "good", "[CLS]", "[SEP]", "[UNK]", "!", "the", "a", "was"]
"""The special tokens are not where the harness has them: padding 0, unknown 1."""
WIDTH, LAYERS, HEADS, FEED_FORWARD, POSITIONS = 16, 2, 2, 37, 23


def save_tokenizer(folder: Path) -> None:
    library = Tokenizer(models.WordPiece({piece: index for index, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    library.normalizer = normalizers.BertNormalizer(lowercase=True)
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    library.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 6), ("[SEP]", 7)]
    )
    library.add_special_tokens(["[PAD]", "[CLS]", "[SEP]", "[UNK]"])
    library.save(str(folder / "tokenizer.json"))
    special = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer", **special}))


def save_bert(folder: Path, seed: int = 0) -> Path:
    """A BERT of two layers whose weights are random; its folder."""
    transformers = pytest.importorskip("transformers", reason="needs transformers: pip install '.[pretrained]'")
    import torch

    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=len(PIECES), hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        intermediate_size=FEED_FORWARD, max_position_embeddings=POSITIONS, initializer_range=0.3,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    transformers.BertModel(config).save_pretrained(folder)
    save_tokenizer(folder)
    return folder
