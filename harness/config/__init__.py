"""The typed config, how Hydra composes it, and whether this machine can run it."""
