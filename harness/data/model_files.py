"""The files of a pretrained model: a folder, or an id on the Hugging Face hub, downloaded into the hub's own cache.

Read are ``config.json``, ``tokenizer.json`` and weights in ``.safetensors`` alone: nothing in these files is run.
"""

import hashlib
import re
from pathlib import Path

from harness.data.loaders.archives import unchanged_file_key
from harness.data.loaders.hub import go_offline_if_unreachable
from harness.errors import UserError

CONFIG, TOKENIZER = "config.json", "tokenizer.json"
WEIGHTS = "*.safetensors"
HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+?)(@(?P<revision>[\w./-]+))?", re.ASCII)
"""OWNER/NAME, and after an @ a commit, a tag or a branch."""


def model_folder(name: str, key: str = "encoder.model") -> Path:
    """The folder of a model that a setting, ``key``, names; a model of the hub is downloaded.

    Raises:
        UserError: there is no such folder, and no such model on the hub or in its cache.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    looked = f"there is no folder {folder} (looked in {Path.cwd()})"
    found = HUB_ID.fullmatch(name)
    if found is None:
        raise UserError(f"{key}={name}: {looked}; name a folder, or a model on the hub as OWNER/NAME")
    go_offline_if_unreachable()
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(
            found["repo"], revision=found["revision"], allow_patterns=[CONFIG, TOKENIZER, WEIGHTS, f"{WEIGHTS}.*.json"],
            ignore_patterns=["*/*"],
        ))  # fmt: skip
    except Exception as error:  # the library raises many types
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(
            f"{key}={name}: {looked}, and the hub or its cache on this machine gives no such model ({why}); name a "
            "folder with the model's files"
        ) from None


def tokenizer_of(name: str, key: str = "encoder.model") -> Path:
    """The file with the tokenizer of a model.

    Raises:
        UserError: as ``model_folder``, or the model has no such file.
    """
    file = model_folder(name, key) / TOKENIZER
    if not file.is_file():
        raise UserError(
            f"{key}={name}: {file.parent} has no {TOKENIZER}; transformers writes one from other files: "
            "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)"
        )
    return file


def content_of(folder: Path) -> str:
    """The hash of all that decides what a model computes, wherever its folder is.

    Raises:
        UserError: the folder has no config or no weights that are read.
    """
    if not (folder / CONFIG).is_file():
        raise UserError(f"encoder.model: {folder} has no {CONFIG}, so that it holds no model of transformers")
    weights = sorted(folder.glob(WEIGHTS))
    if not weights:
        raise UserError(
            f"encoder.model: {folder} has no weights in .safetensors; pickled ones (.bin) are not read, because they "
            "can run code: transformers writes others by AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER)"
        )
    files = [file for file in (folder / CONFIG, folder / TOKENIZER, *weights) if file.is_file()]
    hashes = [(file.name, unchanged_file_key(file)) for file in files]
    return hashlib.sha256(repr(hashes).encode()).hexdigest()
