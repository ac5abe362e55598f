"""Records become cells: the runs of one config over its seeds, under a name that says what sets them apart."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from harness.records import Record
from harness.statistics import Difference, Mean, Verdict

BUSY = 0.05
"""A share of the processors used by other processes above which a run's speed is not to be compared."""

UNNAMED = (
    "name",
    "seed",
    "output_dir",
    "cache_dir",
    "rerun",
    "run_timeout",
    "tracking",
    "choices",
    "sweep",
    "fail_fast",
)
"""Parts of a config that never set two cells apart."""

COMPUTING = {"pytorch": ("torch", "pytorch-lightning"), "tensorflow": ("tensorflow", "keras")}
"""The packages by which a backend computes; beside them only Python and numpy have a hand in the results."""

IMPLIED = {"additive_attention": ("pooling",)}
"""Choices that an encoder brings with it: nobody chose them, so they are not named."""


@dataclass(frozen=True)
class Versus:
    """A cell's difference to its baseline in one metric; ``p`` is corrected for all cells asked about at once.

    ``difference`` is None where the two share no seed; ``theirs`` is the baseline's mean.
    """

    baseline: str
    theirs: float
    difference: Difference | None
    p: float | None


@dataclass(eq=False)
class Cell:
    """The runs of one config: the finished ones, one a seed, and those that failed."""

    runs: list[Record]
    failed: list[Record]
    name: str = ""
    parts: dict[str, str] = field(default_factory=dict)
    """What sets this cell apart from the others of its comparison, config keys and choices to values."""
    means: dict[str, Mean] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    versus: dict[str, Versus] = field(default_factory=dict)

    @cached_property
    def record(self) -> Record:
        """The newest record: any would do for what all runs share."""
        return max(self.runs or self.failed, key=lambda record: record["started"])

    def values(self, metric: str) -> dict[int, float]:
        """A metric by seed, of the runs that have it."""
        return {run["seed"]: run["metrics"][metric] for run in self.runs if metric in run["metrics"]}

    @cached_property
    def resumed(self) -> bool:
        """Whether a run was interrupted and went on later, so that its time is not the whole."""
        return any((run.get("resumed_epochs") or 0) > 0 for run in self.runs)

    @cached_property
    def disturbed(self) -> str | None:
        """Why this cell's speed is not to be compared, None where nothing speaks against it."""
        shares = [run["environment"].get("other_processes_cpu_share") or 0.0 for run in self.runs]
        if max(shares, default=0.0) > BUSY:
            busy = sum(share > BUSY for share in shares)
            return f"other processes used up to {max(shares):.0%} of the processor in {busy} of {len(shares)} runs"
        return None


@dataclass
class Gathered:
    """Cells, and what of the records is not in them: repeated runs and the cells of earlier code."""

    cells: list[Cell]
    repeated: int
    outdated: list[Cell]


def gather(records: Iterable[Record]) -> Gathered:
    """Group records by cell; of several with the same cell and seed the newest counts.

    A cell is of one processor and of the same devices, even where its hash does not say so.
    An encoder chosen under two names makes two cells, although their fingerprints are the same. Cells that differ in
    nothing but the code they ran with are versions of one another: the newest counts, the others are outdated.
    """
    groups: dict[tuple[str, ...], list[Record]] = {}
    total = 0
    for record in sorted(records, key=lambda record: record["started"]):
        key = (record["cell"], record["choices"]["encoder"], _device(record), _processor(record))
        groups.setdefault(key, []).append(record)
        total += 1
    cells = [_cell(group) for group in groups.values()]
    kept = sum(len(cell.runs) + len(cell.failed) for cell in cells)

    newest: dict[str, Cell] = {}
    outdated = []
    for cell in sorted(cells, key=lambda cell: cell.record["started"]):
        identity = json.dumps([cell.record["choices"]["encoder"], *_identity(cell.record)], sort_keys=True)
        if identity in newest:
            outdated.append(newest.pop(identity))
        newest[identity] = cell
    return Gathered([cell for cell in cells if cell not in outdated], total - kept, outdated)


def _cell(group: list[Record]) -> Cell:
    """A cell of records that are sorted by age: per seed the newest finished one, and a failure unless mended since."""
    runs: dict[int, Record] = {}
    failed: dict[int, Record] = {}
    for record in group:
        seed = record["seed"]
        if record["status"] == "finished":
            runs[seed] = record
            failed.pop(seed, None)
        else:
            failed[seed] = record
    return Cell([runs[seed] for seed in sorted(runs)], [failed[seed] for seed in sorted(failed)])


def _identity(record: Record) -> list[Any]:
    environment = record["environment"]
    settings = {key: value for key, value in flat_settings(record).items() if not key.startswith("hardware.")}
    return [settings, record["data"]["hash"], environment.get("hardware"), _processor(record), versions(record)]


def versions(record: Record) -> dict[str, str]:
    """The versions of what computed a record's results, as far as they are known."""
    backend = record["choices"].get("backend") or record["config"].get("backend", {}).get("name")
    computing = ("python", "numpy", *COMPUTING.get(backend, ()))
    found = record["environment"].get("versions") or {}
    return {package: found[package] for package in computing if package in found}


def _device(record: Record) -> str:
    hardware = record["environment"].get("hardware") or {}
    return ", ".join([str(hardware.get("accelerator")), *(hardware.get("device_names") or [])])


def _processor(record: Record) -> str:
    return str(record["environment"].get("processor"))


def flat_settings(record: Record) -> dict[str, Any]:
    """Dotted keys to values, of the parts of a config that can set cells apart."""
    kept = {key: value for key, value in record["config"].items() if key not in UNNAMED}
    return dict(_flat(kept, ""))


def _flat(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield prefix, value
        return
    for key, inner in value.items():
        yield from _flat(inner, f"{prefix}.{key}" if prefix else str(key))


def name_cells(cells: list[Cell]) -> None:
    """Name each cell by its encoder and by whatever else differs between these cells, and make the names unique."""
    settings = [flat_settings(cell.record) for cell in cells]
    choices = [cell.record["choices"] for cell in cells]
    varying = _varying_choices(choices)
    keys = _varying_keys(settings, choices)
    for cell, own, choice in zip(cells, settings, choices, strict=True):
        cell.parts = {"encoder": _encoder(cell.record)}
        cell.parts |= {key: str(value) for key, value in _chosen(choice).items() if key in varying}
        cell.parts |= {key: _shown(own[key]) for key in sorted(own) if _group(own, choice, key) in keys.get(key, ())}
        cell.name = ", ".join([cell.parts["encoder"], *(f"{k}={v}" for k, v in cell.parts.items() if k != "encoder")])
    _make_unique(cells)


def _make_unique(cells: list[Cell]) -> None:
    """Tell cells of one name apart by their device, their processor, and where that does not do it, by their hash."""
    ways: tuple[Callable[[Record], str], ...] = (_device, _processor, lambda record: f"[{record['cell'][:6]}]")
    for tell in ways:
        told: dict[str, set[str]] = {}
        for cell in cells:
            told.setdefault(cell.name, set()).add(tell(cell.record))
        for cell in cells:
            if len(told[cell.name]) > 1:
                cell.name += f", {tell(cell.record)}"


def _chosen(choices: dict[str, str]) -> dict[str, str]:
    """The choices beside the encoder that were somebody's."""
    implied = IMPLIED.get(choices["encoder"], ())
    return {key: value for key, value in choices.items() if key != "encoder" and key not in implied}


def _varying_choices(choices: list[dict[str, str]]) -> set[str]:
    """The groups, beside the encoder, in which not all cells chose alike."""
    pairs = {(key, value) for choice in choices for key, value in _chosen(choice).items()}
    return {key for key, count in Counter(key for key, _ in pairs).items() if count > 1}


def _encoder(record: Record) -> str:
    """The chosen encoder's name; a custom one is called by its class."""
    chosen = record["choices"]["encoder"]
    target = record["config"].get("encoder", {}).get("_target_") if chosen == "custom" else None
    return target.rpartition(".")[2] if target else chosen


def _group(settings: dict[str, Any], choices: dict[str, str], key: str) -> tuple[str, ...]:
    """What a config key is to be compared within: keys of ``encoder.`` among cells of one encoder, and so on."""
    top = key.split(".")[0]
    if top in choices:
        return (choices[top], *([choices["backend"]] if top != "backend" and "backend" in choices else []))
    named = settings.get(f"{top}.name")
    return (str(named),) if named is not None and key != f"{top}.name" else ()


def _varying_keys(settings: list[dict[str, Any]], choices: list[dict[str, str]]) -> dict[str, set[tuple[str, ...]]]:
    """The keys whose values differ between cells that chose alike, each with the choices among which they do."""
    seen: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for own, choice in zip(settings, choices, strict=True):
        for key, value in own.items():
            seen.setdefault((key, _group(own, choice, key)), set()).add(_shown(value))
    found: dict[str, set[tuple[str, ...]]] = {}
    for (key, group), values in seen.items():
        if len(values) > 1:
            found.setdefault(key, set()).add(group)
    return found


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "null" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
