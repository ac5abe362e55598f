"""A run's trained model as an MLflow model: a folder that needs nothing else of the run, and no secrets or paths."""

import dataclasses
import json
import os
import platform
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from harness.backends.trained import finished_record, restored_files
from harness.config import custom_code
from harness.config.libraries import COMPUTING_PACKAGES
from harness.data import Dataset, load_outline
from harness.data.outline import OUTLINE
from harness.records import store
from harness.records.record import Record
from harness.tracking import loaded_model
from harness.tracking.model_signature import example_of, signature_of
from harness.tracking.quiet import pyfunc, silence

RUN, CODE = "run", "code"
"""The folders in an MLflow model with the files of the run, and with the user's own code."""
CONDA, PYTHON, REQUIREMENTS = "conda.yaml", "python_env.yaml", "requirements.txt"
EXAMPLE, REQUEST = "input_example.json", "serving_input_example.json"
NAMES = (RUN, CODE, CONDA, PYTHON, REQUIREMENTS, EXAMPLE, REQUEST)
"""All that is beside ``MLmodel``."""
DISTRIBUTION = "sequence-encoder-harness"


def load_model(path: Path) -> Any:
    """The MLflow model in a folder, as MLflow loads it; its ``get_raw_model()`` is the ``TrainedModel``."""
    silence()
    return pyfunc().load_model(str(path))


def save_model(folder: Path, path: Path) -> None:
    """Write the model of a finished run's folder as an MLflow model into the folder ``path``.

    Raises:
        UserError: the folder has no finished run, or lacks a file.
    """
    silence()
    pyfunc()
    from mlflow.models import Model

    write_model(folder, path, Model())
    for file in weights_of(folder):
        shutil.copyfile(file, path / RUN / file.name)


def weights_of(folder: Path) -> list[Path]:
    """The large files of a run's model, which ``write_model`` leaves out."""
    return [file for file in restored_files(folder) if file.name.startswith(store.WEIGHTS)]


def write_model(folder: Path, path: Path, model: Any) -> None:
    """Write everything of the MLflow model of a run but its weights; ``model`` is its ``mlflow.models.Model``.

    MLflow's own ``save_model`` would copy the weights, and search all installed packages for the requirements, which
    takes seconds; ``add_to_model`` is for files that are in place.

    Raises:
        UserError: as ``save_model``.
    """
    record = finished_record(folder)
    data = load_outline(folder)
    (path / RUN).mkdir(parents=True, exist_ok=True)
    _write_run(record, path / RUN)
    has_code = _write_code(record, path / CODE)
    _write_environment(record, path)
    model.saved_input_example_info = _write_example(data, path)
    model.signature = signature_of(data)
    pyfunc().add_to_model(
        model, loader_module=loaded_model.__name__, data=RUN, code=CODE if has_code else None, conda_env=CONDA,
        python_env=PYTHON,
    )  # fmt: skip
    files = [*path.rglob("*"), *weights_of(folder)]
    model.model_size_bytes = sum(file.stat().st_size for file in files if file.is_file())
    model.save(path / "MLmodel")


def requirements_of(record: Record) -> list[str]:
    """What must be installed where the model is used: the harness, and the versions that the run computed with."""
    backend = record.config["backend"]["name"]
    others = {package for name, packages in COMPUTING_PACKAGES.items() if name != backend for package in packages}
    versions = {name: version for name, version in record.environment.versions.items() if name != "python"}
    # without the local part (2.9.0+cpu): the package index has no such version, and each of them satisfies the other
    own = [f"{name}=={version.split('+')[0]}" for name, version in versions.items() if name not in others]
    try:
        return [f"{DISTRIBUTION}=={metadata.version(DISTRIBUTION)}", *own]
    except metadata.PackageNotFoundError:  # it runs from a folder, and is not installed
        return own


def _write_run(record: Record, folder: Path) -> None:
    """Write the files from which the model is built again, apart from the weights."""
    weights = weights_of(record.folder)
    for file in restored_files(record.folder):
        if file not in weights:
            shutil.copyfile(file, folder / file.name)
    outline = json.loads((folder / OUTLINE).read_text(encoding="utf8"))
    (folder / OUTLINE).write_text(json.dumps(_without_folders(outline, ("source", "notes"))), encoding="utf8")
    (folder / store.RECORD).write_text(json.dumps(_without_machine(record).to_json()), encoding="utf8")


def _write_code(record: Record, folder: Path) -> bool:
    """Write the user's own code that the model is built of, where it is no installed package; whether there is any."""
    parts = {name: part for name, part in record.config.items() if name not in ("data", "optimizer")}
    for target in custom_code.targets_of(parts):
        for file, place in custom_code.own_files_of(target).items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / place)
    return folder.exists()


def _write_environment(record: Record, path: Path) -> None:
    """Write the requirements, and the environments of conda and virtualenv that are made of them."""
    requirements, python = requirements_of(record), record.environment.versions.get("python", platform.python_version())
    (path / REQUIREMENTS).write_text("\n".join(requirements) + "\n", encoding="utf8")
    packages = [f"python={python}", "pip", {"pip": requirements}]
    conda = {"name": "harness", "channels": ["conda-forge"], "dependencies": packages}
    virtualenv = {"python": python, "build_dependencies": ["pip"], "dependencies": [f"-r {REQUIREMENTS}"]}
    for name, content in ((CONDA, conda), (PYTHON, virtualenv)):
        (path / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf8")


def _write_example(data: Dataset, path: Path) -> dict[str, str]:
    """Write the input example, also as a request to a server; returns what MLflow must know of the files."""
    split = example_of(data).to_dict("split", index=False)
    for name, content in ((EXAMPLE, split), (REQUEST, {"dataframe_split": split})):
        (path / name).write_text(json.dumps(content), encoding="utf8")
    return {"artifact_path": EXAMPLE, "serving_input_path": REQUEST, "type": "dataframe", "pandas_orient": "split"}


def _without_machine(record: Record) -> Record:
    """A record that says nothing of the machine's folders, its name and its tracking server."""
    config = _without_folders(record.config, ("data", "input"))
    config |= {"output_dir": "outputs", "cache_dir": "outputs/cache"}
    config["tracking"] = {**config["tracking"], "uri": None}
    return dataclasses.replace(
        record,
        config=config,
        data=dataclasses.replace(record.data, **_without_folders(dataclasses.asdict(record.data), ("source", "notes"))),
        environment=dataclasses.replace(record.environment, host=""),
        overrides=[],
        tracked_in=None,
    )


def _without_folders(content: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """A dictionary in which some values, and what is in them, have the name of a file in place of its whole path."""
    return {key: _named(value) if key in keys else value for key, value in content.items()}


def _named(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _named(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_named(one) for one in value]
    return os.path.basename(value) if isinstance(value, str) and os.path.isabs(value) else value
