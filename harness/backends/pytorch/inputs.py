"""What reads a step of the data beside its id.

Dimension letters: B batch, L length, W characters of a word, N = B * L words, D width of a word, C width of a character,
F filters.
"""

import numpy as np
from torch import Tensor, cat, nn

from harness.backends import initializers
from harness.backends.build import check_characters
from harness.backends.pytorch.embedding_gradient import Table
from harness.backends.pytorch.layers import Embedding
from harness.data import Dataset
from harness.data.dataset import SPECIAL


class WordBigram(Embedding):
    """A word's vector plus that of its pair with the word before: ``x_BL -> x_BLD`` (Joulin et al. 2017, fastText).

    Pairs have rows of a table of their own, of which there are fewer than pairs: a hash says which one. The vectors of
    pairs begin at 0, so that a row that training never met says nothing. Nor does a pair with padding or with an
    unknown word in it.

    Args:
        rows: ids of words.
        width: D.
        word_dropout: share of the words read as unknown in training, in their pairs too.
        buckets: rows of the table of pairs.
    """

    def __init__(self, rows: int, width: int, word_dropout: float, buckets: int) -> None:
        super().__init__(rows, width, word_dropout)
        self.out_dim = width
        self.pairs = Table(1 + buckets, width, padding_idx=0)

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {**super().initial_values(rng), "pairs.weight": np.zeros(self.pairs.weight.shape, np.float32)}

    def forward(self, x_BL: Tensor) -> Tensor:
        x_BL = self.read(x_BL).long()
        return Table.forward(self, x_BL) + self.pairs(self.pair_rows(x_BL))

    def pair_rows(self, x_BL: Tensor) -> Tensor:
        """Which row each word's pair with the one before has, from 1; 0 where there is no pair."""
        before_BL = nn.functional.pad(x_BL[:, :-1], (1, 0))
        known_BL = (x_BL >= len(SPECIAL)) & (before_BL >= len(SPECIAL))
        number_BL = before_BL * self.num_embeddings + x_BL
        # Knuth's multiplicative hash: the high bits of the product are what depends on all of the number
        hashed_BL = number_BL * 2654435761 % 2**32
        return (1 + (hashed_BL * (self.pairs.num_embeddings - 1) >> 32)) * known_BL


class WordChar(Embedding):
    """A word's vector beside what filters find in its characters: ``(x_BL, characters_BLW) -> x_BLD``, of width D + F.

    A convolution runs over the word's characters, and of each filter the strongest answer is kept (Kim et al. 2016; beside
    a word's vector, for tagging: Ma & Hovy 2016). A word without characters, as padding is, gets zeros. Words are
    initialised as without characters, so that the two inputs are compared from the same vectors.

    Args:
        data: gives the vocabulary, the alphabet and the longest word.
        width: D, the width of a word's vector.
        word_dropout: share of the words read as unknown in training; their characters stay.
        size, filters, kernel: width C of a character, filters F, characters that a filter spans.

    Raises:
        UserError: the data has no characters.
    """

    def __init__(self, data: Dataset, width: int, word_dropout: float, size: int, filters: int, kernel: int) -> None:
        characters = check_characters(data)
        super().__init__(data.width, width, word_dropout)
        self.out_dim, self.longest_word = width + filters, characters.table_SW.shape[1]
        # the name is part of the path that initial values are drawn by: another one would change published numbers
        self.letters = Embedding(len(data.alphabet), size)
        self.filters = nn.Conv1d(size, filters, kernel)

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        words = super().initial_values(rng)
        filters, size, kernel = self.filters.weight.shape
        drawn = initializers.glorot(rng, kernel * size, filters).T.reshape(filters, kernel, size).transpose(0, 2, 1)
        return {**words, "filters.weight": drawn, "filters.bias": np.zeros(filters, np.float32)}

    def forward(self, x: tuple[Tensor, Tensor]) -> Tensor:
        x_BL, characters_BLW = x
        words_BLD = super().forward(x_BL)
        characters_NW = characters_BLW.flatten(0, 1)
        real_N1W = (characters_NW != 0)[:, None]
        characters_NCW = self.letters(characters_NW).transpose(1, 2) * real_N1W  # beyond a word's last letter is nothing
        (kernel,) = self.filters.kernel_size
        around_NCW = nn.functional.pad(characters_NCW, ((kernel - 1) // 2, kernel // 2))
        found_NFW = self.filters(around_NCW).relu() * real_N1W
        return cat([words_BLD, found_NFW.amax(2).view(*x_BL.shape, -1)], 2)

    def flops(self, length: int) -> int:
        """Of words as long as the data's longest."""
        filters, size, kernel = self.filters.weight.shape
        return 2 * length * self.longest_word * kernel * size * filters
