"""A model traced by torch.export, and written as its ``.pt2`` or as ONNX.

Dimension letters: B batch, L length, D feature width, W characters of a word.
"""

import copy
import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from harness.backends.exported import OUTPUT, Exported, Inputs
from harness.backends.pytorch.exporting.recurrent import with_torchs_own
from harness.backends.pytorch.exporting.stand_ins import followed
from harness.errors import UserError

OPSET = 20
AXES = {"x": ("batch", "length"), "characters": ("batch", "length", "letters"), "length": ("batch",)}
"""The dimensions of each input that are open; the others are fixed."""


class Graph(nn.Module):
    """A model whose inputs have the names of ``harness.backends.exported.Inputs``."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        return self.model(x, length)


class GraphWithCharacters(Graph):
    """The same for a model that also reads the characters of words."""

    def forward(self, x: Tensor, characters: Tensor, length: Tensor) -> Tensor:
        return self.model((x, characters), length)


def export(model: nn.Module, kind: str, file: Path, example: Inputs) -> None:
    """Write a model in evaluation mode, on the processor and in float32; ``example`` has several sequences.

    Raises:
        UserError: the model has a part that the exporter cannot follow; nothing is written.
        OSError: the file cannot be written.
    """
    model = followed(copy.deepcopy(model).cpu().float().requires_grad_(False), kind)
    whole = GraphWithCharacters if "characters" in example else Graph
    with _silence():
        program = traced(whole(model).eval(), example)
        _forget_sources(program)
        if kind == "torch":
            with_torchs_own(program.graph_module)
            content = io.BytesIO()  # written to a full disk by torch, it would end the process
            torch.export.save(program, content)
            file.write_bytes(content.getbuffer())
        else:
            _write_onnx(program, file)


@contextmanager
def _silence() -> Iterator[None]:
    """Hide what torch says of packages that no model here needs, of its own guesses and calls; errors are raised."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch._export", "onnxscript")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`isinstance\\(treespec", FutureWarning)  # torch's own call
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def traced(graph: Graph, example: Inputs) -> ExportedProgram:
    """The graph of a model, with an open number and length of sequences."""
    tensors = {name: torch.from_numpy(array) for name, array in example.items()}
    dynamic = {name: dict.fromkeys(range(len(AXES[name])), Dim.DYNAMIC) for name in tensors}
    with torch.no_grad():
        try:
            return torch.export.export(graph, (), tensors, dynamic_shapes=dynamic)
        except Exception as error:
            raise UserError(f"torch.export cannot follow this model: {reason(error)}") from error


def reason(error: Exception) -> str:
    """Why an export failed, in one sentence."""
    text = re.sub(r"\x1b\[\d+m", "", str(error))
    if "specialized it to be a constant" in text:
        return (
            "its Python code depends on the number or the length of the sequences, such as by a loop over the steps, "
            "so that the graph would be right for the example's length alone"
        )
    _, _, summary = text.partition("## Exception summary\n\n")  # torch.onnx has steps to take before it
    lines = (summary or text).strip().splitlines()
    return lines[0] if summary else f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"


def _forget_sources(program: ExportedProgram) -> None:
    """Drop the lines of source that every node came from: a file that is given away has no paths of this machine."""
    for module in program.graph_module.modules():
        for node in module.graph.nodes if isinstance(module, torch.fx.GraphModule) else ():
            node.meta.pop("stack_trace", None)


def _write_onnx(program: ExportedProgram, file: Path) -> None:
    try:
        made = torch.onnx.export(
            program, (), dynamo=True, opset_version=OPSET, output_names=[OUTPUT], verbose=False, external_data=False
        )  # fmt: skip
    except Exception as error:
        raise UserError(f"the model cannot be written as ONNX: {reason(error)}") from error
    assert made is not None
    made.save(file, external_data=False)


def exported(kind: str, file: Path) -> Exported:
    """A file of ``export`` opened again; ONNX is opened by ONNX Runtime, and not here."""
    assert kind == "torch"
    module = torch.export.load(file).module()

    def run(inputs: Inputs) -> Tensor:
        with torch.no_grad():
            return module(**{name: torch.from_numpy(array) for name, array in inputs.items()}).numpy()

    return run
