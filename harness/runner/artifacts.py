"""The files that go with a record in its run's folder, whether or not anything tracks the run."""

import dataclasses

import yaml

from harness.records import store
from harness.records.record import Record
from harness.report import plots, profiles


def make(record: Record) -> None:
    """Write ``config.yaml`` and ``environment.json``, and draw what the record has: curves, confusion, a profile."""
    folder = record.folder
    store.write_text(folder / "config.yaml", yaml.safe_dump(record.config, sort_keys=False, allow_unicode=True))
    store.write_json(folder / "environment.json", dataclasses.asdict(record.environment))
    if record.history:
        plots.learning_curves(record.history, folder / "learning_curves.png", record.data.chance)
    if (folder / store.CONFUSION).exists():
        counts = store.load_json(folder / store.CONFUSION)
        plots.confusion(counts, record.data.classes, folder / "confusion.png", record.data.unseen)
    if record.profile:
        profiles.picture([record], folder / "profile.png")
