"""Synthetic data: generated from a seed, without a download."""
