"""Which MLflow store a run goes to: the one in the settings, in the environment, or in the output folder."""

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote

from harness.errors import UserError
from harness.records.record import Record
from harness.records.secrets import HIDDEN, masked
from harness.records.store import output_dir_of

VARIABLE = "MLFLOW_TRACKING_URI"
OFF = "none"


def store_uri(uri: str | None, output_dir: Path) -> str:
    """The URI of the MLflow store: that of the settings, else of the environment, else a database in the output folder.

    The path of an sqlite database is made absolute, so that the URI means the same in every folder.
    """
    chosen = uri or os.environ.get(VARIABLE)
    if not chosen or (not uri and chosen == OFF):
        return own_store(output_dir)
    file = database_of(chosen)
    if file is None or file.is_absolute():
        return chosen
    return sqlite_uri(file.absolute()) + "".join(chosen.partition("?")[1:])


def own_store(output_dir: Path) -> str:
    """The URI of the database in an output folder."""
    return sqlite_uri(output_dir.absolute() / "mlflow.db")


def elsewhere(uri: str | None, output_dir: Path) -> str | None:
    """The store of a run for its record: without secrets; None for the output folder's own, and without tracking."""
    chosen = store_uri(uri, output_dir)
    return None if chosen in (OFF, own_store(output_dir)) else masked(chosen)


def store_of(record: Record) -> str:
    """The URI of the store that a record was, or would be, tracked in; ``OFF`` for a run without tracking.

    Raises:
        UserError: the store needs a secret, which no record keeps, and the environment does not have it.
    """
    if record.config["tracking"]["uri"] == OFF:
        return OFF
    known = record.tracked_in
    if known is None:
        return own_store(output_dir_of(record))
    if HIDDEN not in known:
        return known
    given = os.environ.get(VARIABLE, "")
    if masked(given) != known:
        raise UserError(
            f"{record.label} is tracked at {known}, and no record keeps a password; "
            f"set {VARIABLE} to this address with its password"
        )
    return given


def check_store(uri: str | None) -> None:
    """Refuse a store of files, to which MLflow no longer writes.

    Raises:
        UserError: one sentence that names the setting or the variable, and what to use instead.
    """
    chosen = uri or os.environ.get(VARIABLE) or OFF
    is_file = re.match(r"file:|(?![\w+.-]+:)", chosen)
    if chosen != OFF and is_file and chosen not in ("databricks", "databricks-uc", "uc"):
        name = "tracking.uri" if uri else VARIABLE
        raise UserError(
            f"{name}={chosen} is a folder of files, to which MLflow no longer writes; leave it out for a database in "
            "the output folder, or name a database (tracking.uri=sqlite:///mlflow.db) or a server"
        )


SQLITE = re.compile(r"sqlite(?:\+pysqlite)?:///([^?]*)")
"""The URI of an sqlite database, without its query."""


def sqlite_uri(file: Path) -> str:
    """The URI of a database file, in which ``%`` and ``?`` of its path have no meaning of their own."""
    quoted = str(file).replace("%", quote("%")).replace("?", quote("?"))
    # from the short form MLflow creates the database's folder, and does not decode its name
    return f"{'sqlite' if quoted == str(file) else 'sqlite+pysqlite'}:///{quoted}"


def database_of(uri: str) -> Path | None:
    """The file of a store that is an sqlite database; None for any other store."""
    found = SQLITE.match(uri)
    return Path(unquote(found[1])) if found else None
