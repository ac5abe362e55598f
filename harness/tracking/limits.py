"""What MLflow and the databases behind it take of a name or a text: an oversized one would lose the whole run there."""

import re
from posixpath import normpath

from harness.records.store import short_hash

LONGEST_KEY = 250
"""The longest name of a parameter or a metric, in characters."""
LONGEST_PARAM, LONGEST_TAG = 6000, 8000
"""The longest values; the whole config and the whole reason are in the run's files."""
LONGEST_RUN_NAME = 250
"""The longest name of a run that every database behind a server takes."""
LONGEST_DATASET = 500
"""The longest name of a data set."""


def key(name: str) -> str:
    """The name of a parameter or a metric as MLflow takes it; different names stay different."""
    taken = re.sub(r"[^\w\-. :/]", "_", name)
    is_path = normpath(taken) == taken and not taken.startswith(("/", ".."))  # MLflow reads names as those of files
    if taken == name and is_path and len(name) <= LONGEST_KEY:
        return name
    return shortened(re.sub(r"[/.]{2,}|^/|/$", "_", taken), LONGEST_KEY, name)


def run_name(label: str) -> str:
    """The name of a run; different labels stay different."""
    return label if len(label) <= LONGEST_RUN_NAME else shortened(label, LONGEST_RUN_NAME, label)


def dataset_name(source: str) -> str:
    """The name of a data set; different sources stay different."""
    return source if len(source) <= LONGEST_DATASET else shortened(source, LONGEST_DATASET, source)


def shortened(text: str, longest: int, whole: str) -> str:
    """A text of at most this length that ends with what tells ``whole`` from others."""
    ending = f" {short_hash(whole)}"
    return text[: longest - len(ending)] + ending
