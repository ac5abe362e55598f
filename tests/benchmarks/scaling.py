"""How cost grows with what a user changes: rows, vocabulary, length, batch size, runs of a sweep, records of a report.

    python tests/benchmarks/scaling.py [NAME ...] [--quick]

Each size is measured once. The exponent p of ``cost = c * size**p`` is fitted to the larger half of the sizes, at least
three, and stands beside the algorithm's own. The table of what was measured on a quiet machine goes into
docs/SCALING.md; those of what was not measured anew stay as they are. ``--quick`` takes tiny sizes and only prints.
"""

import argparse
import random
import re
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import commit_of, this_machine
from paired import REPOSITORY
from sides import TRAINING_ALONE, command, in_fresh_process, timed

from harness import data
from harness.config.compose import compose
from harness.measure import environment
from harness.measure.scaling import exponent
from harness.runner import worker
from harness.runner.run import prepare_data

PAGE = REPOSITORY / "docs" / "SCALING.md"
BEGIN, END = "<!-- written by scaling.py -->", "<!-- end of what scaling.py writes -->"
WORDS, STEPS = 20, 40
FAST = ("hardware=cpu", "tracking=none", "trainer.epochs=1", *TRAINING_ALONE)


@dataclass(frozen=True)
class Cost:
    """Seconds, memory in MiB and disk in MiB; None where it is not measured."""

    seconds: float
    memory: float | None = None
    disk: float | None = None


@dataclass(frozen=True)
class Axis:
    """What grows, what is measured, the sizes, and the exponent of the seconds that the algorithm explains."""

    what: str
    measured: str
    sizes: Sequence[int]
    quick: Sequence[int]
    order: float
    measure: Callable[[Path, int], Cost]


def disk(folder: Path) -> float:
    """MiB of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20


def prepare(job: dict[str, Any], tell: Any) -> None:
    """Prepare and open the data of a config; tells seconds, and the peak memory less that before."""
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    data.open_prepared(prepare_data(job["config"]))
    seconds = time.perf_counter() - start
    tell({"seconds": seconds, "memory": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024})


def rows_of_text(folder: Path, rows: int) -> Cost:
    """Prepare a csv file of so many rows."""
    rng = random.Random(0)
    words = [f"w{number}" for number in range(20_000)]
    with open(folder / "rows.csv", "w") as file:
        file.write("text,label\n")
        file.writelines(f"{' '.join(rng.choices(words, k=WORDS))},{rng.choice('ab')}\n" for _ in range(rows))
    config = compose("data=files", f"data.train={folder}/rows.csv", f"cache_dir={folder}/cache")
    found = in_fresh_process("scaling:prepare", {"config": config})
    return Cost(found["seconds"], found["memory"], disk(folder / "cache"))


def step(folder: Path, *settings: str, length: int = 64, vocabulary: int = 20_000, batch: int = 32) -> Cost:
    """A training step: its median seconds, and the peak memory of training; disk is the folder of the run."""
    size = {"sequences": STEPS * batch, "length": length, "vocabulary": vocabulary}
    shutil.copy(Path(__file__).with_name("random_tokens.py"), folder)
    custom = ("data=custom", "data._target_=random_tokens.load", *(f"+data.{key}={size[key]}" for key in size))
    _, record = command(folder, *FAST, *custom, f"trainer.batch_size={batch}", *settings)
    metrics = record.metrics
    return Cost(metrics["speed/train_step_ms_p50"] / 1000, metrics["memory/host_train_peak_mib"], disk(record.folder))


def finished_sweep(folder: Path, runs: int) -> Cost:
    """A sweep of so many runs that are all finished: what the command itself takes; disk is that of all runs."""
    quick = (*FAST, "measure.attention_examples=0", "hardware.threads=1", "data=digits", "data.limit=64")
    words = [sys.executable, "-m", "harness", "-m", "encoder=bag_of_embeddings", f"seed=range({runs})", *quick]
    timed(words, folder)
    seconds, _ = timed(words, folder)
    return Cost(seconds, None, disk(folder / "outputs" / "runs"))


def report(folder: Path, records: int) -> Cost:
    """A report over so many records, five seeds a variant; disk is the page."""
    sys.path.append(str(REPOSITORY / "tests"))
    from made_records import LATENCY, MEMORY, TOKENS, over_seeds, write

    rng = random.Random(0)
    found = []
    for width in range(records // 5):
        scores = [0.8 + 0.1 * rng.random() + rng.gauss(0, 0.01) for _ in range(5)]
        metrics = {name: [rng.uniform(1, 2) for _ in range(5)] for name in (LATENCY, TOKENS, MEMORY)}
        found += over_seeds("lstm", scores, config={"encoder.hidden_size": width + 1}, metrics=metrics)
    write(folder / "outputs", found)
    seconds, _ = timed([sys.executable, "-m", "harness", "report"], folder)
    (page,) = (folder / "outputs" / "reports").rglob("report.html")
    return Cost(seconds, None, page.stat().st_size / 2**20)


AXES = {
    "rows": Axis("rows of train", "preparing a csv file of 20 words a row", (10**4, 10**5, 10**6), (100, 200), 1.0,
                 rows_of_text),
    "vocabulary": Axis("words of the vocabulary", "a training step of bag_of_embeddings, width 128",
                       (10**4, 10**5, 10**6), (100, 200), 0.0,
                       lambda folder, size: step(folder, "encoder=bag_of_embeddings", vocabulary=size)),
    **{
        f"length_{encoder}": Axis("tokens of a sequence", f"a training step of {encoder}, batch 4",
                                  (128, 512, 1024, 2048, 4096), (8, 16), order,
                                  lambda folder, size, encoder=encoder: step(folder, f"encoder={encoder}", length=size,
                                                                             batch=4))
        for encoder, order in (("lstm", 1.0), ("self_attention", 2.0))
    },
    "batch": Axis("sequences of a batch", "a training step of lstm, 64 tokens", (1, 4, 16, 64, 256), (1, 2), 1.0,
                  lambda folder, size: step(folder, "encoder=lstm", batch=size)),
    "sweep": Axis("runs of a sweep", "the same command again: every run is found finished",
                  (10, 30, 100, 300, 1000), (1, 2), 1.0, finished_sweep),
    "report": Axis("records of a report", "the command report, five seeds a variant; disk: the page",
                   (10, 100, 1000, 10_000), (10, 20), 1.0, report),
}  # fmt: skip


def heading(axis: Axis) -> str:
    """How the section of an axis begins, on the page too."""
    return f"**{axis.what.capitalize()}**: {axis.measured}."


def section(axis: Axis, costs: Sequence[tuple[int, Cost]], where: str) -> str:
    """What was measured of an axis, in Markdown: its table, and ``where``."""
    lines = [heading(axis), "", f"| {axis.what} | seconds | memory, MiB | disk, MiB |", "|---:|---:|---:|---:|"]
    for size, cost in costs:
        more = ["" if value is None else f"{value:,.1f}" for value in (cost.memory, cost.disk)]
        lines.append(f"| {size:,} | {cost.seconds:.4g} | {' | '.join(more)} |")
    grown = [_grown(costs, key) for key in ("seconds", "memory", "disk")]
    lines += [f"| exponent, of the algorithm {axis.order:g} | {' | '.join(grown)} |", "", where]
    return "\n".join(lines)


def with_section(page: str, name: str, text: str) -> str:
    """The page with the section of an axis put in or replaced; sections stand in the order of the axes."""
    before, rest = page.split(BEGIN)
    inside, after = rest.split(END)
    parts = re.split(r"(?m)^(?=\*\*)", inside)
    found = {key: part for key, axis in AXES.items() for part in parts if part.startswith(heading(axis))}
    found[name] = text
    sections = "\n\n".join(found[key].strip() for key in AXES if key in found)
    return f"{before}{BEGIN}\n\n{sections}\n\n{END}{after}"


def _grown(costs: Sequence[tuple[int, Cost]], key: str) -> str:
    curve = [(size, value) for size, cost in costs if (value := getattr(cost, key)) is not None]
    found = exponent([curve])
    return "" if found is None else f"{found:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(AXES))
    parser.add_argument("--quick", action="store_true", help="tiny sizes: to see that it runs, not to measure")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(AXES):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(AXES)}")
    for name in chosen.names or AXES:
        axis, others = AXES[name], environment.OtherProcesses()
        costs = []
        for size in axis.quick if chosen.quick else axis.sizes:
            with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
                costs.append((size, axis.measure(Path(folder), size)))
            print(f"{name} {size:,}: {costs[-1][1]}", flush=True)
        worker.close_all()  # what its processes took is then known to be ours
        taken = others.share()
        machine = this_machine()
        where = f"{machine.processor}, {machine.cores} cores, {datetime.now(UTC):%Y-%m-%d}, commit {commit_of(machine)}"
        text = section(axis, costs, f"Measured on {where}; other processes took {taken:.1%} of the processors.")
        print(text, flush=True)
        if not chosen.quick and taken <= environment.BUSY:
            PAGE.write_text(with_section(PAGE.read_text(encoding="utf8"), name, text), encoding="utf8")


if __name__ == "__main__":
    main()
