"""Pictures of one run: learning curves, the confusion matrix and attention, as PNG files."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

KINDS = ("loss", "mse", "accuracy", "label_error_rate")
"""What learning curves show, as far as there is such a thing."""
MOST_CLASSES = 30
"""Beyond so many classes a matrix shows its colours without names and numbers."""
MOST_TOKENS = 40
"""Tokens of a sequence whose attention is drawn, the heaviest ones."""


def learning_curves(history: list[dict[str, Any]], file: Path) -> Path:
    """What is minimised and what is counted, such as loss and accuracy, against the epoch, one line per split."""
    kinds = [kind for kind in KINDS if any(f"/{kind}" in name for name in history[0])]
    figure, axes = figure_of(len(kinds), (5 * len(kinds), 4))
    epochs = [entry["epoch"] for entry in history]
    for axis, kind in zip(axes, kinds, strict=True):
        for name in [name for name in history[0] if f"/{kind}" in name]:
            axis.plot(epochs, [entry.get(name, np.nan) for entry in history], marker="o", markersize=3, label=name)
        axis.set(xlabel="epoch", ylabel=kind.replace("_", " "))
        axis.grid(alpha=0.3)
        axis.legend()
    return save(figure, file)


def confusion(counts: list[list[int]], classes: list[str], file: Path) -> Path:
    """Counts on the test split: rows the true class, columns the predicted one, coloured by share of the row."""
    m_CC = np.array(counts)
    size = min(12.0, 3 + 0.5 * len(classes))
    figure, (axis,) = figure_of(1, (size + 1, size))
    share_CC = m_CC / np.maximum(m_CC.sum(1, keepdims=True), 1)
    image = axis.imshow(share_CC, cmap="Blues", vmin=0, vmax=1)
    axis.set(xlabel="predicted", ylabel="true", title="test split")
    if len(classes) <= MOST_CLASSES:
        axis.set_xticks(range(len(classes)), classes, rotation=90)
        axis.set_yticks(range(len(classes)), classes)
        for (row, column), count in np.ndenumerate(m_CC):
            colour = "white" if share_CC[row, column] > 0.5 else "black"
            axis.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=8)
    figure.colorbar(image, label="share of the true class")
    return save(figure, file)


def attention(example: dict[str, Any], part: str, map_LK: np.ndarray | None, file: Path) -> Path:
    """How much each token of a sequence weighs in a part of the model, and where given who attends to whom.

    Of a long sequence the heaviest tokens, in their order. ``map_LK``: rows attend to columns. Tokens are shown as they
    are, never read as formulas.
    """
    received = np.array(example["received"][part])
    shown = np.sort(np.argsort(-received, kind="stable")[:MOST_TOKENS])
    tokens, received = [example["tokens"][place] for place in shown], received[shown]
    width = min(16.0, 3 + 0.28 * len(tokens))
    columns = 1 if map_LK is None else 2
    figure, axes = figure_of(columns, (width * columns, 3.5 if map_LK is None else width))
    axes[0].bar(range(len(tokens)), received, color="C0")
    title = f"{part}: true {example['true']}, predicted {example['predicted']}"
    axes[0].set_title(title, fontsize=9, parse_math=False)
    axes[0].set_ylabel("attention received")
    if map_LK is not None:
        figure.colorbar(axes[1].imshow(map_LK, cmap="Blues", vmin=0), ax=axes[1], shrink=0.7)
        axes[1].set_title("rows attend to columns, mean over heads", fontsize=9)
        axes[1].set_yticks(range(len(tokens)), tokens, fontsize=7, parse_math=False)
    for axis in axes:
        axis.set_xticks(range(len(tokens)), tokens, rotation=90, fontsize=7, parse_math=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a script that the font has not is drawn as boxes
        return save(figure, file)


def figure_of(columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    """A figure of that size in inches, and its axes side by side."""
    from matplotlib.figure import Figure  # without pyplot: no window system, no state shared between runs

    figure = Figure(size, layout="constrained")
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def save(figure: Any, file: Path) -> Path:
    """Write a figure as PNG, and return the file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(110)
    FigureCanvasAgg(figure).print_png(file, pil_kwargs={"compress_level": 1})  # savefig would draw all of it twice
    return file
