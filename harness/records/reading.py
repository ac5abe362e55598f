"""The records below folders that a user names."""

from collections.abc import Sequence
from pathlib import Path

from harness.errors import UserError
from harness.records import store
from harness.records.record import Record


def read_folders(folders: Sequence[Path]) -> tuple[list[Record], list[str]]:
    """Every record below these folders, each once, and a sentence for each file that is not a readable record.

    Of an output folder its runs are read, without the copies of their files that MLflow keeps beside them.

    Raises:
        UserError: a folder is missing.
    """
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        raise UserError(f"there is no folder {missing[0]}; run something first, or name the folder of the records")
    left_out: list[str] = []
    places = [folder / "runs" if (folder / "runs").is_dir() else folder for folder in folders]
    readable = [record for place in places for record in store.read_all(place, left_out)]
    # one folder may contain another
    records = list({(record.fingerprint, record.started, record.run_dir): record for record in readable}.values())
    return records, list(dict.fromkeys(left_out))


def no_record(folders: Sequence[Path], left_out: Sequence[str]) -> UserError:
    """The error where the folders hold no record; ``left_out`` is what ``read_folders`` said of unreadable ones."""
    record = "record that can be read" if left_out else "record"
    where = f" below {', '.join(map(str, folders))}" if folders else ""
    return UserError(f"there is no {record}{where}; run something first, or name the folder of the records")
