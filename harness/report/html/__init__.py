"""The comparison and the profiles as HTML pages that need nothing else: no network, no server, no further file."""

from harness.report.html.page import html

__all__ = ["html"]
