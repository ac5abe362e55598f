"""Rows of a data set from the Hugging Face hub, or from a local copy.

This module keeps no cache between calls. The ``datasets`` library writes its cache into a temporary folder, because
that cache is keyed by a folder's name and not by its content.
"""

import hashlib
import os
import re
import socket
import tempfile
import urllib.parse
from pathlib import Path
from typing import Any

import pandas as pd

from harness.data.loaders.archives import file_key
from harness.errors import UserError

MIRROR = "HARNESS_DATA_MIRROR"


def local_copy(source: str) -> Path | None:
    """The folder that holds a source: below the mirror, or else the source as a path; None if neither is a folder."""
    mirror = os.environ.get(MIRROR)
    candidates = [Path(mirror, source)] if mirror else []
    return next((path for path in [*candidates, Path(source).expanduser()] if path.is_dir()), None)


def content_key(source: str, revision: str) -> str:
    """A key of the content of a source: a hash of a local copy's files, or the commit on the hub.

    Raises:
        UserError: there is no local copy, and the commit is not known.
    """
    folder = local_copy(source)
    if folder is None:
        return f"hub {source} {_hub_commit(source, revision)}"
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(folder)} {file_key(file)}".encode())
    return digest.hexdigest()


def _hub_commit(source: str, revision: str) -> str:
    """The commit that a revision names, according to the hub or, if that is not reachable, to the local download."""
    if re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision
    go_offline_if_unreachable()
    from huggingface_hub import HfApi, constants

    if not constants.HF_HUB_OFFLINE:
        try:
            return str(HfApi().dataset_info(source, revision=revision).sha)
        except Exception as error:
            raise UserError(_no_source(source, f"the hub answered {type(error).__name__}")) from None
    commit = _downloaded_commit(source, revision)
    if commit is None:
        raise UserError(_no_source(source, "the hub is not reachable and no download of it is kept"))
    return commit


def _downloaded_commit(source: str, revision: str) -> str | None:
    """The commit that a revision named when it was downloaded; None if the hub's cache has no such download.

    The library keeps what a name stood for only where it asked by name. Of the default branch, the newest download is
    the one that it names.
    """
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        cache = scan_cache_dir(constants.HF_HUB_CACHE)
    except CacheNotFound:
        return None
    downloads = [repo for repo in cache.repos if (repo.repo_type, repo.repo_id) == ("dataset", source)]
    named = [repo.refs[revision].commit_hash for repo in downloads if revision in repo.refs]
    if named or revision != "main":
        return next(iter(named), None)
    commits = sorted((one.last_modified, one.commit_hash) for repo in downloads for one in repo.revisions)
    return commits[-1][1] if commits else None


def go_offline_if_unreachable() -> None:
    """Switch the hub's library to offline mode if the hub does not answer within 3 seconds; alone it would take 23.

    The library reads the setting when it is first imported.
    """
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
    """A clause that says that the mirror does not hold a source, or that there is no mirror."""
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
        go_offline_if_unreachable()
    import datasets

    if folder is not None:  # a download lasts, and shows how far it is
        datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        where = {"path": str(folder), "cache_dir": scratch} if folder else {"path": source, "revision": revision}
        try:
            splits = datasets.load_dataset(name=subset, **where)
        except Exception as error:
            cause = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            raise UserError(f"data: {source!r} cannot be read: {cause}") from None
        return {str(name): _frame(split) for name, split in splits.items()}


def _frame(split: Any) -> pd.DataFrame:
    """A split as a table, with the names of classes instead of their numbers; None where there is no label."""
    # integers beside a missing one stay integers: as floats, large ones would lose digits
    frame = split.with_format("arrow")[:].to_pandas(integer_object_nulls=True)
    for name, feature in split.features.items():
        if labels := getattr(feature, "names", None):
            frame[name] = pd.Series([_class_name(labels, one) for one in frame[name]], dtype=object)
        elif labels := getattr(getattr(feature, "feature", None), "names", None):  # one label per word
            rows = [None if row is None else [_class_name(labels, one) for one in row] for row in frame[name]]
            frame[name] = pd.Series(rows, dtype=object)
    return frame


def _class_name(names: list[str], number: float | None) -> str | None:
    """The name of a class; None where the hub has no label: null (NaN beside numbers), or -1."""
    return None if number is None or number != number or number < 0 else names[int(number)]
