"""What decides a run's result, in one hash: config, data, code, versions, machine.

Runs of equal fingerprints are the same run: the second is skipped.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from harness.config import custom_code
from harness.config.libraries import COMPUTING_PACKAGES, PRETRAINED_PACKAGES, not_read
from harness.config.pretrained import is_pretrained
from harness.config.schema import AFTERWARDS, CLASS_WEIGHTS, UNUSED, Config
from harness.data import source_code
from harness.data.model_files import content_of, model_folder
from harness.measure import environment
from harness.measure.processors import processor_name
from harness.records.hardware_facts import facts as hardware_facts
from harness.records.record import Hardware
from harness.records.settings import one_form, without

NOT_DECIDING = (
    *("name", "choices", "output_dir", "cache_dir", "tracking", "sweep", "worker", "rerun", "run_timeout", "fail_fast"),
    *("trial", "data", "hardware", "report", "tune"),
)
"""Keys that do not decide a run's result: where it is put and what it is called. Of data, the hash and the class
weights decide; of hardware, what it is resolved to; of tune, whether a run is a trial, or what chose its settings."""

COMPUTING = {
    "train": ("data", "measure", "backends", "tasks", "runner/train.py"),
    "profile": ("data", "measure", "backends", "tasks", "runner/profile.py", "runner/profile_point.py"),
}
"""The parts of the harness that the numbers of each mode come from."""


def of(
    config: Config, hardware: Hardware, data_hash: str | None, pooled: bool = True, vectors: str | None = None
) -> tuple[str, str]:
    """The hash of all that decides the run's result, and the same without the seed: the run's variant.

    ``pooled`` is False where each step has a label, so that no pooling takes part. ``vectors`` is the hash of the
    content of ``input.vectors``, wherever the file is.
    """
    backend = config.backend.name
    deciding = without(config.to_dict(), (*NOT_DECIDING, *UNUSED[config.mode], *not_read(backend)))
    if vectors is not None:
        deciding["input"] |= {"vectors": vectors, "frozen": bool(config.input.frozen)}
    if not pooled:
        deciding["pooling"] = None
    packages = ["python", "numpy", *COMPUTING_PACKAGES.get(backend, ())]
    if is_pretrained(config.encoder):  # what is in its files decides, and not where they are
        deciding["encoder"]["model"] = content_of(model_folder(config.encoder["model"]))
        packages += PRETRAINED_PACKAGES
    if config.mode == "profile":
        deciding["compile"] = config.trainer.compile
        del deciding["profile"]["name"]
    else:
        for key in AFTERWARDS:
            del deciding["measure"][key]
        deciding[CLASS_WEIGHTS] = config.data.get(CLASS_WEIGHTS)
    if config.tune.trial is not None:  # it reads no test split
        # median stopping compares a trial with the others of its space: in another space it may train longer
        others = config.tune.model_dump(exclude={"trial"}) if config.tune.prune else {"prune": False}
        deciding["tune"] = {"trial": True, **others}
    elif config.tune.space:  # so tuned runs are beside those that nothing tuned, also where the settings are the same
        deciding["tune"] = config.tune.model_dump()
    used = hardware_facts(hardware)
    del used["device_power_limits_w"]  # an administrator's change of it is no other run
    deciding |= {"hardware": used, "data_hash": data_hash, "code": code_hash(config, pooled)}
    deciding["processor"] = processor_name()  # machines that share an output folder have runs of their own
    installed = environment.versions()
    deciding["versions"] = {name: installed[name] for name in packages if name in installed}
    deciding = one_form(deciding)
    # with the flag, a run has a curve more, and the same numbers
    return _digest(deciding), _digest(without(deciding, ("seed", "trainer.report_test_each_epoch")))


def _digest(value: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def code_hash(config: Config, pooled: bool = True) -> str:
    """The hash of the code that computes the numbers: the harness's own parts and the files of custom targets.

    ``pooled`` as in ``of``: a pooling that takes no part is no part of the code.
    """
    package = Path(__file__).parent.parent
    other_backends = {path for path in (package / "backends").iterdir() if path.is_dir()}
    other_backends.discard(package / "backends" / config.backend.name)
    files = [path for part in COMPUTING[config.mode] for path in _python_files(package / part)]
    files = [path for path in files if not other_backends & set(path.parents)]
    unused = [*(["data", "optimizer"] if config.mode == "profile" else []), *([] if pooled else ["pooling"])]
    settings = without(config.to_dict(), (*unused, *not_read(config.backend.name)))  # these compute nothing here
    for target in custom_code.targets_of(settings):
        files += custom_code.files_of(target)
    return source_code.digest(files)


def _python_files(path: Path) -> list[Path]:
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    assert files, f"{path} is no part of the harness"
    return files
