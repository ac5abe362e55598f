"""The folder around an exported ``model.onnx``: all that is needed to answer new rows without the harness.

``about.json`` says what the model reads and what its outputs mean, ``tokenizer.json`` makes ids of texts, and
``predict.py`` does the whole with onnxruntime, tokenizers and numpy alone. ``answering/`` is its code, the same that
``measure.serve`` measures.
"""

import shutil
import unicodedata
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from harness.data import Dataset
from harness.data.preparation import TextPreparation, WordPreparation
from harness.data.series_preparation import SeriesPreparation
from harness.data.tokenizers import SEPARATOR
from harness.records import store
from harness.records.record import Record
from harness.runner.export import answering
from harness.runner.export.tokenizer_json import in_python, own_ids, sentences, tokenizer_json
from harness.tasks.answers import between_items
from harness.tasks.task import Task

ABOUT, TOKENIZER, PREDICT = "about.json", "tokenizer.json", "predict.py"
SCRIPT = '''\
"""Answers of this folder's model to new rows: python predict.py --help. It needs onnxruntime, tokenizers and numpy."""

import sys
from pathlib import Path

from answering.command import main

if __name__ == "__main__":
    sys.exit(main(Path(__file__).parent))
'''


def as_served(data: Dataset, longest: int | None) -> Dataset:
    """The data of a run, whose preparation keeps no more steps of a row than its model reads (None: any number)."""
    preparation = data.preparation
    if longest is None or not isinstance(preparation, TextPreparation | WordPreparation):
        return data
    return replace(data, preparation=replace(preparation, max_length=min(preparation.max_length, longest)))


def write_bundle(
    folder: Path, data: Dataset, task: Task, longest: int | None = None, record: Record | None = None
) -> list[str]:
    """Write all files but the model into a folder; ``data`` is what ``as_served`` made, ``record`` is the run's.

    ``longest`` is the most steps that the model reads, None any number.

    Returns:
        What a user must know: where ``tokenizer.json`` alone does not read rows as the run did.
    """
    preparation = data.preparation
    notes: list[str] = []
    if isinstance(preparation, TextPreparation | WordPreparation):
        (folder / TOKENIZER).write_text(tokenizer_json(preparation), encoding="utf8")
        notes = sentences(preparation)
    content = {
        "task": data.task,
        "classes": data.classes,
        "per_step": task.per_step,
        "between_items": between_items(data.task, record.config["data"].get("label_separator") if record else None),
        "input": about_input(data, longest),
        "notes": notes,
        "versions": {"unicode": unicodedata.unidata_version, "tokenizers": metadata.version("tokenizers")},
    }
    if record is not None:
        tested = {name: value for name, value in record.metrics.items() if name in tested_names(task)}
        content["run"] = {
            "name": record.name, "label": record.label, "fingerprint": record.fingerprint, "metrics": tested
        }  # fmt: skip
    store.write_json(folder / ABOUT, content)
    (folder / PREDICT).write_text(SCRIPT, encoding="utf8")
    code = Path(answering.__file__).parent
    shutil.copytree(code, folder / code.name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return notes


def tested_names(task: Task) -> list[str]:
    """The names of the task's metrics on the test split."""
    return [f"test/{name}" for name in task.scores]


def about_input(data: Dataset, longest: int | None = None) -> dict[str, Any]:
    """What the model reads of a row, for ``answering.rows``."""
    preparation = data.preparation
    if isinstance(preparation, TextPreparation | WordPreparation):
        cut = {"max_length": preparation.max_length, "truncate": preparation.truncate}
        columns = list(preparation.columns)
        if isinstance(preparation, TextPreparation):
            joins = in_python(preparation)
            separator = preparation.tokenizer.vocabulary.index(SEPARATOR) if joins else None
            return {"kind": "texts", "columns": columns, **cut, "separator": separator, "ids": own_ids(preparation)}
        spelled = data.train.characters is not None
        characters = {
            "alphabet": preparation.alphabet if spelled else None,
            "characters_of_a_word": preparation.width if spelled else None,
        }
        return {"kind": "words", "columns": columns, **cut, **characters}
    if data.tokens:
        cut = {"max_length": longest, "truncate": "head"}
        return {"kind": "tokens", "columns": ["tokens"], "vocabulary": data.vocabulary, **cut}
    scaled: dict[str, Any] = {"mean": None, "std": None, "max_length": longest, "truncate": "head"}
    if isinstance(preparation, SeriesPreparation):
        scaled["mean"] = preparation.scale.mean_D.tolist()
        scaled["std"] = preparation.scale.std_D.tolist() if preparation.standardise else None
        scaled["missing"] = preparation.missing
    return {"kind": "features", "width": data.width, **scaled}
