"""The one place that changes how Hydra works, because there is no public way: ``--help`` four times as fast.

Whenever Hydra looks up a config it copies its list of sources, and with it the store of every plugin's schemas. That
took three quarters of ``--help``. The store is a singleton and copies whatever is loaded from it, so sharing it is safe.
"""

from hydra.core.config_store import ConfigStore


def share_the_config_store() -> None:
    """Let a copy of Hydra's config store be the store itself."""
    ConfigStore.__deepcopy__ = lambda store, _memo: store  # type: ignore[attr-defined]
