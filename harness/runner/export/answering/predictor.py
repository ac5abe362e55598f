"""The exported model: rows in, answers out.

Dimension letters: B rows, L steps, C classes.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .rows import Array, reader_of


class Predictor:
    """The model of a folder, with the reading of its rows.

    ``threads`` are those of ONNX Runtime and of the tokenizers library; None: all.
    """

    def __init__(self, folder: Path | str, threads: int | None = None, model: str = "model.onnx") -> None:
        import onnxruntime

        folder = Path(folder)
        self.about = json.loads((folder / "about.json").read_text(encoding="utf8"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        if threads:  # the library reads them when it is first used
            os.environ |= {"RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": str(threads > 1).lower()}
        self.session = onnxruntime.InferenceSession(str(folder / model), options, ["CPUExecutionProvider"])
        self.inputs = [one.name for one in self.session.get_inputs()]
        self.reader = reader_of(folder)

    def predict(self, rows: Sequence[Any], batch_size: int = 32) -> dict[str, list[Any]]:
        """A column of answers for each row, by the name of the column; of tags, None for words that are cut off.

        A row is a text, a tuple of texts where the model reads several columns, a list of words, or an array of
        features (steps, features).

        Raises:
            Refused: a row is none that the model reads.
        """
        found = self.answers(self.outputs(self.reader.sequences(rows), batch_size))
        for name in ("tags", "probabilities"):
            if name in found:
                found[name] = [self.reader.aligned(own, len(row)) for own, row in zip(found[name], rows, strict=True)]
        return found

    def predict_batch(self, rows: Sequence[Any]) -> dict[str, list[Any]]:
        """The same with all rows in one batch."""
        return self.predict(rows, len(rows))

    def outputs(self, sequences: Sequence[tuple[Any, ...]], batch_size: int = 32) -> list[Array]:
        """The model's outputs for sequences of ids or features: ``C`` for each, or ``LC`` where every step has one.

        The rows of a batch have similar lengths, so that little is padded.
        """
        order = sorted(range(len(sequences)), key=lambda row: len(sequences[row][0]))
        found: list[Any] = [None] * len(sequences)
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            length_B = np.array([len(sequences[row][0]) for row in rows], np.int64)
            parts = [self.reader.padded(part) for part in zip(*(sequences[row] for row in rows), strict=True)]
            arrays = {**dict(zip(("x", "characters"), parts, strict=False)), "length": length_B}
            (outputs,) = self.session.run(None, {name: arrays[name] for name in self.inputs})
            for row, output, length in zip(rows, outputs, length_B, strict=True):
                found[row] = output[:length] if self.about["per_step"] else output
        return found

    def answers(self, outputs: Sequence[Array]) -> dict[str, list[Any]]:
        """What the outputs mean, by the names of the columns."""
        classes, task = self.about["classes"], self.about["task"]
        if task == "ctc":
            return {"labels": [[classes[number] for number in decoded(output)] for output in outputs]}
        if task == "regression":
            return {"value": [float(output[0]) for output in outputs]}
        wide = [output.astype(np.float64) for output in outputs]
        if task == "multilabel":
            names = [[classes[number] for number in np.flatnonzero(output > 0)] for output in outputs]
            return {"labels": names, **of_classes(classes, [1 / (1 + np.exp(-output)) for output in wide])}
        shares, best = [softmax(output) for output in wide], [output.argmax(-1) for output in outputs]
        if self.about["per_step"]:
            tags = [[classes[number] for number in row] for row in best]
            return {"tags": tags, "probabilities": [share.max(-1).tolist() for share in shares]}
        chosen = [float(share[number]) for share, number in zip(shares, best, strict=True)]
        return {"label": [classes[number] for number in best], "probability": chosen, **of_classes(classes, shares)}


def softmax(output: Array) -> Array:
    """Probabilities over the last axis."""
    if not output.size:
        return output
    exponent = np.exp(output - output.max(-1, keepdims=True))
    return np.asarray(exponent / exponent.sum(-1, keepdims=True))


def decoded(output_LC: Array) -> list[int]:
    """The greedy decoding of CTC (Graves et al. 2006): repeats are one, and the last class, the blank, is none."""
    best = output_LC.argmax(-1).tolist()
    once = [number for number, before in zip(best, [None, *best], strict=False) if number != before]
    return [number for number in once if number != output_LC.shape[-1] - 1]


def of_classes(classes: list[str], shares: Sequence[Array]) -> dict[str, list[float]]:
    """The probability of each class, a column each."""
    return {f"probability_{name}": [float(share[number]) for share in shares] for number, name in enumerate(classes)}
