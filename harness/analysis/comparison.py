"""Cells side by side: which is best in what, which cannot be told from it, and how far each is from a baseline."""

from collections.abc import Iterable
from dataclasses import dataclass

from harness.analysis.comparability import Board, apart, exact, known, make_boards, pools, shown
from harness.analysis.statistics import holm, paired_difference, rank
from harness.analysis.variant_names import short_keys
from harness.analysis.variants import Cell, Versus, flat_settings, gather
from harness.errors import UserError
from harness.records.record import SCHEMA, Record


@dataclass(eq=False)
class Comparison:
    """All that is known of a set of records side by side."""

    name: str
    boards: list[Board]
    baseline: str | None
    repeated: int
    profiles: list[Record]
    """Those of ``mode=profile``, which are shown and not compared."""
    outdated: list[Cell]
    apart: list[str]
    """A sentence for everything that keeps cells from being ranked together."""

    @property
    def cells(self) -> list[Cell]:
        return [cell for board in self.boards for cell in board.cells]

    @property
    def failed(self) -> list[Record]:
        return [record for cell in self.cells for record in cell.failed]

    @property
    def runs(self) -> int:
        return sum(len(cell.runs) for cell in self.cells)


def compare(records: Iterable[Record], name: str, baseline: str | None = None) -> Comparison:
    """Compare the runs of these records; ``baseline`` is ``key=value`` (or several, by commas) over choices and config.

    Raises:
        UserError: there is no record of a run, or none that the baseline describes.
    """
    readable = [record for record in records if record.get("schema") == SCHEMA]
    runs = [record for record in readable if record.mode != "profile"]
    profiles = [record for record in readable if record.mode == "profile"]
    if readable and not runs:
        raise UserError(
            "there are only profiles, and they are not compared with runs; python -m harness mode=profile shows them"
        )
    gathered = gather(runs)
    if not gathered.cells:
        raise UserError("there is no record of a run to compare; run something first, or name the folder of its records")
    boards = make_boards(gathered.cells)
    comparison = Comparison(
        name, boards, baseline, gathered.repeated, profiles, gathered.outdated, apart(boards)
    )
    for board in boards:
        _rank(board)
    if baseline:
        _against(comparison, baseline)
    return comparison


def _rank(board: Board) -> None:
    """Mark in each metric with a direction the best cells, those tied with them, and the rest."""
    for metric in board.metrics:
        higher = known(metric).higher_is_better
        if higher is None:
            continue
        for pool in pools(board, metric):
            if len(pool) < 2:
                continue
            verdicts = rank([cell.values(metric) for cell in pool], higher, exact(metric))
            for cell, verdict in zip(pool, verdicts, strict=True):
                if verdict:
                    cell.verdicts[metric] = verdict


def _against(comparison: Comparison, baseline: str) -> None:
    """Set each cell's differences to its baseline.

    Raises:
        UserError: no cell is described by the baseline, or it is no ``key=value``.
    """
    wanted = {}
    for word in baseline.split(","):
        key, equals, value = word.partition("=")
        if not equals:
            raise UserError(f"--baseline {baseline}: give it as key=value, such as --baseline encoder=lstm")
        wanted[key.strip()] = value.strip()
    found: list[Cell] = []
    paired = False
    for board in comparison.boards:
        candidates = [cell for cell in board.cells if _fits(cell, wanted)]
        found += candidates
        pairs = [(cell, base) for cell in board.cells if (base := _counterpart(cell, candidates, wanted))]
        paired = paired or bool(pairs)
        for metric in board.metrics:
            if known(metric).higher_is_better is not None:
                _differences(board, metric, pairs)
    if not found:
        named = ", ".join(cell.name for cell in comparison.cells[:8])
        raise UserError(f"--baseline {baseline} describes none of the cells; they are: {named}")
    if not paired and len(found) < len(comparison.cells):
        named = ", ".join(cell.name for cell in found[:8])
        raise UserError(
            f"--baseline {baseline} describes {len(found)} cells ({named}), and no other cell is like one of them in "
            "all else; describe one of them by more keys, joined by commas"
        )


def _fits(cell: Cell, wanted: dict[str, str]) -> bool:
    short = {shortened: cell.parts[key] for key, shortened in short_keys(cell.parts).items()}  # as names have them
    sources = (flat_settings(cell.record), cell.record.choices, cell.parts, short)
    return all(
        any(key in source and shown(source[key]) == value for source in sources) for key, value in wanted.items()
    )


def _counterpart(cell: Cell, candidates: list[Cell], wanted: dict[str, str]) -> Cell | None:
    """The baseline of a cell: the only one, or of several the one that agrees in all that the baseline leaves open."""
    if cell in candidates:
        return None
    if len(candidates) == 1:
        return candidates[0]
    own = _left_open(cell, wanted)
    fitting = [other for other in candidates if _left_open(other, wanted) == own]
    return fitting[0] if len(fitting) == 1 else None


def _left_open(cell: Cell, wanted: dict[str, str]) -> dict[str, str]:
    """What sets a cell apart, less what the baseline names, in full or as names of cells have it."""
    short = short_keys(cell.parts)
    return {key: value for key, value in cell.parts.items() if key not in wanted and short[key] not in wanted}


def _differences(board: Board, metric: str, pairs: list[tuple[Cell, Cell]]) -> None:
    """The paired differences in one metric, corrected for all cells that are asked about."""
    asked = [(cell, base) for pool in pools(board, metric) for cell, base in pairs if cell in pool and base in pool]
    found = [paired_difference(cell.values(metric), base.values(metric), exact(metric)) for cell, base in asked]
    corrected = holm([difference.p if difference else None for difference in found])
    for (cell, base), difference, p in zip(asked, found, corrected, strict=True):
        cell.versus[metric] = Versus(base.name, base.means[metric].mean, difference, p)
