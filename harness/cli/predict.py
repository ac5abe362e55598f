"""``python -m harness predict``: ask a run's model about new rows.

    python -m harness predict RUN --text "a fine film" "not my taste"
    python -m harness predict best:imdb --file new.csv --out answers.csv
    cat lines.txt | python -m harness predict best:imdb > answers.csv

RUN is the folder of a run, its MLflow run id, or best:NAME. Exit codes: 0; 2 the user must fix something.
"""

import argparse
import io
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UserError
from harness.notices import notify

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from harness.backends.trained import TrainedModel
    from harness.data.loaders.new_files import NewTable

USER_ERROR = 2
STANDARD_INPUT = Path("-")
MOST_ROWS = 50
"""Rows that a table on the terminal has at most; of more, a file keeps the answers."""
LONGEST_TEXT = 80
"""Characters that it shows of a text."""
OF_CLASS = "probability_"
"""How the names of columns with the probability of one class begin."""
MOST_CLASSES = 6
"""Classes up to which a table on the terminal has the probability of each."""


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _predict(options)
    except UserError as error:
        notify(error)
    except UnicodeDecodeError as error:
        notify(f"predict: standard input is not UTF-8 ({error.reason}); convert it with iconv")
    return USER_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m harness predict", description="Ask a run's model about new rows, prepared as in its training."
    )
    parser.add_argument("run", metavar="RUN", help="the folder of a run, its MLflow run id, or best:NAME")
    parser.add_argument("--text", nargs="+", action="extend", metavar="TEXT", help="texts to answer")
    parser.add_argument(
        "--file", type=Path, help="a file of any form that data is read from, without labels; - or none: lines of "
        "standard input",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE", help=".csv, .jsonl or .parquet; default: the terminal")
    parser.add_argument(
        "--column", action="append", default=[], metavar="NAME",
        help="the column of texts or words in the file, if its name is another than in training; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--keep", action="append", default=[], metavar="NAME",
        help="a further column of the file to write beside the answers, such as id; may be repeated",
    )  # fmt: skip
    parser.add_argument("--hardware", metavar="NAME", help="cpu, gpu, gpu_bf16, ...; default: the best device here")
    parser.add_argument("--batch-size", type=int, metavar="N", help="default: trainer.eval_batch_size of the run")
    parser.add_argument("--output-dir", type=Path, default=Path("outputs"), help="where runs are; default: outputs")
    return parser


def _predict(options: argparse.Namespace) -> int:
    from harness.backends.trained import TrainedModel
    from harness.runner.run_reference import find_run

    _check(options)
    model = TrainedModel(find_run(options.run, options.output_dir), options.hardware, options.batch_size)
    total, portions = _portions(options, model)
    with _output(options, model, total) as write:
        _answer(model, total, portions, write, options.out)
    return 0


def _check(options: argparse.Namespace) -> None:
    """Refuse options that contradict each other, before a model is loaded."""
    if options.text and options.file:
        raise UserError("predict takes --text or --file, not both")
    if not options.text and not options.file and sys.stdin.isatty():
        raise UserError("predict needs something to answer: --text TEXT, --file FILE, or lines on standard input")
    if (options.column or options.keep) and (options.file or STANDARD_INPUT) == STANDARD_INPUT:
        raise UserError("--column and --keep name columns of a file; name it with --file")
    if options.batch_size is not None and options.batch_size < 1:
        raise UserError(f"--batch-size is a number of rows, 1 or more, and is {options.batch_size}")
    if options.out and options.file and options.out.exists() and options.out.samefile(options.file):
        raise UserError(f"--out {options.out} is the file to answer; name another one for the answers")


def _portions(options: argparse.Namespace, model: "TrainedModel") -> tuple[int | None, Iterator["NewTable"]]:
    """The number of rows, None where it is not known, and the rows, in portions that are predicted together."""
    from harness.data.loaders.new_files import read_new, rows_of_lines
    from harness.data.loaders.plain_text import texts_of_lines

    size = model.portion
    if options.text:
        table = rows_of_lines(options.text, model.data)
    elif options.file and options.file != STANDARD_INPUT:
        table = read_new(options.file, model.data, model.record.config["data"], options.column, options.keep)
    else:
        rows_of_lines([], model.data)  # refuses a model that reads no lines
        lines = texts_of_lines(sys.stdin)
        return None, (rows_of_lines(some, model.data) for some in iter(lambda: list(islice(lines, size)), []))
    return len(table), (table.part(start, start + size) for start in range(0, len(table), size))


def _answer(
    model: "TrainedModel", total: int | None, portions: Iterator["NewTable"], write: Any, out: Path | None
) -> None:
    """Predict and write portion by portion, with a bar on standard error; then say what was not read."""
    from tqdm import tqdm

    not_read: Counter[str] = Counter()
    done = 0
    with tqdm(total=total, desc="predict", unit=" rows", disable=None, dynamic_ncols=True, delay=1, leave=False) as bar:
        for portion in portions:
            answers = model.answer(portion.rows, first=done + 1)
            write(beside(portion.columns, answers.table))
            not_read += answers.not_read
            done += len(portion)
            bar.update(len(portion))
    for sentence in model.unread(not_read):
        notify(sentence)
    record = model.record
    notify(
        f"predict: {done:,} row{'s' * (done != 1)} answered by {record.label} of {record.name}, on "
        f"{', '.join(model.hardware.device_names) or model.hardware.accelerator}{f', into {out}' if out else ''}"
    )


def beside(columns: "pd.DataFrame", answers: "pd.DataFrame") -> "pd.DataFrame":
    """Columns of a file and the answers to its rows; a column that has the name of an answer becomes ``given_NAME``."""
    import pandas as pd

    taken = {*columns, *answers}
    new_names = {}
    for name in columns:
        if name in answers:
            new_names[name] = f"given_{name}"
            while new_names[name] in taken:
                new_names[name] = f"given_{new_names[name]}"
    renamed = columns.rename(columns=new_names)
    return pd.concat([renamed.reset_index(drop=True), answers], axis=1)


@contextmanager
def _output(options: argparse.Namespace, model: "TrainedModel", total: int | None) -> Iterator[Any]:
    """What writes answers: into a file, as csv where standard output is no terminal, else as a table."""
    from harness.cli.answer_files import answer_file, csv_writer
    from harness.tasks.answers import between_items

    separator = between_items(model.data.task, model.record.config["data"].get("label_separator"))
    if options.out:
        with answer_file(options.out, separator) as write:
            yield write
    elif not sys.stdout.isatty():
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf8", errors="strict")  # as every file of answers, whatever the terminal
        yield csv_writer(sys.stdout, separator)
    elif total is not None and total > MOST_ROWS:
        raise UserError(f"{total:,} rows are too many for the terminal; name a file for the answers: --out answers.csv")
    else:
        tables: list[pd.DataFrame] = []
        yield tables.append
        show(tables, separator)


def show(tables: list["pd.DataFrame"], separator: str) -> None:
    """Print answers as a table; where the classes are many or wide, only the answer has its probability."""
    import pandas as pd

    from harness.report.fitting import breaks_words
    from harness.report.terminal import console

    if not tables:
        return
    out, rows = console(), pd.concat(tables, ignore_index=True)
    of_classes = [name for name in rows if str(name).startswith(OF_CLASS)]
    without = rows.drop(columns=of_classes)
    wide = len(of_classes) > MOST_CLASSES or breaks_words(out, _table(rows, separator))
    whole_words = not (wide and breaks_words(out, _table(without, separator)))
    out.print(_table(without if wide else rows, separator, whole_words))
    if wide and of_classes:
        out.print(f"[dim]not shown: the probability of each of {len(of_classes)} classes (--out FILE has them)[/]")


def _table(rows: "pd.DataFrame", separator: str, whole_words: bool = False) -> "Table":
    """Answers as a table whose headings may take two lines.

    ``whole_words``: only columns with several words in a cell get narrower where there is little room.
    """
    from textwrap import shorten

    from rich.markup import escape
    from rich.table import Table

    from harness.cli.answer_files import as_text

    table, columns = Table(), list[Iterable[str]]()
    for name in rows:
        heading = str(name).replace("_", "\n", 1) if str(name).startswith(OF_CLASS) else str(name)
        cells = [shorten(as_text(value, separator), LONGEST_TEXT) for value in rows[name]]
        one_word = not any(" " in cell for cell in (heading, *cells))
        table.add_column(escape(heading), overflow="fold", no_wrap=whole_words and one_word)
        columns.append(map(escape, cells))
    for row in zip(*columns, strict=True):
        table.add_row(*row)
    return table
