"""What the parts of a model and its training refuse, in both backends in the same words.

Raises ``UserError`` throughout: one sentence with the argument and what it may be.
"""

from collections.abc import Iterable, Sequence

from harness.errors import UserError


def check_attention(hidden_size: int, num_heads: int, score: str, normalize: str) -> None:
    """Refuse heads that do not divide the width, and scores and normalisations that there are not."""
    if hidden_size % num_heads:
        raise UserError(f"encoder: num_heads={num_heads} does not divide hidden_size={hidden_size}")
    if score not in ("dot", "additive") or normalize not in ("softmax", "relu"):
        raise UserError(f"encoder: score is dot or additive, normalize softmax or relu, not {score}, {normalize}")


def check_recurrent(num_layers: int, dropout: float) -> None:
    """Refuse dropout where there is nothing between layers."""
    if dropout and num_layers == 1:
        raise UserError("encoder: dropout acts between layers, and num_layers=1 has nothing between; set either")


def check_nonlinearity(nonlinearity: str) -> None:
    """Refuse what an Elman network does not have."""
    if nonlinearity not in ("tanh", "relu"):
        raise UserError(f"encoder: nonlinearity is tanh or relu, not {nonlinearity!r}")


def check_counts(**counts: int) -> None:
    """Refuse a number of things that is none: anything but a whole number of 1 or more."""
    for name, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise UserError(f"encoder: {name} must be a whole number of 1 or more, and is {count!r}")


def check_settings(name: str, given: Iterable[str], known: Sequence[str], backend: str) -> None:
    """Refuse settings that an optimizer does not have."""
    for key in given:
        if key not in known:
            raise UserError(f"optimizer.{key}: {name} with backend={backend} has {', '.join(known)}, and no {key}")
