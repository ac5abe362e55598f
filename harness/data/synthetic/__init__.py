"""Data that a seed generates, to test one ability."""
