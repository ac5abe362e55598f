"""The convolution over the characters of words, for all words of a batch without making one list of them.

A list of words and a batch of sequences have the same number of rows if all sequences have one step, and torch.export
would refuse these.

Dimension letters: B batch, L length, W characters of a word, D width of a word, C width of a character, F filters, K
characters that a filter spans.
"""

from torch import Tensor, cat, nn

from harness.backends.pytorch.inputs import WordChar
from harness.backends.pytorch.layers import Embedding


class Spelled(nn.Module):
    """``inputs.WordChar``: ``(x_BL, characters_BLW) -> x_BLD``."""

    def __init__(self, source: WordChar) -> None:
        super().__init__()
        self.source = source

    def forward(self, x: tuple[Tensor, Tensor]) -> Tensor:
        x_BL, characters_BLW = x
        filters = self.source.filters
        words_BLD = Embedding.forward(self.source, x_BL)
        real_B1LW = (characters_BLW != 0)[:, None]
        characters_BCLW = self.source.letters(characters_BLW).permute(0, 3, 1, 2) * real_B1LW
        (kernel,) = filters.kernel_size
        around_BCLW = nn.functional.pad(characters_BCLW, ((kernel - 1) // 2, kernel // 2))
        features_BFLW = nn.functional.conv2d(around_BCLW, filters.weight[:, :, None], filters.bias).relu() * real_B1LW
        return cat([words_BLD, features_BFLW.amax(3).transpose(1, 2)], 2)
