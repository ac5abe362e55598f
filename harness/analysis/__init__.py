"""Comparison of runs: variants, comparison groups, statistics and verdicts, from records."""
