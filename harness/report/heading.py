"""The head of a report: the settings, data, machine and date of its runs, so that the report can be read alone.

It has what runs share. What differs between them is in the names of the variants.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from harness.analysis.comparability import LIMITS, data_name
from harness.analysis.comparison import Comparison
from harness.analysis.listed import listed
from harness.config.libraries import is_read
from harness.notices import wrapped
from harness.records.record import Environment, Record
from harness.records.settings import key_of

MISSING = object()
MOST_SWEEPS = 4
"""The head names at most so many sweeps."""
BUDGET = {"epochs": ("epoch", "epochs"), "batch_size": ("sequence a batch", "sequences a batch")}
"""The settings of ``trainer`` that the head always has, with their unit for one and for several."""
INDENT = 8
"""The width of a label and the blanks behind it in the terminal."""

Line = tuple[str, str]
"""What a line is about, and its text."""


def heading(comparison: Comparison) -> list[Line]:
    """The head of a comparison; repeated and outdated runs do not count."""
    records = [run for variant in comparison.variants for run in (*variant.runs, *variant.failed)]
    commands = "" if comparison.sweep else _commands(records)
    return [*of_records(records), *([("runs", commands)] if commands else [])]


def of_records(records: Sequence[Record]) -> list[Line]:
    """The head of a report of these runs, or of these profiles, which have neither data nor epochs."""
    trained = [record for record in records if record.mode == "train"]
    lines = [("set", _settings(records))]
    lines += [("data", text) for text in dict.fromkeys(map(_data, trained))]
    lines += [("train", _budget(trained)), ("machine", _machines(records)), ("date", _dates(records))]
    return [(label, text) for label, text in lines if text]


def print_heading(lines: Sequence[Line], out: Console) -> None:
    """Print the head, broken between words alone: no number and no path is cut."""
    for label, text in lines:
        for line in wrapped(f"{label:{INDENT}}{text}", out.width, " " * INDENT):
            out.print(escape(line), soft_wrap=True)


def _settings(records: Sequence[Record]) -> str:
    """What commands set for all runs, and behind its name for all runs of one encoder.

    A setting counts also for a run whose own command left it out, if it is that run's default.
    """
    shared = _shared(records)
    said = [" ".join(override for key, override in shared.items() if key != "data")]  # data have a line of their own
    by_encoder: dict[str, list[Record]] = {}
    for record in records:
        by_encoder.setdefault(record.choices["encoder"], []).append(record)
    for encoder, own in by_encoder.items():
        others = [one for key, one in _shared(own).items() if key.startswith("encoder.") and key not in shared]
        said += [f"{encoder}: {' '.join(others)}"] if others else []
    return "; ".join(filter(None, said)) or "nothing for all runs: the defaults, except where runs differ"


def _shared(records: Sequence[Record]) -> dict[str, str]:
    """By key, the overrides of these runs whose value is the same in all of them, without what trials chose."""
    keys = {key_of(override) for record in records for override in record.overrides}
    configs = [_values_of(record, keys) for record in records]
    chosen = {key for record in records if record.tuning for key in record.tuning.chosen}
    shared: dict[str, str] = {}
    for record, config in zip(records, configs, strict=True):
        for override in record.overrides:
            key = key_of(override)
            if key in shared or key in chosen:
                continue
            if key in config:
                alike = all(key in other and other[key] == config[key] for other in configs)
            else:  # such as a choice that a record does not name
                alike = all(override in other.overrides for other in records)
            if alike:
                shared[key] = override
    return shared


def _values_of(record: Record, keys: set[str]) -> dict[str, Any]:
    """The values of these dotted keys in a record's config, and its choices, as far as it has them."""
    found: dict[str, Any] = {}
    for key in keys:
        value: Any = record.config
        for part in key.split("."):
            value = value.get(part, MISSING) if isinstance(value, dict) else MISSING
        if value is not MISSING and not isinstance(value, dict):
            found[key] = value
    return found | record.choices


def _data(record: Record) -> str:
    """The data of a run, the sizes of its splits, and its limits."""
    name, source = data_name(record), record.data.source
    sizes = ", ".join(f"{size:,} {split}" for split, size in record.data.sizes.items())
    settings: dict[str, Any] = record.config.get("data") or {}
    limits = [f"data.{key}={settings[key]}" for key in LIMITS if settings.get(key) is not None]
    text = name if source in ("", name) else f"{name} ({source})"
    text += f": {sizes} sequences" if sizes else ""
    return f"{text}; limited by {' '.join(limits)}" if limits else text


def _budget(records: Sequence[Record]) -> str:
    """What all runs were given in training, as far as it is the same; empty where no backend reads it."""
    return ", ".join(filter(None, (_count(records, key) for key in BUDGET)))


def _count(records: Sequence[Record], key: str) -> str:
    reading = [record for record in records if is_read(record.choices["backend"], f"trainer.{key}")]
    counts = {(record.config.get("trainer") or {}).get(key) for record in reading}
    if len(counts) != 1 or None in counts:
        return ""
    count = counts.pop()
    return f"{count:,} {BUDGET[key][count != 1]}"


def _machines(records: Sequence[Record]) -> str:
    """The machines of the runs, each kind once."""
    return "; ".join(dict.fromkeys(", ".join(_parts(record.environment)) for record in records))


def _parts(machine: Environment) -> Iterator[str]:
    if machine.processor:
        yield machine.processor
    if machine.cores:
        cores = f"{machine.cores} core{'s' * (machine.cores != 1)}"
        beside = machine.slot.slots // len(machine.slot.numbers) if machine.slot else 1
        yield f"{cores} a run, up to {beside} runs at a time" if beside > 1 else cores
    if machine.memory_mib:
        yield f"{machine.memory_mib / 1024:.0f} GiB"
    for device, count in Counter(machine.hardware.device_names).items():
        yield f"{count} x {device}" if count > 1 else device


def _commands(records: Sequence[Record]) -> str:
    """How many of the runs each sweep made, the newest first; empty where one sweep made all, or none any."""
    counts = Counter(record.sweep for record in sorted(records, key=lambda record: record.started, reverse=True))
    if len(counts) < 2:
        return ""
    single = counts.pop(None, 0)
    of_sweeps = [f"{count} of sweep {sweep}" for sweep, count in counts.items()]
    parts = [listed(of_sweeps, MOST_SWEEPS), *([f"{single} single run{'s' * (single > 1)}"] if single else [])]
    return f"{', '.join(parts)}; report --sweep ID compares those of one sweep alone"


def _dates(records: Sequence[Record]) -> str:
    """From the start of the first run to the end of the last, to the minute."""
    first = min(record.started for record in records)[:16].replace("T", " ")
    last = max(record.ended or record.started for record in records)[:16].replace("T", " ")
    if first == last:
        return f"{first} UTC"
    return f"{first} to {last.removeprefix(first[:11])} UTC"
