"""A pretrained transformer as an encoder, below the pooling and the head that all encoders have.

Its own word vectors are the model's input (``PretrainedWords``), so that the encoder keeps the contract of all others.

Dimension letters: B batch, L length, D input width, E encoder width, V vocabulary, S tokens before or after a text.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from harness.backends.pytorch.embedding_table import EmbeddingTable
from harness.backends.pytorch.layers import WordDropout, clear_padding
from harness.backends.pytorch.pretrained_model import load, longest
from harness.data.model_files import content_of, model_folder, tokenizer_of
from harness.data.tokenizer_file import FileTokenizer
from harness.data.tokenizers import special_tokens
from harness.errors import UserError

ATTENTION = ("sdpa", "eager")
SEPARATORS = (0, 1)
"""A vocabulary has a separator of columns or none."""


class PretrainedWords(EmbeddingTable):
    """Token ids ``x_BL -> x_BLD``: the model's own word vectors, in the order of the data's vocabulary.

    Args:
        table_VD: the vectors.
        word_dropout: share of the tokens that are read as unknown in training.
        frozen: whether training leaves the vectors as they are.
    """

    def __init__(self, table_VD: Tensor, word_dropout: float, frozen: bool) -> None:
        super().__init__(*table_VD.shape)
        self.out_dim, self.read = table_VD.shape[1], WordDropout(word_dropout)
        self.weight = nn.Parameter(table_VD, requires_grad=not frozen)
        if frozen:
            _keep_out_of_checkpoints(self)

    def forward(self, x_BL: Tensor) -> Tensor:
        return super().forward(self.read(x_BL))

    def flops(self, length: int) -> int:
        return 0


class Pretrained(nn.Module):
    """A transformer of the transformers library with the weights of a folder: ``(x_BLD, mask_BL) -> y_BLE``.

    A text is read as the model's tokenizer would give it, with the tokens that it puts before and after, such as
    ``[CLS]`` and ``[SEP]``; the output is at the steps of the text alone. Columns of texts have the model's separator
    between them, and no types of segments. Weights are float32, of ``.safetensors``, and no code of a model is run.
    With ``frozen``, the model computes without gradients and without its dropout, and checkpoints leave its weights
    out: restoring reads them again from ``model``, whose content must be the same.

    Args:
        in_dim: width D of the model's word vectors.
        model: a folder, or an id on the hub.
        frozen: whether training leaves the weights as they are.
        attention: the implementation of attention, ``sdpa`` or ``eager``.

    Raises:
        UserError: there is no such model, or it is none that reads texts into vectors.
    """

    def __init__(self, in_dim: int, model: str, frozen: bool = True, attention: str = "sdpa") -> None:
        super().__init__()
        if not isinstance(frozen, bool):
            raise UserError(f"encoder.frozen must be true or false, and is {frozen!r}")
        if attention not in ATTENTION:
            raise UserError(f"encoder.attention is one of {', '.join(ATTENTION)}, and not {attention!r}")
        self.name, self.frozen, folder = model, frozen, model_folder(model)
        self.content = content_of(folder)
        self.body, table_VD = load(folder, model, attention)
        if table_VD.shape[1] != in_dim:
            width = table_VD.shape[1]
            raise UserError(f"encoder.model={model} has word vectors of width {width}, and its config says {in_dim}")
        self.description = tokenizer_of(model).read_text(encoding="utf8")
        before, after = FileTokenizer(self.description, special_tokens(0), model).around()
        self.before_SD = nn.Parameter(table_VD[before].clone())
        self.after_SD = nn.Parameter(table_VD[after].clone())
        self.table_VD: Tensor | None = table_VD  # until the input takes it
        self.out_dim = int(self.body.config.hidden_size)
        self.longest = longest(self.body, len(before) + len(after))
        if frozen:
            self.requires_grad_(False)
            _keep_out_of_checkpoints(self)

    def words(self, vocabulary: list[str], word_dropout: float, by_id: bool = False) -> PretrainedWords:
        """The input of the model: its word vectors by the data's ids; they are given away, and only once.

        ``by_id``: the tokens are random ones without a meaning, so that any vectors stand for them.

        Raises:
            UserError: the vocabulary is not that of the model's tokenizer.
        """
        table_VD, self.table_VD = self.table_VD, None
        assert table_VD is not None
        rows: list[int | None] = [token % len(table_VD) for token in range(len(vocabulary))]
        if not by_id:
            tokenizers = (FileTokenizer(self.description, special_tokens(some), self.name) for some in SEPARATORS)
            tokenizer = next((one for one in tokenizers if one.vocabulary == vocabulary), None)
            if tokenizer is None:
                raise UserError(
                    f"encoder.model={self.name}: the data's tokens are not those of its {tokenizer_of(self.name)}; "
                    "leave data.tokenizer out"
                )
            rows = tokenizer.file_ids()
        own = torch.zeros(len(rows), table_VD.shape[1])  # what the model has no vector for is zeros
        known = [(place, row) for place, row in enumerate(rows) if row is not None and row < len(table_VD)]
        places, found = zip(*known, strict=True)
        own[list(places)] = table_VD[list(found)]
        return PretrainedWords(own, word_dropout, self.frozen)

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            around_BLD, read_BL = self.surrounded(x_BLD, mask_BL)
            y_BLE = self.body(inputs_embeds=around_BLD, attention_mask=read_BL.long()).last_hidden_state
            first = len(self.before_SD)
            return clear_padding(y_BLE[:, first : first + x_BLD.shape[1]], mask_BL)

    def surrounded(self, x_BLD: Tensor, mask_BL: Tensor) -> tuple[Tensor, Tensor]:
        """The word vectors of texts with those before and after each of them, and the mask of these steps."""
        first, last = len(self.before_SD), len(self.after_SD)
        batch, length, width = x_BLD.shape
        before_BSD = self.before_SD.expand(batch, first, width)
        around_BLD = torch.cat([before_BSD, x_BLD, x_BLD.new_zeros(batch, last, width)], 1)
        step_L = torch.arange(first + length + last, device=x_BLD.device)
        end_B1 = first + mask_BL.sum(1, keepdim=True)
        for place in range(last):
            here_BL1 = (step_L == end_B1 + place)[:, :, None]
            around_BLD = torch.where(here_BL1, self.after_SD[place], around_BLD)
        # a model without such tokens reads a step also where a text is empty: attention to nothing is not a number
        return around_BLD, (step_L < end_B1 + last) | (step_L == 0)

    def train(self, mode: bool = True) -> "Pretrained":
        return super().train(mode and not self.frozen)

    def flops(self, length: int) -> int:
        """Operations as torch counts them in a pass; of torch's attention kernels it knows some only."""
        attention = self.body.config._attn_implementation
        x_BLD = self.before_SD.new_zeros(1, length, self.before_SD.shape[1])
        self.body.set_attn_implementation("eager")
        try:
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                self(x_BLD, torch.ones(1, length, dtype=torch.bool, device=x_BLD.device))
        finally:
            self.body.set_attn_implementation(attention)
        return int(counter.get_total_flops())

    def get_extra_state(self) -> str:
        """What checkpoints keep to know the model again."""
        return self.content

    def set_extra_state(self, state: str) -> None:
        if state != self.content:
            raise UserError(
                f"encoder.model={self.name} holds another model than in this run's training; give back its files, or "
                "run its command again with rerun=true"
            )


def _keep_out_of_checkpoints(module: nn.Module) -> None:
    """Leave the frozen weights of a module out of its state, and load a state without them."""
    names = [name for name, value in module.state_dict().items() if isinstance(value, Tensor)]

    def leave_out(_module: nn.Module, state: dict[str, Any], prefix: str, _metadata: Any) -> None:
        for name in names:
            del state[f"{prefix}{name}"]

    def fill_in(module: nn.Module, state: dict[str, Any], prefix: str, *_more: Any) -> None:
        own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        for name in names:
            state.setdefault(f"{prefix}{name}", own[name])

    module.register_state_dict_post_hook(leave_out)
    module.register_load_state_dict_pre_hook(fill_in)
