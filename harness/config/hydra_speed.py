"""The only module that changes how Hydra works, because there is no public way. It makes ``--help`` four times as fast.

Whenever Hydra looks up a config, it copies its list of sources, and with the list the store of the schemas of all
plugins. The copies took three quarters of the time of ``--help``. The store is a singleton, and it returns a copy of
whatever is loaded from it, so sharing the store is safe.
"""

from hydra.core.config_store import ConfigStore


def share_the_config_store() -> None:
    """Make a copy of Hydra's config store be the store itself."""
    ConfigStore.__deepcopy__ = lambda store, _memo: store  # type: ignore[attr-defined]
