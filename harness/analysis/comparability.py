"""Who may be compared with whom: boards of cells of the same data and versions, and in them blocks of one hardware.

- A *board* holds the cells of one data hash and of the same versions of what computes: Python, numpy and the packages
  of the backend (of what both have: two backends share a board). Quality and cost are ranked over a board; only what
  changes speed may differ within it.
- A *block* of a board holds the cells of one hardware, processor and way of measuring. Speed and memory are ranked
  within a block, and speed only among cells that had the processor to themselves.

Precision counts as hardware: what bfloat16 costs in accuracy may be asked, what it gains in speed is shown apart.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.analysis.statistics import mean_interval
from harness.analysis.variant_names import name_cells
from harness.analysis.variants import Cell, versions
from harness.config.schema import AFTERWARDS
from harness.records.metrics import METRICS, Metric, definition
from harness.records.record import Record

ACCURACY = "test/accuracy"
QUALITY = ("test/f1_span", ACCURACY, "test/label_error_rate", "test/mse")
"""What decides which cell is best; the first that all have: spans where labels are spans, accuracy elsewhere, and
errors where nothing is right or wrong."""
THROUGHPUT, LATENCY = "speed/train_tokens_per_second", "latency/p50_ms"
DEVICE_MEMORY, HOST_MEMORY = "memory/device_train_peak_mib", "memory/host_train_peak_mib"
WHOLE = "speed/total_seconds"
"""What is not the whole where a run was interrupted and went on: the time before that is not in it."""
MOST_NAMED = 6
"""Cells that a sentence names; of more of them, it says the number."""


@dataclass(eq=False)
class Block:
    """Cells whose speed and memory were measured alike; ``title`` says on what."""

    title: str
    cells: list[Cell]


@dataclass(eq=False)
class Board:
    """Cells of the same data and versions."""

    title: str
    blocks: list[Block]
    metrics: list[str]
    """What any of the cells has, in the order of METRICS."""

    @property
    def cells(self) -> list[Cell]:
        return [cell for block in self.blocks for cell in block.cells]

    @cached_property
    def quality(self) -> str:
        """The metric that decides which cell is best."""
        shared = [name for name in QUALITY if all(name in cell.means for cell in self.cells if cell.runs)]
        return shared[0] if shared else ACCURACY

    @property
    def memory(self) -> str:
        """The memory that decides: the accelerator's where the cells ran on one."""
        return DEVICE_MEMORY if DEVICE_MEMORY in self.metrics else HOST_MEMORY

    @property
    def questions(self) -> list[str]:
        """What a reader asks first: quality, speed of training, of an answer, and memory; as far as it was measured."""
        return [metric for metric in (self.quality, THROUGHPUT, LATENCY, self.memory) if metric in self.metrics]


def exact(metric: str) -> bool:
    """Whether a number is counted instead of measured, so that one seed is enough."""
    return metric.startswith("cost/")


def known(metric: str) -> Metric:
    """A metric's definition; one without unit and direction where a record brings a name of its own."""
    try:
        return definition(metric)
    except KeyError:
        return Metric("", None, "")


def make_boards(cells: list[Cell]) -> list[Board]:
    """Cells sorted into boards and blocks, named and titled, with their means."""
    boards = [_board(group) for group in _split(cells, _same_board)]
    facts = [_board_facts(board) for board in boards]
    for board, fact in zip(boards, facts, strict=True):
        extra = _differing_boards([other for other in facts if other.data == fact["data"]])
        more = ", ".join(f"{key} {shown(fact[key])}" for key in extra if key in fact)
        board.title = fact["data"] + (f" ({more})" if more else "")
    return boards


def _split(cells: list[Cell], same: Callable[[Record, Record], bool]) -> list[list[Cell]]:
    """Sort cells into groups in which each is the same as all others."""
    groups: list[list[Cell]] = []
    for cell in cells:
        fitting = (group for group in groups if all(same(cell.record, other.record) for other in group))
        group = next(fitting, None)
        groups.append([cell]) if group is None else group.append(cell)
    return groups


def _same_board(one: Record, other: Record) -> bool:
    ours, theirs = versions(one), versions(other)
    shared = ours.keys() & theirs.keys()
    return one.data.hash == other.data.hash and all(ours[key] == theirs[key] for key in shared)


def _flops_length(record: Record) -> int | None:
    """The length that operations were counted at, where it is not the data's longest."""
    return (record.config.get("measure") or {}).get("latency_length")


def _conditions(record: Record) -> dict[str, Any]:
    """What speed and memory depend on beside the config: hardware, processor and how it was measured."""
    environment = record.environment
    settings = record.config.get("measure") or {}
    measured = {f"measure.{key}": value for key, value in settings.items() if key not in AFTERWARDS}
    hardware = {"nodes": 1, **(environment.get("hardware") or {})}  # records of before there were several
    device = ", ".join(hardware.pop("device_names", None) or ["none"])
    return {**hardware, "device": device, "processor": environment.get("processor"), **measured}


def _board(cells: list[Cell]) -> Board:
    name_cells(cells)
    present = {metric for cell in cells for run in cell.runs for metric in run.metrics}
    metrics = [metric for metric in METRICS if metric in present] + sorted(present - METRICS.keys())
    for cell in cells:
        for metric in metrics:
            if values := list(cell.values(metric).values()):
                cell.means[metric] = mean_interval(values, exact(metric))
    blocks = [Block("", group) for group in _split(cells, lambda one, other: _conditions(one) == _conditions(other))]
    _title_blocks(blocks)
    return Board("", blocks, metrics)


def _title_blocks(blocks: list[Block]) -> None:
    """A block is called by what it does not share with the others, a single one by its hardware."""
    facts = [_conditions(block.cells[0].record) for block in blocks]
    keys = differing(facts) or ("accelerator", "devices", "precision", "threads", "processor")
    for block, fact in zip(blocks, facts, strict=True):
        block.title = ", ".join(f"{key} {shown(fact.get(key))}" for key in keys if key in fact)


def _board_facts(board: Board) -> dict[str, Any]:
    record = board.cells[0].record
    facts = {"data": data_name(record), "content": record.data.hash[:8]}
    for cell in board.cells:  # the cells of one backend do not name the other's packages
        facts |= versions(cell.record)
    return facts


def data_name(record: Record) -> str:
    """What a reader calls the data: its config, and of files of one's own the file."""
    chosen = record.choices["data"]
    return f"{chosen} {Path(record['data']['source']).name}" if chosen == "files" else chosen


def _differing_boards(facts: list[dict[str, Any]]) -> dict[str, list[str]]:
    """What differs between boards; a package that only some of them use keeps none apart."""
    found = {
        key: [shown(fact[key]) for fact in facts if key in fact] for key in dict.fromkeys(k for f in facts for k in f)
    }
    return {key: list(dict.fromkeys(values)) for key, values in found.items() if len(set(values)) > 1}


def apart(boards: list[Board]) -> list[str]:
    """A sentence for everything that keeps cells from being ranked together."""
    said = []
    if len(boards) > 1:
        keys = _differing_boards([_board_facts(board) for board in boards])
        if "data" in keys:
            keys.pop("content", None)
        titles = " | ".join(board.title for board in boards)
        said.append(f"Shown apart and not ranked together: {titles}. They differ in {_listed(keys)}.")
    for board in boards:
        if len(board.blocks) > 1:
            keys = differing([_conditions(block.cells[0].record) for block in board.blocks])
            said.append(
                f"{board.title}: speed and memory are shown apart and not ranked together, because the runs differ in "
                f"{_listed(keys)}; what the test split says is ranked over all of them."
            )
        if resumed := [cell for cell in board.cells if cell.resumed and WHOLE in cell.means]:
            names = ", ".join(cell.name for cell in resumed[:MOST_NAMED])
            names += f" and {len(resumed) - MOST_NAMED} more" if len(resumed) > MOST_NAMED else ""
            said.append(
                f"{board.title}: {WHOLE} of {names} is not the whole, because runs went on after an interruption, and "
                "the time before it is not counted."
            )
        disturbed = [cell for cell in board.cells if cell.disturbed]
        if disturbed:
            said.append(
                f"{board.title}: the speed of {_some_of(disturbed, board.cells)} is not comparable and not ranked, "
                f"because {_why_disturbed(disturbed)}."
            )
    return said


def _some_of(some: list[Cell], cells: list[Cell]) -> str:
    """These cells by name, or how many of all they are."""
    return ", ".join(cell.name for cell in some) if len(some) <= MOST_NAMED else f"{len(some)} of {len(cells)} cells"


def _why_disturbed(cells: list[Cell]) -> str:
    """Why the speed of these cells is not to be compared."""
    if len(cells) == 1:
        return str(cells[0].disturbed)
    return "other processes used the processor too; they are marked"


def _listed(differences: dict[str, list[str]]) -> str:
    return "; ".join(f"{key} ({' or '.join(values)})" for key, values in differences.items())


def differing(facts: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The keys whose values are not all the same, with the values in order of appearance."""
    found = {}
    for key in dict.fromkeys(key for fact in facts for key in fact):
        values = list(dict.fromkeys(shown(fact.get(key)) for fact in facts))
        if len(values) > 1:
            found[key] = values
    return found


def shown(value: Any) -> str:
    """A value of a config or an environment as text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def pools(board: Board, metric: str) -> Iterator[list[Cell]]:
    """The cells that may be ranked together in a metric: groups of those that have it; a profile's are never ranked."""
    kind = metric.split("/")[0]
    if kind == "profile":
        return
    groups = [block.cells for block in board.blocks] if kind in ("speed", "latency", "memory") else [board.cells]
    if metric == "cost/forward_flops":
        groups = _split(board.cells, lambda one, other: _flops_length(one) == _flops_length(other))
    for group in groups:
        timed = kind in ("speed", "latency")
        yield [
            cell
            for cell in group
            if metric in cell.means and not (timed and cell.disturbed)
        ]
