"""Where the shipped configs are, and what one of their files says; light, because the command line reads it first."""

import re
from pathlib import Path


def conf_dir() -> Path:
    """The folder of the shipped configs: inside an installed package, beside the package in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def overridden_by(encoder: str) -> dict[str, str]:
    """The choices in other config groups that a choice of ``encoder=`` makes; none where it is misspelt."""
    file = conf_dir() / "encoder" / f"{encoder}.yaml"
    text = file.read_text(encoding="utf8") if file.is_file() else ""
    return dict(re.findall(r"^\s*- override /(\w+): (\w+)", text, re.MULTILINE))
