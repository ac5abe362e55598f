"""Every benchmark, or those named, in one table, ``outputs/benchmarks.md``, and in the file of this machine.

    python tests/benchmarks/bench.py [NAME ...] [--pairs 5] [--only WORDS] [--quick]

Each runs in a process of its own. The table says on what machine it was made, with which versions, when, and whether
other processes took part of the processor meanwhile. What a quiet machine gave is kept in ``docs/performance``, a file
for each machine, and stands side by side in docs/PERFORMANCE.md. Exit code 1 where a benchmark failed or a goal is not
met. Where a whole benchmark takes longer than the machine stays quiet, ``--only`` takes its cases one by one:
``against_keras --only gru``, ``floor --only lstm``; rows that were not measured anew stay as they were.
"""

import argparse
import subprocess
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from multiprocessing import get_context
from typing import Any

import machines
import rates
from paired import PAIRS, REPOSITORY, Row, table

from harness.measure import environment
from harness.measure.environment import BUSY
from harness.records.record import Environment, Hardware

BENCHMARKS = (
    *("startup", "against_loop", "bare_loop", "against_keras", "keras_fit"),
    *("floor", "half_precision", "against_torch", "sweep_overhead", "shared_sweep"),
)
TABLE = REPOSITORY / "outputs" / "benchmarks.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--pairs", type=int, default=PAIRS)
    whose = "cases whose name begins so, of against_keras, floor or half_precision"
    parser.add_argument("--only", default="", metavar="WORDS", help=whose)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: to see that all run, not to measure")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    if chosen.only and not chosen.names:
        parser.error("--only takes cases of the benchmarks that are named: give a NAME too")
    found: list[Row] = []
    failed: dict[str, str] = {}
    others = environment.OtherProcesses()
    machine = this_machine()
    measured = in_a_fresh_process(rates_of, machine.cores, 0.05 if chosen.quick else rates.SECONDS)
    facts = facts_of(machine, measured)
    file = machines.file_of(machine.processor, machine.cores)
    for name in chosen.names or BENCHMARKS:
        print(name, flush=True)
        others_meanwhile = environment.OtherProcesses()
        try:
            rows = in_a_fresh_process(rows_of, name, chosen.pairs, chosen.quick, chosen.only)
        except Exception as error:  # the others have their turn
            traceback.print_exc()
            failed[name] = f"{type(error).__name__}: {error}".splitlines()[0]
            rows = []
        found += rows
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        origin = machines.Origin(commit_of(machine), today, others_meanwhile.share(), ", ".join(measured.values()))
        if rows and not chosen.quick and origin.others <= BUSY:
            machines.keep(file, facts_of(machine, {}), [machines.kept(row, origin) for row in rows])
            machines.write_page()
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(page(found, failed, machine, facts, others.share(), chosen.quick), encoding="utf8")
    print(f"\n{TABLE.read_text(encoding='utf8')}\n{TABLE}")
    return int(bool(failed) or any(row.verdict == "NO" for row in found))


def in_a_fresh_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        return fresh.submit(function, *arguments).result()


def rows_of(name: str, pairs: int, quick: bool, only: str = "") -> list[Row]:
    """The rows of one benchmark; its processes have ended, so that what they took is known to be ours.

    Raises:
        ValueError: it has no case whose name begins with ``only``.
    """
    from harness.runner import worker

    benchmark = import_module(name)
    cases = getattr(benchmark, "CASE_NAMES", ())
    if only and not any(case.startswith(only) for case in cases):
        raise ValueError(f"{name} has {', '.join(cases) or 'no cases'}, and none whose name begins with {only!r}")
    try:
        return benchmark.rows(pairs, quick, **({"only": only} if only else {}))
    finally:
        worker.close_all()


def rates_of(threads: int, seconds: float) -> dict[str, str]:
    """The rates of this machine in words, by name."""
    from harness.runner import worker

    try:
        return rates.in_words(threads, seconds)
    finally:
        worker.close_all()


def this_machine() -> Environment:
    """The machine, and the commit that is measured: what benchmarks write into docs is no change of it."""
    machine = environment.describe(Hardware("cpu"))
    words = ["git", "status", "--porcelain", "--", "conf", "harness", "tests"]
    changed = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True).stdout
    return replace(machine, git={**machine.git, "dirty": bool(changed)})


def facts_of(machine: Environment, measured: dict[str, str]) -> dict[str, str]:
    """What a reader of a table must know of its machine."""
    packages = ("python", "torch", "pytorch-lightning", "keras", "tensorflow")
    versions = ", ".join(f"{name} {machine.versions[name]}" for name in packages if name in machine.versions)
    return {"machine": f"{machine.processor}, {machine.cores} cores", **measured, "versions": versions}


def commit_of(machine: Environment) -> str:
    """The commit that is measured, shortened."""
    return machine.git.get("commit", "unknown")[:12] + (", changed since" if machine.git.get("dirty") else "")


def page(
    rows: list[Row], failed: dict[str, str], machine: Environment, facts: dict[str, str], others: float, quick: bool
) -> str:
    """The table in Markdown, under what it was made with."""
    said = [
        f"- date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        *(f"- {name}: {fact}" for name, fact in facts.items()),
        f"- harness: commit {commit_of(machine)}",
        f"- other processes took {others:.1%} of the processors meanwhile",
    ]
    if quick:
        said.append("- **made with --quick: sizes that try the benchmarks out; no number here means anything**")
    if others > BUSY:
        said.append(f"- **the machine was not quiet (more than {BUSY:.0%}): measure again before you believe it**")
    said += [f"- **{name} failed: {reason}**" for name, reason in failed.items()]
    return "# Benchmarks\n\n" + "\n".join(said) + "\n\n" + table(rows)


if __name__ == "__main__":
    sys.exit(main())
