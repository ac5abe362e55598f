"""Initial values from NumPy, so that one seed gives the same initial weights in both backends.

Every layer has its own random generator, seeded by the seed and the path of the layer in the model. The values of a
layer therefore do not depend on the other layers, and two encoders are compared from the same embedding.

Dimension letters: D input width, E output width, G gates times hidden width, H hidden width, L length, V vocabulary.
"""

import zlib

import numpy as np

from harness.data.vectors.kept import WordVectors


def generator(seed: int, path: str) -> np.random.Generator:
    """The random generator of the layer at a path, such as ``encoder.layers.first``."""
    return np.random.default_rng([seed, zlib.crc32(path.encode())])


def embedding(
    rng: np.random.Generator, rows: int, width: int, vectors: WordVectors | None = None
) -> np.ndarray:  # fmt: skip
    """``VD``, uniform in +-0.05. With ``vectors``, the rows that they have are theirs, and that of padding is 0.

    The other rows are then uniform with the standard deviation of the vectors, as in Kim 2014.
    """
    table_VD = rng.uniform(-0.05, 0.05, (rows, width))
    if vectors is not None:
        ids_K, vectors_KD = vectors.read()
        if len(ids_K):
            table_VD *= vectors_KD.std(dtype=np.float64) * 3**0.5 / 0.05
        table_VD[0], table_VD[ids_K] = 0, vectors_KD
    return table_VD.astype(np.float32)


def sinusoids(length: int, width: int) -> np.ndarray:
    """``table_LD``: sin(p / 10000^(2i/D)) in even columns, its cosine in odd ones (Vaswani et al. 2017)."""
    angle = np.arange(length)[:, None] / 10_000 ** (2 * (np.arange(width) // 2) / width)
    return np.where(np.arange(width) % 2 == 0, np.sin(angle), np.cos(angle)).astype(np.float32)


def glorot(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """``DE``, uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010)."""
    limit = np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-limit, limit, (fan_in, fan_out)).astype(np.float32)


def orthogonal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """A matrix with orthonormal rows, no more than it has columns (Saxe et al. 2014)."""
    q, r = np.linalg.qr(rng.normal(size=(columns, rows)))
    return (q * np.sign(np.diag(r))).T.astype(np.float32)


def recurrent(
    rng: np.random.Generator, in_dim: int, hidden: int, gates: int, forget: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``kernel_DG`` (Glorot), ``recurrent_HG`` (orthogonal) and ``bias_G`` (0).

    ``forget`` is the index of a forget gate: its bias is 1, so that a cell keeps its state at first (Jozefowicz et
    al. 2015).
    """
    bias = np.zeros(gates * hidden, np.float32)
    if forget is not None:
        bias[forget * hidden : (forget + 1) * hidden] = 1
    return glorot(rng, in_dim, gates * hidden), orthogonal(rng, hidden, gates * hidden), bias
