"""Rows from where they are kept: the hub, or a local copy of it.

Nothing here keeps a cache of its own between calls: the library's is put into a folder that is thrown away, because it
is keyed by a folder's name rather than by its content.
"""

import hashlib
import os
import re
import socket
import tempfile
import urllib.parse
from pathlib import Path

import pandas as pd

from harness.data.loaders.tables import file_key
from harness.errors import UserError

MIRROR = "HARNESS_DATA_MIRROR"


def local_copy(source: str) -> Path | None:
    """The folder that holds a source: below the mirror if there is one, else as a path of its own; None if neither."""
    mirror = os.environ.get(MIRROR)
    candidates = [Path(mirror, source)] if mirror else []
    return next((path for path in [*candidates, Path(source).expanduser()] if path.is_dir()), None)


def content_key(source: str, revision: str) -> str:
    """What the rows of a source depend on: the bytes of a local copy, or the commit on the hub."""
    folder = local_copy(source)
    if folder is None:
        return f"hub {source} {_hub_commit(source, revision)}"
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(folder)} {file_key(file)}".encode())
    return digest.hexdigest()


def _hub_commit(source: str, revision: str) -> str:
    """The commit a revision names: asked of the hub, or where that is out of reach, of the local download."""
    if re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision
    _go_offline_if_alone()
    from huggingface_hub import HfApi, constants

    if not constants.HF_HUB_OFFLINE:
        try:
            return str(HfApi().dataset_info(source, revision=revision).sha)
        except Exception as error:
            raise UserError(_no_source(source, f"the hub answered {type(error).__name__}")) from None
    reference = Path(constants.HF_HUB_CACHE, f"datasets--{source.replace('/', '--')}", "refs", revision)
    if not reference.is_file():
        raise UserError(_no_source(source, "the hub is out of reach and no download of it is kept"))
    return reference.read_text().strip()


def _go_offline_if_alone() -> None:
    """Find out in 3 seconds what the hub's library takes 23 to find out; it reads the setting when first imported."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    proxies = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    if "HF_HUB_OFFLINE" in os.environ or any(name in os.environ for name in proxies):
        return
    endpoint = urllib.parse.urlparse(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    try:
        socket.create_connection((endpoint.hostname, endpoint.port or 443), timeout=3).close()
    except OSError:
        os.environ["HF_HUB_OFFLINE"] = "1"


def not_below_mirror(source: str) -> str:
    """That the mirror does not hold a source, or that there is no mirror, in words."""
    mirror = os.environ.get(MIRROR)
    return f"{MIRROR}={mirror} holds no {source}/" if mirror else f"{MIRROR} is not set"


def _no_source(source: str, why: str) -> str:
    return (
        f"data: no source {source!r}: {not_below_mirror(source)}, there is no folder of that name here, and {why}; "
        f"set {MIRROR} to a folder that holds {source}/, or data.source to a folder with its files"
    )


def read_source(source: str, subset: str | None, revision: str) -> dict[str, pd.DataFrame]:
    """Every split of a hub data set or of its local copy, with class labels as their names.

    Raises:
        UserError: there is no such source, or the library cannot read it.
    """
    folder = local_copy(source)
    if folder is None:
        _go_offline_if_alone()
    import datasets

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        where = {"path": str(folder), "cache_dir": scratch} if folder else {"path": source, "revision": revision}
        try:
            splits = datasets.load_dataset(name=subset, **where)
        except Exception as error:
            said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            raise UserError(f"data: {source!r} cannot be read: {said}") from None
        return {str(name): _frame(split) for name, split in splits.items()}


def _frame(split) -> pd.DataFrame:
    frame = split.to_pandas()
    for name, feature in split.features.items():
        if labels := getattr(feature, "names", None):
            frame[name] = [labels[number] if number >= 0 else None for number in frame[name]]
        elif labels := getattr(getattr(feature, "feature", None), "names", None):  # of a list, one for each word
            frame[name] = [[labels[number] if number >= 0 else None for number in row] for row in frame[name]]
    return frame
