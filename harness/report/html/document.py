"""A page that needs nothing else: no network, no server, no further file."""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
"""What the page may load: nothing from anywhere. The browser itself refuses what a library might want to fetch."""

Figure = dict[str, Any]


def document(title: str, body: Sequence[str], plots: Sequence[Figure]) -> str:
    """The page of this body; ``plots`` are those that its places refer to by their index."""
    from plotly.offline import get_plotlyjs

    drawn = [{"data": plot["data"], "layout": plot["layout"]} for plot in plots]
    # "<" would let a name end the script element
    embedded = json.dumps(drawn, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return "\n".join([
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>{(HERE / 'page.css').read_text(encoding='utf8')}</style></head><body><main>",
        *body,
        f'</main><script type="application/json" id="figures">{embedded}</script>',
        f"<script>{get_plotlyjs()}</script>" if plots else "",
        f"<script>{(HERE / 'page.js').read_text(encoding='utf8')}</script></body></html>",
    ])  # fmt: skip


def places(own: Sequence[Figure], plots: list[Figure], group: int) -> str:
    """Where a section's figures come; they are added to ``plots``.

    The chips of a ``group`` show and hide variants in the figures of that group.
    """
    found = []
    for index, plot in enumerate(own, start=len(plots)):
        wide = " wide" if plot.get("wide") else ""
        found.append(
            f'<figure class="plot{wide}"><h3>{escape(plot["title"])}</h3>'
            f'<div class=canvas data-figure={index} data-group={group}></div>'
            f"<figcaption>{plot['caption']}</figcaption></figure>"
        )  # fmt: skip
    plots += own
    return f"<div class=plots>{''.join(found)}</div>"
