"""From a config to a record: the parent of a run, its worker, sweeps and profiles."""
