"""What Lightning prints and nobody needs."""

import logging
import warnings


def silence() -> None:
    """Silence Lightning's advice and its messages about devices, which no user can act on."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"pytorch_lightning|lightning_fabric")
