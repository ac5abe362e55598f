"""The runs of a sweep as tasks of a Ray cluster."""
