"""What was measured on each machine, ``docs/performance/MACHINE.json``, and all of it side by side."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from paired import REPOSITORY, Row

FOLDER = REPOSITORY / "docs" / "performance"
PAGE = REPOSITORY / "docs" / "PERFORMANCE.md"
BEGIN, END = "<!-- written by make bench -->", "<!-- end of what make bench writes -->"


@dataclass(frozen=True)
class Origin:
    """Where and when rows were measured; ``others`` is the share (0 to 1) of the processors that others took.

    ``rates`` are what the machine did by itself that day, in words: machines of one name differ by half.
    """

    commit: str
    date: str
    others: float
    rates: str = ""


@dataclass(frozen=True)
class Kept:
    """A row as a machine's file keeps it: the median of its pairs, the smallest and the largest, and the goal."""

    what: str
    against: str
    median: float
    smallest: float
    largest: float
    pairs: int
    goal: str
    met: str
    unit: str
    commit: str
    date: str
    others: float
    rates: str = ""

    @property
    def cell(self) -> str:
        return f"{self.median:.3f} {self.unit} ({self.smallest:.3f} to {self.largest:.3f}, {self.pairs})"


def kept(row: Row, origin: Origin) -> Kept:
    """A row and where it was measured."""
    values = row.values
    return Kept(
        row.what, row.against, row.median, min(values), max(values), len(values), str(row.goal), row.verdict, row.unit,
        **asdict(origin),
    )  # fmt: skip


def file_of(processor: str, cores: int, folder: Path = FOLDER) -> Path:
    """The file of a machine, named by its processor and cores."""
    name = re.sub(r"[^a-z0-9]+", "_", f"{processor} {cores} cores".lower()).strip("_")
    return folder / f"{name}.json"


def keep(file: Path, facts: dict[str, str], rows: Sequence[Kept]) -> None:
    """Write a machine's facts and rows into its file; rows that were not measured anew stay as they are."""
    before = read(file)["rows"] if file.exists() else []
    merged = {(row["what"], row["against"]): row for row in [*before, *(asdict(row) for row in rows)]}
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"facts": facts, "rows": list(merged.values())}, indent=1, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf8")


def read(file: Path) -> dict[str, Any]:
    """What a machine's file holds: ``facts`` and ``rows``."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf8"))
    return found


def side_by_side(folder: Path = FOLDER) -> str:
    """All machines in Markdown: what they are, then a line for each row with a column for each machine."""
    machines = {file.stem: read(file) for file in sorted(folder.glob("*.json"))}
    letters = {name: chr(ord("A") + number) for number, name in enumerate(machines)}
    names = list(dict.fromkeys(key for machine in machines.values() for key in machine["facts"]))
    lines = [_line("", *letters.values()), _line(*["---"] * (len(machines) + 1))]
    lines += [_line(name, *(machine["facts"].get(name, "") for machine in machines.values())) for name in names]
    columns = [letter + mark for letter in letters.values() for mark in ("", " met")]
    lines += ["", _line("what", "against", "goal", *columns), _line(*["---"] * (len(columns) + 3))]
    found = {
        name: {(row["what"], row["against"]): row for row in machine["rows"]} for name, machine in machines.items()
    }
    for what, against in dict.fromkeys(key for rows in found.values() for key in rows):
        rows = [rows.get((what, against)) for rows in found.values()]
        goal = next(row["goal"] for row in rows if row)
        cells = [cell for row in rows for cell in ((Kept(**row).cell, row["met"]) if row else ("", ""))]
        lines.append(_line(what, against, goal, *cells))
    origins: dict[str, list[str]] = {}
    for name, machine in machines.items():
        for row in machine["rows"]:
            rates = f"{row['rates']}, " if row.get("rates") else ""
            words = f"{letters[name]}, {row['date']}, commit {row['commit']}, {rates}{row['others']:.1%} taken"
            origins.setdefault(f"{words} by others", []).append(row["what"])
    lines += ["", *(f"- {words}: {len(rows)} row{'s' * (len(rows) != 1)}" for words, rows in origins.items())]
    return "\n".join(lines) + "\n"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def write_page(page: Path = PAGE, folder: Path = FOLDER) -> None:
    """Put all machines side by side into the part of the page that is written here."""
    before, rest = page.read_text(encoding="utf8").split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{side_by_side(folder)}\n{END}{after}", encoding="utf8")
