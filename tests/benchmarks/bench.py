"""Every benchmark, or those named, in one table: ``outputs/benchmarks.md``.

    python tests/benchmarks/bench.py [NAME ...] [--pairs 5] [--quick]

Each runs in a process of its own. The table says on what machine it was made, with which versions, when, and whether
other processes took part of the processor meanwhile. Exit code 1 where a benchmark failed or a goal is not met.
"""

import argparse
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib import import_module
from multiprocessing import get_context

from paired import PAIRS, REPOSITORY, Row, table

from harness.measure import environment
from harness.measure.environment import BUSY
from harness.records.record import Environment, Hardware

BENCHMARKS = (
    *("startup", "against_loop", "bare_loop", "against_keras", "keras_fit"),
    *("floor", "against_torch", "sweep_overhead", "shared_sweep"),
)
TABLE = REPOSITORY / "outputs" / "benchmarks.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: to see that all run, not to measure")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    found: list[Row] = []
    failed: dict[str, str] = {}
    others = environment.OtherProcesses()
    for name in chosen.names or BENCHMARKS:
        print(name, flush=True)
        try:
            with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
                found += fresh.submit(rows_of, name, chosen.pairs, chosen.quick).result()
        except Exception as error:  # the others have their turn
            traceback.print_exc()
            failed[name] = f"{type(error).__name__}: {error}".splitlines()[0]
        TABLE.parent.mkdir(exist_ok=True)
        machine = environment.describe(Hardware("cpu"))
        TABLE.write_text(page(found, failed, machine, others.share(), chosen.quick), encoding="utf8")
    print(f"\n{TABLE.read_text(encoding='utf8')}\n{TABLE}")
    return int(bool(failed) or not all(row.met for row in found))


def rows_of(name: str, pairs: int, quick: bool) -> list[Row]:
    """The rows of one benchmark; its processes have ended, so that what they took is known to be ours."""
    from harness.runner import worker

    try:
        return import_module(name).rows(pairs, quick)
    finally:
        worker.close_all()


def page(rows: list[Row], failed: dict[str, str], machine: Environment, others: float, quick: bool) -> str:
    """The table in Markdown, under what it was made with."""
    git, installed = machine.git, machine.versions
    commit = git.get("commit", "unknown")[:12] + (", changed since" if git.get("dirty") else "")
    packages = ("python", "torch", "pytorch-lightning", "keras", "tensorflow")
    said = [
        f"- date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"- machine: {machine.processor}, {machine.cores} cores, as many threads unless a row says otherwise",
        f"- versions: {', '.join(f'{name} {installed[name]}' for name in packages if name in installed)}",
        f"- harness: commit {commit}",
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
