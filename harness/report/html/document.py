"""Writes a page from a template: everything is embedded, and the templates escape every text (Jinja2's autoescape)."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from harness.report.html.style import Plot

FOLDER = Path(__file__).parent
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
"""What the page may load: nothing from anywhere. The browser itself refuses what a library might want to fetch."""


def render(template: str, plots: Sequence[Plot], **values: Any) -> str:
    """The page of a template in ``templates/``, which gets ``values``; ``plots`` are all the plots that it shows."""
    return _environment().get_template(template).render(
        **values,
        plots=plots,
        policy=POLICY,
        css=_file("page.css"),
        javascript=_file("page.js"),
        choice_javascript=_file("choice.js"),
        plotly=Markup(get_plotlyjs()) if plots else "",
        figures=_embedded(plots),
    )  # fmt: skip


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    return environment


def _file(name: str) -> Markup:
    return Markup((FOLDER / name).read_text(encoding="utf8"))


def _embedded(plots: Sequence[Plot]) -> Markup:
    """The figures as a JSON list. Without any ``<``: a name could otherwise end the script element."""
    figures = ",".join(plot.figure.to_json() for plot in plots)
    return Markup(f"[{figures}]".replace("<", "\\u003c"))


def breakable(name: str) -> Markup:
    """A name that a narrow column may break after an underscore."""
    return escape(name).replace("_", Markup("_<wbr>"))
