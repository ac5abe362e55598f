"""Inputs other than the embedding: pairs of words, the characters of a word, one-hot vectors.

Dimension letters: B batch, L length, W characters of a word, N = B * L words, D width of a word, C width of a
character, F filters, K characters that a filter spans, V vocabulary.
"""

import numpy as np
from torch import Tensor, arange, cat, nn

from harness.backends import initializers
from harness.backends.build import check_characters
from harness.backends.pytorch.embedding_table import EmbeddingTable
from harness.backends.pytorch.layers import Embedding, WordDropout
from harness.data import Dataset
from harness.data.dataset import SPECIAL


class WordBigram(Embedding):
    """The vector of a word plus the vector of its pair with the word before (Joulin et al. 2017, fastText).

    ``x_BL -> x_BLD``. Pairs have a table of their own with fewer rows than there are pairs; a hash selects the row. The
    vectors of pairs start at 0, so that a row that training never reads adds nothing. A pair with padding or an unknown
    word adds nothing either.

    Args:
        rows: ids of words.
        width: D.
        word_dropout: share of the words that are read as unknown in training, also in their pairs.
        buckets: rows of the table of pairs.
    """

    def __init__(self, rows: int, width: int, word_dropout: float, buckets: int) -> None:
        super().__init__(rows, width, word_dropout)
        self.pairs = EmbeddingTable(1 + buckets, width, padding_idx=0)

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {**super().initial_values(rng), "pairs.weight": np.zeros(self.pairs.weight.shape, np.float32)}

    def forward(self, x_BL: Tensor) -> Tensor:
        x_BL = self.read(x_BL).long()
        return EmbeddingTable.forward(self, x_BL) + self.pairs(self.pair_rows(x_BL))

    def pair_rows(self, x_BL: Tensor) -> Tensor:
        """The row of each word's pair with the word before, from 1; 0 if there is no pair."""
        before_BL = nn.functional.pad(x_BL[:, :-1], (1, 0))
        known_BL = (x_BL >= len(SPECIAL)) & (before_BL >= len(SPECIAL))
        number_BL = before_BL * self.num_embeddings + x_BL
        # Knuth's multiplicative hash: the high bits of the product depend on all bits of the number
        hashed_BL = number_BL * 2654435761 % 2**32
        return (1 + (hashed_BL * (self.pairs.num_embeddings - 1) >> 32)) * known_BL


class WordChar(Embedding):
    """The vector of a word concatenated with features of its characters: ``(x_BL, characters_BLW) -> x_BLD``.

    The output is D + F wide. A convolution runs over the characters of the word, and the maximum of each filter is kept
    (Kim et al. 2016; beside word vectors: Ma & Hovy 2016). A word without characters, such as padding, gets
    zeros. Words have the same initial vectors as without characters, so that both inputs are compared from one start.

    Args:
        data: sets the vocabulary, the alphabet and the longest word.
        width: D, the width of the vector of a word.
        word_dropout: share of the words that are read as unknown in training; their characters stay.
        size, filters, kernel: width C of a character's vector, number F of filters, characters that a filter spans.

    Raises:
        UserError: the data has no characters.
    """

    def __init__(self, data: Dataset, width: int, word_dropout: float, size: int, filters: int, kernel: int) -> None:
        characters = check_characters(data)
        super().__init__(data.width, width, word_dropout)
        self.out_dim, self.longest_word = width + filters, characters.table_SW.shape[1]
        # the name is part of the path that seeds the initial values: another one would change published numbers
        self.letters = Embedding(len(data.alphabet), size)
        self.filters = nn.Conv1d(size, filters, kernel)

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        words = super().initial_values(rng)
        filters, size, kernel = self.filters.weight.shape
        flat = initializers.glorot(rng, kernel * size, filters)
        weight_FCK = flat.T.reshape(filters, kernel, size).transpose(0, 2, 1)
        return {**words, "filters.weight": weight_FCK, "filters.bias": np.zeros(filters, np.float32)}

    def forward(self, x: tuple[Tensor, Tensor]) -> Tensor:
        x_BL, characters_BLW = x
        words_BLD = super().forward(x_BL)
        characters_NW = characters_BLW.flatten(0, 1)
        real_N1W = (characters_NW != 0)[:, None]
        characters_NCW = self.letters(characters_NW).transpose(1, 2) * real_N1W  # padding counts as 0
        (kernel,) = self.filters.kernel_size
        around_NCW = nn.functional.pad(characters_NCW, ((kernel - 1) // 2, kernel // 2))
        features_NFW = self.filters(around_NCW).relu() * real_N1W
        return cat([words_BLD, features_NFW.amax(2).view(*x_BL.shape, -1)], 2)

    def flops(self, length: int) -> int:
        """Operations for words as long as the longest of the data."""
        filters, size, kernel = self.filters.weight.shape
        return 2 * length * self.longest_word * kernel * size * filters


class OneHot(nn.Module):
    """Token ids ``x_BL -> x_BLV``: a 1 at the place of the id, and zeros for padding. Nothing is learned.

    Args:
        rows: V, the number of ids.
        word_dropout: share of the tokens that are read as unknown in training.
    """

    def __init__(self, rows: int, word_dropout: float) -> None:
        super().__init__()
        self.out_dim, self.read = rows, WordDropout(word_dropout)
        ids_V = arange(rows)
        ids_V[0] = -1  # no token has it, so that padding equals none
        self.register_buffer("ids_V", ids_V, persistent=False)

    def forward(self, x_BL: Tensor) -> Tensor:
        return (self.read(x_BL)[:, :, None] == self.ids_V).float()

    def flops(self, length: int) -> int:
        return 0
