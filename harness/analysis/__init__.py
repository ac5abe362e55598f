"""The arithmetic of a comparison: records become variants, comparison groups, statistics and verdicts."""
