"""How long one waits for the command line: help, config, the first training step, and the data of IMDB.

    python tests/benchmarks/startup.py [--pairs 5] [KEY=VALUE ...]

Seconds, not ratios. The first training step is compared with what the imports that it cannot do without take alone, as
Python does them: with the garbage collector, and to the end of the process. It may come sooner: the harness imports
without the collector, on several cores.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paired import Found, Goal, Row, in_turns, main
from sides import TRAINING_ALONE, command, in_fresh_process, timed

from harness import data
from harness.config.compose import compose
from harness.runner.run import prepare_data

RUN = ("data=imdb", "encoder=bag_of_embeddings", "hardware=cpu", "trainer.epochs=1", *TRAINING_ALONE)
QUICK = ("data.limit=96",)
BARE = "import torch, pytorch_lightning"
KEY = "seconds"


def prepare(job: dict[str, Any], tell: Any) -> None:
    """Prepare the data of a config, or find it prepared, and open it; tells the seconds of all that."""
    start = time.perf_counter()
    data.open_prepared(prepare_data(job["config"]))
    tell({KEY: time.perf_counter() - start})


def rows(pairs: int, quick: bool = False, overrides: Sequence[str] = ()) -> list[Row]:
    """The command line, then the data."""
    settings = (*RUN, *(QUICK if quick else ()), *overrides)
    return [*_command_line(pairs, settings), *_preparation(pairs, settings)]


def _command_line(pairs: int, settings: Sequence[str]) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="startup-") as name:
        folder = Path(name)
        command(folder, *settings)  # prepares the data and makes the store

        def harness(*arguments: str) -> Found:
            return {KEY: timed([sys.executable, "-m", "harness", *arguments], folder)[0]}

        sides = {
            "help": lambda: harness("--help"),
            "config": lambda: harness("--cfg", "job"),
            "first step": lambda: {KEY: command(folder, *settings)[1].metrics["speed/startup_seconds"]},
            "bare imports": lambda: {KEY: timed([sys.executable, "-c", BARE], folder)[0]},
        }
        found = in_turns(sides, pairs)
    first_step = [pair["first step"][KEY] for pair in found]
    more = [pair["first step"][KEY] - pair["bare imports"][KEY] for pair in found]
    return [
        Row("python -m harness --help", "", [pair["help"][KEY] for pair in found], Goal(most=0.5), "s"),
        Row("python -m harness --cfg job", "", [pair["config"][KEY] for pair in found], Goal(most=0.5), "s"),
        Row("command to first training step", "", first_step, Goal(), "s"),
        Row("command to first training step, beyond", f"python -c '{BARE}'", more, Goal(most=0.5), "s"),
    ]


def _preparation(pairs: int, settings: Sequence[str]) -> list[Row]:
    def once() -> Found:
        with tempfile.TemporaryDirectory(prefix="preparation-") as folder:
            job = {"config": compose(*settings, f"output_dir={folder}")}
            first, again = (in_fresh_process("startup:prepare", job)[KEY] for _ in range(2))
        return {"from_text_seconds": first, "prepared_seconds": again}

    found = in_turns({"IMDB": once}, pairs)
    from_text, prepared = ([pair["IMDB"][f"{key}_seconds"] for pair in found] for key in ("from_text", "prepared"))
    return [
        Row("preparing IMDB from its text", "", from_text, Goal(most=15), "s"),
        Row("opening it prepared", "", prepared, Goal(most=1), "s"),
    ]


if __name__ == "__main__":
    main(rows, __doc__)
