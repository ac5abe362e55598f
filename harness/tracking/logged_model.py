"""The model of a run in MLflow: one for each MLflow run. Its weights share the disk with those in the run's folder."""

import re
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from harness.data.outline import OUTLINE
from harness.records import copies
from harness.records.record import Record
from harness.tracking.model import RUN, weights_of, write_model
from harness.tracking.quiet import pyfunc

LONGEST_NAME = 250
"""The longest name of a model, in characters."""
READY = "READY"
"""The status of a model that is whole."""


def has_model(record: Record) -> bool:
    """Whether a run's folder holds a model to log: that of a finished training which is no trial."""
    if record.mode != "train" or record.status != "finished" or record.is_trial:
        return False
    return bool(weights_of(record.folder)) and (record.folder / OUTLINE).exists()


def is_logged(client: Any, run: Any) -> bool:
    """Whether an MLflow run's model is whole, or the user has deleted it."""
    ids = _outputs_of(run)
    return bool(ids) and all(_is_done(client, model_id) for model_id in ids)


def log_model(client: Any, run: Any, record: Record, metrics: list[Any]) -> None:
    """Log the model of a record's best epoch to its MLflow run, or complete one that was logged in part.

    ``metrics`` are those of the run, which MLflow then shows beside the model too. A server that knows no models, as
    before MLflow 3, gets none.

    Raises:
        UserError: the run's folder lacks a file of the model, or the user's code that it is built of is not here.
    """
    from mlflow.entities import LoggedModelOutput, Metric
    from mlflow.exceptions import MlflowException

    try:
        model = _begun(client, run) or _create(client, run, record)
    except MlflowException as error:
        if error.error_code == "ENDPOINT_NOT_FOUND":
            return
        raise
    run_id, model_id = run.info.run_id, model.model_id
    if not _outputs_of(run):
        client.log_outputs(run_id, [LoggedModelOutput(model_id, step=len(record.history))])
    _upload(client, model, record.folder, run_id)
    shown = [Metric(one.key, one.value, one.timestamp, one.step, model_id, run_id=run_id) for one in metrics]
    client.log_batch(run_id, shown)
    client.finalize_logged_model(model_id, READY)


def _outputs_of(run: Any) -> list[str]:
    """The ids of the models that an MLflow run says it made."""
    return [output.model_id for output in run.outputs.model_outputs] if run.outputs else []


def _is_done(client: Any, model_id: str) -> bool:
    """Whether a model is whole, or not there any more."""
    from mlflow.exceptions import MlflowException

    try:
        return bool(client.get_logged_model(model_id).status == READY)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return True
        raise


def _begun(client: Any, run: Any) -> Any:
    """The model of a run whose logging was interrupted; None if there is none."""
    mine = f"source_run_id = '{run.info.run_id}'"
    return next(iter(client.search_logged_models([run.info.experiment_id], mine, max_results=1)), None)


def _create(client: Any, run: Any, record: Record) -> Any:
    """A new model without files."""
    tags = {"fingerprint": record.fingerprint, "variant": record.variant}
    params = {**record.choices, "seed": str(record.seed)}
    name, task = model_name(record.label), record.data.task
    return client.create_logged_model(run.info.experiment_id, name, run.info.run_id, tags, params, model_type=task)


def model_name(label: str) -> str:
    """A run's label as the name of its model: MLflow takes no slash, colon, point, percent sign or quote in it."""
    return re.sub(r"[:.%\"']", "_", label.replace("/", " "))[:LONGEST_NAME]


def _upload(client: Any, model: Any, folder: Path, run_id: str) -> None:
    """Bring the files of a model to MLflow. Where they lie on the disk of the run's folder, the weights take no space.

    The client would copy them.
    """
    pyfunc()
    from mlflow.models import Model

    with tempfile.TemporaryDirectory() as temporary:
        write_model(folder, Path(temporary), Model(run_id=run_id, model_uuid=model.model_id, model_id=model.model_id))
        client.log_model_artifacts(model.model_id, temporary)
    here = local_folder(model.artifact_location)
    for file in weights_of(folder):
        if here is None:
            client.log_model_artifact(model.model_id, str(file), RUN)
        else:
            copies.share(file, here / RUN / file.name)


def local_folder(location: str) -> Path | None:
    """The folder of an artifact location on this machine; None if it is on a server."""
    address = urlsplit(location)
    if address.scheme == "file" and address.netloc in ("", "localhost"):
        return Path(url2pathname(address.path))
    return None
