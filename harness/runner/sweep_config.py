"""What a sweep changes in its own config, before Hydra writes it down and hands it to a launcher."""

from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig, OmegaConf, read_write

from harness.records.secrets import masked


def absolute_output_dir(config: DictConfig) -> list[str]:
    """Make a sweep's output folder absolute; returns the overrides of its jobs, with that folder.

    A job may run in another folder than the command, such as that of a Ray cluster.
    """
    folder = str(Path(config.output_dir).absolute()).replace("${", "\\${")  # which would begin an interpolation
    with read_write(config):
        config.output_dir = folder
    others = [one for one in config.hydra.overrides.task if one.lstrip("+").partition("=")[0] != "output_dir"]
    return [*others, f"output_dir={QuotedString(folder, Quote.single).with_quotes()}"]


def hide_secrets(config: DictConfig) -> None:
    """Mask the password of a tracking server in a sweep's own config, which Hydra writes into ``multirun.yaml``.

    The jobs compose their configs anew from the files and keep the address.
    """
    tracking = OmegaConf.select(config, "tracking")
    written: Any = OmegaConf.to_container(tracking, resolve=False) if isinstance(tracking, DictConfig) else {}
    uri = written.get("uri")
    if isinstance(uri, str) and masked(uri) != uri:
        with read_write(config):
            tracking.uri = masked(uri)
