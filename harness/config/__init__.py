"""What a config must be, how Hydra composes it, and what this machine has of what it asks for."""
