"""Looks a run up in the MLflow store by its id."""

from pathlib import Path

from harness.errors import UserError
from harness.records.secrets import masked
from harness.tracking.address import OFF, database_of, store_uri
from harness.tracking.store import connect, reason


def run_dir_of(run_id: str, output_dir: Path) -> Path | None:
    """The folder that a run of MLflow wrote, relative to its output folder; None where the store has no such run.

    The store is that of the environment, else the output folder's own, which is not created.

    Raises:
        UserError: the store does not answer.
    """
    uri = store_uri(None, output_dir)
    database = database_of(uri)
    if uri == OFF or (database is not None and not database.exists()):
        return None
    try:
        client = connect(uri)
        from mlflow.exceptions import MlflowException

        try:
            run_dir = client.get_run(run_id).data.tags.get("run_dir")
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
    except Exception as error:
        raise UserError(f"MLflow at {masked(uri)} does not answer: {reason(uri, error)}") from None
    return Path(run_dir) if run_dir else None
