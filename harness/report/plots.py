"""Pictures of one run: learning curves, the confusion matrix and attention, as PNG files."""

import unicodedata
import warnings
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, floor, isfinite, log10
from pathlib import Path
from typing import Any

import numpy as np

CURVES = ("loss", "mse", "accuracy", "f1_micro", "label_error_rate")
"""The learning curves, where they were measured."""
MOST_CLASSES = 30
"""With more classes, a matrix shows its colours without names and numbers."""
MOST_TOKENS = 40
"""How many tokens of a sequence are drawn with their attention, those with the highest weights."""
LONGEST_NAME = 24
"""How many characters of a class or token a picture shows."""
MOST_STRETCH = 4
"""A plot shows the level of chance if its axis becomes at most so many times as long: else differences would vanish."""
LABELS = (
    *((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)),
    *([1 + step * number for number in range(round(9 / step))] for step in (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)),
)
"""What a logarithmic axis may label in each power of ten, from few labels to many."""
FEWEST_LABELS = 4


def learning_curves(history: list[dict[str, Any]], file: Path, chance: Mapping[str, float] | None = None) -> Path:
    """Draw losses and scores against the epoch, one line for each split. Returns the file.

    A dashed line is the level of ``chance`` on validation, where it is known and the plot has room for it.
    """
    kinds = [kind for kind in CURVES if any(f"/{kind}" in name for name in history[0])]
    figure, axes = create_figure(len(kinds), (5 * len(kinds), 4), left=0.7, bottom=0.5)
    epochs = [entry["epoch"] for entry in history]
    for axis, kind in zip(axes, kinds, strict=True):
        for name in [name for name in history[0] if f"/{kind}" in name]:
            axis.plot(epochs, [entry.get(name, np.nan) for entry in history], marker="o", markersize=3, label=name)
        level = (chance or {}).get(f"val/{kind}")
        if level is not None and has_room(level, [end for line in axis.lines for end in line.get_ydata()]):
            axis.axhline(level, color="grey", linewidth=0.8, linestyle="--", label="val, chance")
        axis.set(xlabel="epoch", ylabel=kind.replace("_", " "))
        axis.grid(alpha=0.3)
        axis.legend()
        if kind in ("accuracy", "f1_micro"):  # a share: with one epoch only, the axis would extend beyond 0 and 1
            low, high = axis.get_ylim()
            axis.set_ylim(max(low, 0.0), min(high, 1.0))
    return save(figure, file)


def confusion(counts: list[list[int]], classes: list[str], file: Path, unseen: Sequence[str] = ()) -> Path:
    """Draw the confusion matrix of the test split and return the file.

    ``counts`` has a row for each true label, those that train never saw (``unseen``) last, and a column for each
    predicted class. A cell's colour is its share of the row; a count of 0 is left blank.
    """
    m_UC, labels = np.array(counts), [*classes, *unseen]
    names = [shortened(name) for name in labels] if len(labels) <= MOST_CLASSES else []
    room = 0.6 + _room(names, 9)
    width, height = (min(9.0, max(2.5, 0.5 * many)) for many in (len(classes), len(labels)))
    figure, (axis,) = create_figure(1, (width + room + 0.3, height + room + 0.4), left=room, bottom=room, top=0.4)
    share_UC = m_UC / np.maximum(m_UC.sum(1, keepdims=True), 1)
    axis.imshow(share_UC, cmap="Blues", vmin=0, vmax=1)
    axis.set(xlabel="predicted", ylabel="true")
    set_title(axis, "test split; shade: share of the true class")
    if names:
        axis.set_xticks(range(len(classes)), names[: len(classes)], rotation=90, fontsize=9, parse_math=False)
        axis.set_yticks(range(len(labels)), names, fontsize=9, parse_math=False)
        for row, column in np.argwhere(m_UC):
            colour = "white" if share_UC[row, column] > 0.5 else "black"
            axis.text(column, row, str(m_UC[row, column]), ha="center", va="center", color=colour, fontsize=8)
    return save(figure, file)


def attention(example: dict[str, Any], part: str, map_LK: np.ndarray | None, file: Path) -> Path:
    """Draw the attention that each token of a sequence received in a part of the model, and return the file.

    Of a long sequence, the tokens with the highest weights are drawn, in their order. ``map_LK``, if given, is drawn
    beside them: the attention of each row to each column. Tokens are shown literally, never as formulas.
    """
    received = np.array(example["received"][part])
    shown = np.sort(np.argsort(-received, kind="stable")[:MOST_TOKENS])
    tokens, received = [shortened(example["tokens"][place]) for place in shown], received[shown]
    width = min(16.0, 3 + 0.28 * len(tokens))
    columns, room = (1 if map_LK is None else 2), 0.2 + _room(tokens, 7)
    height = 2.5 if map_LK is None else width - 1.5
    size = (width * columns, height + room + 0.4)
    figure, axes = create_figure(columns, size, left=max(0.7, room), bottom=room, top=0.4)
    axes[0].bar(range(len(tokens)), received, color="C0")
    set_title(axes[0], f"{part}: true {shortened(example['true'])}, predicted {shortened(example['predicted'])}")
    axes[0].set_ylabel("attention received")
    if map_LK is not None:
        axes[1].imshow(map_LK, cmap="Blues", vmin=0)
        set_title(axes[1], f"rows attend to columns, mean over heads; darkest {map_LK.max():.2g}")
        axes[1].set_yticks(range(len(tokens)), tokens, fontsize=7, parse_math=False)
    for axis in axes:
        axis.set_xticks(range(len(tokens)), tokens, rotation=90, fontsize=7, parse_math=False)
    return save(figure, file)


def has_room(level: float, values: Iterable[float]) -> bool:
    """Whether an axis that shows these values can show the level too; always where all values are one."""
    known = [value for value in values if isfinite(value)]
    if not known:
        return False
    low, high = min(known), max(known)
    return low == high or max(high, level) - min(low, level) <= MOST_STRETCH * (high - low)


def logarithmic_ends(values: Iterable[float]) -> tuple[float, float]:
    """The ends of a logarithmic axis that shows these values, which are above 0, with some room around them."""
    exponents = [log10(value) for value in values]
    room = max(0.03, 0.06 * (max(exponents) - min(exponents)))
    return 10 ** (min(exponents) - room), 10 ** (max(exponents) + room)


def logarithmic_labels(low: float, high: float) -> dict[float, str]:
    """The labels of a logarithmic axis with these ends: of LABELS the first with FEWEST_LABELS or more between them."""
    powers = [10.0**power for power in range(floor(log10(low)), ceil(log10(high)) + 1)]
    between: list[float] = []
    for digits in LABELS:
        between = [digit * power for power in powers for digit in digits if low <= digit * power <= high]
        if len(between) >= FEWEST_LABELS:
            break
    return {value: f"{value:,.10g}" for value in between}


def shortened(name: str) -> str:
    """A name of at most ``LONGEST_NAME`` characters."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _room(names: list[str], points: int) -> float:
    """The width in inches of the longest name in a font of this size, with every character as wide as the widest."""
    ems = (sum(1.1 if unicodedata.east_asian_width(sign) in "WF" else 0.7 for sign in name) for name in names)
    return max(ems, default=0) * points / 72


def create_figure(
    columns: int, size: tuple[float, float], left: float, bottom: float, top: float = 0.15, right: float = 0.15
) -> tuple[Any, Any]:
    """A figure of this size, and its axes side by side, with this much room around each; all in inches.

    The caller gives the room, because matplotlib's own search for it takes as long as the drawing.
    """
    from matplotlib.figure import Figure  # not pyplot: no window system, no state shared between runs

    (width, height), wide = size, size[0] / columns - left - right
    figure = Figure(size)
    around = {"left": left / width, "right": 1 - right / width, "bottom": bottom / height, "top": 1 - top / height}
    (axes,) = figure.subplots(1, columns, squeeze=False, gridspec_kw={**around, "wspace": (left + right) / wide})
    for axis in axes:
        set_title(axis, "")
    return figure, axes


def set_title(axis: Any, title: str) -> None:
    """Set a title, which may be empty, at a fixed place: matplotlib's search for one takes a quarter of the drawing."""
    axis.set_title(title, y=1.0, fontsize=9, parse_math=False)


def save(figure: Any, file: Path) -> Path:
    """Write a figure as PNG, and return the file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(110)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # characters that the font does not have become boxes
        FigureCanvasAgg(figure).print_png(file, pil_kwargs={"compress_level": 1})  # savefig would draw everything twice
    return file
