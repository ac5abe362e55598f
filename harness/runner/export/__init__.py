"""A run's model as a file that others use, proven to give the run's outputs."""

from harness.runner.export.export import FILES, ExportedRun, export_run

__all__ = ["FILES", "ExportedRun", "export_run"]
