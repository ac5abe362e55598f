"""What a config must be, and what of it decides a run's result. Nothing here edits: what is printed is what runs."""

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue

from harness.backends.schedules import schedule_factor
from harness.measure import environment
from harness.records import METRICS, Mistake

Config = dict[str, Any]

NOT_DECIDING = (
    *("name", "choices", "output_dir", "cache_dir", "tracking", "sweep", "rerun", "run_timeout", "fail_fast"),
    *("data", "hardware"),
)
"""Keys that do not decide a run's result: where it is put and what it is called. Of data, the hash decides; of
hardware, what it is resolved to."""

UNUSED = {"train": ("profile",), "profile": ("trainer", "optimizer", "measure")}
"""The modes, and the keys that a run of each has no use for."""

COMPUTING = {
    "train": ("data", "measure", "backends", "quality.py", "run.py"),
    "profile": ("data", "measure", "backends", "profile.py", "profile_point.py"),
}
"""The parts of the harness that the numbers of each mode come from."""

EXTRAS = {"tensorflow": "tensorflow"}
"""Backends that come with an extra, and the module to look for."""


def resolve(config: DictConfig) -> Config:
    """The config as plain values.

    Raises:
        Mistake: a value that must be given is not.
    """
    try:
        return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        key = error.full_key or str(error).rsplit(" ", 1)[-1]
        raise Mistake(f"{key} must be given: add {key}=... to the command") from None


def check(config: Config) -> None:
    """Refuse nonsense before anything is started or written.

    Raises:
        Mistake: one sentence that names the key, what was expected, and what to do.
    """
    trainer, data = config["trainer"], config["data"]
    if config["mode"] not in UNUSED:
        raise Mistake(f"mode is one of {', '.join(UNUSED)}, not {config['mode']!r}")
    _check_profile(config["profile"])
    if config["mode"] == "profile" and config["hardware"]["devices"] != 1:
        raise Mistake(f"mode=profile measures one device, not {config['hardware']['devices']}; set hardware.devices=1")
    _whole("seed", config["seed"], least=0)
    for key in ("epochs", "batch_size", "eval_batch_size"):
        _whole(f"trainer.{key}", trainer[key], least=1)
    for key, value in (("trainer.patience", trainer["patience"]), ("data.limit", data.get("limit"))):
        if value is not None:
            _whole(key, value, least=1)
    if config["input"]["size"] is not None:
        _whole("input.size", config["input"]["size"], least=1)
    for key in ("run_timeout", "trainer.clip_norm", "optimizer.lr"):
        value = _get(config, key)
        if value is not None and not (_number(value) and value > 0):
            raise Mistake(f"{key} must be a number above 0, and is {value!r}")
    for key in ("input.dropout", "head.dropout"):
        value = _get(config, key)
        if not (_number(value) and 0 <= value < 1):
            raise Mistake(f"{key} must be a share from 0 to below 1, and is {value!r}")
    if trainer["monitor"] not in METRICS or not trainer["monitor"].startswith("val/"):
        named = ", ".join(name for name in METRICS if name.startswith("val/"))
        raise Mistake(f"trainer.monitor must be one of {named} (nothing is chosen on test), not {trainer['monitor']!r}")
    schedule_factor(config["optimizer"]["schedule"], config["optimizer"]["decay"], 1)
    for where, part in _parts(config["encoder"], "encoder"):
        _check_heads(where, part)
    if config["choices"]["encoder"] == "additive_attention" and config["choices"]["pooling"] != "additive_attention":
        raise Mistake(
            "encoder=additive_attention is additive attention pooling on the bare embeddings; for another pooling "
            f"({config['choices']['pooling']}) take encoder=bag_of_embeddings"
        )
    _check_backend(config["backend"]["name"])
    hardware(config)
    check_writable(Path(config["output_dir"]))


def _check_profile(profile: Config) -> None:
    for key in ("lengths", "batch_sizes"):
        values = profile[key]
        if not isinstance(values, list) or not values:
            raise Mistake(f"profile.{key} must be a list of whole numbers, such as [128,256], and is {values!r}")
        for value in values:
            _whole(f"profile.{key}", value, least=1)
    for key, least in (("vocabulary_size", 2), ("warmup_passes", 0), ("passes", 1)):
        _whole(f"profile.{key}", profile[key], least)
    for key in ("seconds", "point_seconds"):
        if not (_number(profile[key]) and profile[key] > 0):
            raise Mistake(f"profile.{key} must be a number above 0, and is {profile[key]!r}")


def check_task(config: Config, task: str) -> None:
    """Refuse what cannot do the task that the data sets.

    Raises:
        Mistake: the encoder gives one vector per sequence where every position has a label.
    """
    if task == "tagging" and config["choices"]["encoder"] == "additive_attention":
        raise Mistake(
            "encoder=additive_attention makes one vector of a sequence, and this data has a label for every position; "
            "take an encoder that gives one vector per position, such as self_attention or bidirectional"
        )


def _get(config: Config, key: str) -> Any:
    value: Any = config
    for part in key.split("."):
        value = value[part]
    return value


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(key: str, value: Any, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise Mistake(f"{key} must be a whole number of {least} or more, and is {value!r}")


def _parts(part: Config, where: str) -> Iterator[tuple[str, Config]]:
    """Every encoder inside an encoder's config, itself first."""
    if "_target_" in part:
        yield where, part
    for key, value in part.items():
        if isinstance(value, dict):
            yield from _parts(value, f"{where}.{key}")


def _check_heads(where: str, encoder: Config) -> None:
    heads, width = encoder.get("num_heads"), encoder.get("hidden_size")
    if heads is None or width is None:
        return
    _whole(f"{where}.num_heads", heads, least=1)
    if width % heads:
        raise Mistake(
            f"{where}.num_heads={heads} does not divide {where}.hidden_size={width}; "
            f"take {max(n for n in range(1, heads + 1) if width % n == 0)} heads or another width"
        )


def _check_backend(name: str) -> None:
    module = EXTRAS.get(name)
    if module and find_spec(module) is None:
        raise Mistake(f"backend={name} needs {module}: pip install 'sequence-encoder-harness[{name}]'")


def check_writable(output_dir: Path) -> None:
    """Make the output folder, and refuse one that cannot be written to.

    Raises:
        Mistake: with the system's own word for why.
    """
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output_dir):
            pass
    except OSError as error:
        raise Mistake(
            f"output_dir={output_dir} cannot be written to ({error.strerror}); set output_dir to a folder that can"
        ) from None


def hardware(config: Config) -> Config:
    """What the hardware settings come to on this machine: accelerator, devices, precision, threads, device names.

    Raises:
        Mistake: the machine lacks what was asked for.
    """
    wanted = config["hardware"]
    found = environment.accelerators()
    kinds = {"gpu": "cuda", "mps": "mps"}
    accelerator = wanted["accelerator"]
    if accelerator == "auto":
        accelerator = next((name for name, kind in kinds.items() if found and found[0]["kind"] == kind), "cpu")
    present = [device["name"] for device in found if device["kind"] == kinds.get(accelerator)]
    chosen = config["choices"]["hardware"]
    if accelerator in kinds and len(present) < wanted["devices"]:
        there = f"{len(present)} of them" if present else "none"
        raise Mistake(
            f"hardware={chosen} needs {wanted['devices']} {accelerator.upper()} device(s), and this machine has "
            f"{there}; take hardware=cpu or hardware=auto"
        )
    _whole("hardware.devices", wanted["devices"], least=1)
    threads = wanted["threads"]
    if threads is not None:
        _whole("hardware.threads", threads, least=1)
    return {
        "accelerator": accelerator,
        "devices": wanted["devices"],
        "precision": wanted["precision"],
        "threads": threads or max(1, environment.cores() // (wanted["devices"] if accelerator == "cpu" else 1)),
        "device_names": present[: wanted["devices"]],
    }


def fingerprint(config: Config, resolved_hardware: Config, data_hash: str | None) -> tuple[str, str]:
    """The hash of all that decides the run's result, and the same less the seed: the run's cell."""
    not_deciding = (*NOT_DECIDING, *UNUSED[config["mode"]])
    deciding = {key: value for key, value in config.items() if key not in not_deciding}
    if "profile" in deciding:
        deciding["compile"] = config["trainer"]["compile"]
        deciding["profile"] = {key: value for key, value in config["profile"].items() if key != "name"}
        config = deciding  # the data's loader, where one is named, computes nothing here
    deciding |= {"hardware": resolved_hardware, "data_hash": data_hash, "code": code_hash(config)}
    deciding["versions"] = environment.versions()
    without_seed = {key: value for key, value in deciding.items() if key != "seed"}
    return _digest(deciding), _digest(without_seed)


def _digest(value: Config) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def code_hash(config: Config) -> str:
    """The hash of the code that computes the numbers: the harness's own parts and the files of custom targets."""
    package = Path(__file__).parent
    other_backends = {path for path in (package / "backends").iterdir() if path.is_dir()}
    other_backends.discard(package / "backends" / config["backend"]["name"])
    files = [path for part in COMPUTING[config["mode"]] for path in _python_files(package / part)]
    files = [path for path in files if not other_backends & set(path.parents)]
    names = [str(path.relative_to(package)) for path in files]
    for target in sorted(_targets(config)):
        if not target.startswith("harness."):
            found = _target_files(target)
            files += found
            names += [f"{target}:{path.name}" for path in found]
    digest = hashlib.sha256()
    for name, path in zip(names, files, strict=True):
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _python_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def _targets(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("_target_"), str):
            yield value["_target_"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _targets(item)


def _target_files(target: str) -> list[Path]:
    """The source of a target from elsewhere: its top-level module, or all of a package that lies below this folder."""
    top = target.split(".")[0]
    spec = find_spec(top)
    if spec is None or spec.origin is None:
        raise Mistake(
            f"_target_ {target}: there is no module {top!r} in {os.getcwd()} or among the installed packages "
            f"(looked in {len(sys.path)} places)"
        )
    file = Path(spec.origin)
    inside_here = Path.cwd() in file.parents
    return sorted(file.parent.rglob("*.py")) if spec.submodule_search_locations and inside_here else [file]
