"""The comparison as one page that needs nothing else: no network, no server, no further file."""

from html import escape

from harness.analysis.comparability import Board, known
from harness.analysis.comparison import Comparison
from harness.analysis.variants import Cell
from harness.report import text as wording
from harness.report.html import profiles, weighed
from harness.report.html.charts import MOST_CELLS, figures
from harness.report.html.document import Figure, document, places
from harness.report.html.style import style
from harness.report.tables import best_first, columns, header

BADGES = {"best": "best", "tied": "≈ best", "unknown": "?", "worse": ""}
MEANINGS = {
    "best": "the best mean",
    "tied": "not told apart from the best by these seeds",
    "unknown": "too few seeds to say whether the best is really better",
    "busy": "measured on a busy machine, so not ranked",
}


def html(comparison: Comparison) -> str:
    """The page. All that comes from data or config is escaped."""
    plots: list[Figure] = []
    body = [_head(comparison)]
    body += [_board(comparison.name, number, board, plots) for number, board in enumerate(comparison.boards)]
    body.append(profiles.section(comparison.profiles, len(comparison.boards), plots))
    body.append(weighed.section(comparison.boards))
    body += [_to_know(comparison), _definitions(comparison)]
    return document(f"{comparison.name}: sequence encoders side by side", body, plots)


def _head(comparison: Comparison) -> str:
    failed = f", {len(comparison.failed)} failed" if comparison.failed else ""
    newest = max(cell.record.ended or cell.record.started for cell in comparison.cells)[:16].replace("T", " ")
    return (
        f"<header><h1>{escape(comparison.name)}</h1><p class=sub>Sequence encoders side by side: "
        f"{len(comparison.cells)} cells, {comparison.runs} finished runs{failed}; "
        f"the newest of {escape(newest)} UTC</p></header>"
    )


def _board(name: str, number: int, board: Board, plots: list[Figure]) -> str:
    """One board's section; its plots are added to ``plots``, and their places in the page refer to their index."""
    title = "" if board.title == name else f"<h2>{escape(board.title)}</h2>"  # not what stands above it already
    return "\n".join([
        f"<section>{title}{_answer(board)}",
        *(f"<p class=where>On {escape(block.title)}</p>{_table(board, block.cells)}" for block in board.blocks),
        _legend(), _versus(board), _chips(number, board), places(figures(board), plots, number),
        _all_numbers(board), "</section>",
    ])  # fmt: skip


def _answer(board: Board) -> str:
    first, *more = (escape(sentence) for sentence in wording.answer(board))
    rest = f"<ul>{''.join(f'<li>{sentence}</li>' for sentence in more)}</ul>" if more else ""
    return f"<div class=answer><p>{first}</p>{rest}</div>"


def _table(board: Board, cells: list[Cell]) -> str:
    metrics = columns(board)
    heads = "".join(
        f'<th scope=col class=number title="{escape(known(metric).meaning)}">'
        f"<button>{escape(header(metric))}</button></th>"
        for metric in metrics
    )
    rows = "".join(
        f"<tr>{_name(cell)}"
        f"<td class=number data-value={len(cell.runs)}>{wording.seeds(cell)}</td>"
        f"{''.join(_number(cell, metric) for metric in metrics)}</tr>"
        for cell in best_first(board, cells)
    )
    return (
        '<div class=scroll><table class="sortable"><thead><tr><th scope=col><button>cell</button></th>'
        f"<th scope=col class=number><button>seeds</button></th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _number(cell: Cell, metric: str) -> str:
    mean = cell.means.get(metric)
    if mean is None:
        return "<td class=number>–</td>"
    kind = "busy" if wording.mark(cell, metric) == "!" else cell.verdicts.get(metric, "")
    value, _, half = wording.with_interval(mean).partition(" ")
    label = {"busy": "busy", **BADGES}.get(kind, "")
    badge = f' <span class=badge title="{MEANINGS[kind]}">{label}</span>' if label else ""
    spread = f" <small>{half}</small>" if half else ""
    return f'<td class="number {kind}" data-value="{mean.mean!r}">{value}{badge}{spread}</td>'


def _name(cell: Cell) -> str:
    """A row's head: the cell's name, and on hover all that sets it apart."""
    return f'<th scope=row title="{escape(cell.setting)}">{_breakable(cell.name)}</th>'


def _breakable(name: str) -> str:
    """A name that a narrow column may break where it has an underscore."""
    return escape(name).replace("_", "_<wbr>")


def _legend() -> str:
    items = "; ".join(f"<b>{ {'busy': 'busy', **BADGES}[kind] }</b> {meaning}" for kind, meaning in MEANINGS.items())
    return (
        f"<p class=legend>Means over seeds ± half a 95&nbsp;% interval. {items}. "
        "Click on a column's head to sort by it.</p>"
    )


def _versus(board: Board) -> str:
    """What each cell gains and loses against the baseline, in words."""
    metrics = [metric for metric in board.questions if any(metric in cell.versus for cell in board.cells)]
    if not metrics:
        return ""
    heads = "".join(f"<th scope=col>{escape(header(metric))}</th>" for metric in metrics)
    compared = [cell for cell in best_first(board, board.cells) if cell.versus]
    names = {found.baseline for cell in compared for found in cell.versus.values()}
    title = "the baseline" if len(names) > 1 else escape(next(iter(names)))
    rows = (
        f"<tr>{_name(cell)}"
        f"{''.join(_difference(cell, metric, named=len(names) > 1) for metric in metrics)}</tr>"
        for cell in compared
    )
    return (
        f"<h3>Against {title}</h3><div class=scroll><table class=versus><thead><tr><th scope=col>cell</th>"
        f"{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div><p class=legend>Differences of runs with the "
        "same seed, with their 95&nbsp;% interval; noise is judged after Holm's correction over the cells.</p>"
    )


def _difference(cell: Cell, metric: str, named: bool) -> str:
    found = cell.versus.get(metric)
    if found is None:
        return f"<td class=noise>{'not comparable' if metric in cell.means else '–'}</td>"
    return (
        f'<td class="{"sure" if wording.sure(found) else "noise"}">{escape(wording.versus(metric, found, named))}</td>'
    )


def _chips(number: int, board: Board) -> str:
    """The legend of all plots: a button for each cell that shows and hides it."""
    cells = [cell for cell in best_first(board, board.cells) if board.quality in cell.means][:MOST_CELLS]
    chips = "".join(
        f'<button class=chip aria-pressed=true data-board={number} data-cell="{escape(cell.name)}" '
        f'title="{escape(cell.setting)}">'
        f'<i style="background:{style(index)["colour"]}"></i>{escape(cell.name)}</button>'
        for index, cell in enumerate(cells)
    )
    return f"<div class=chips>{chips}</div>" if len(cells) > 1 else ""


def _all_numbers(board: Board) -> str:
    heads = "".join(f"<th scope=col class=number>{escape(metric)}</th>" for metric in board.metrics)
    rows = "".join(
        f"<tr>{_name(cell)}<td>{_breakable(cell.setting)}</td>"
        f"{''.join(_number(cell, metric) for metric in board.metrics)}</tr>"
        for cell in best_first(board, board.cells)
    )
    return (
        "<details><summary>All numbers</summary><div class=scroll><table><thead><tr><th scope=col>cell</th>"
        f"<th scope=col>setting</th>"
        f"{heads}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _to_know(comparison: Comparison) -> str:
    said = "".join(f"<li>{escape(note)}</li>" for note in wording.notes(comparison))
    parts = [f"<section><h2>To know</h2><ul class=notes>{said}</ul></section>"] if said else []
    if comparison.failed:
        failed = "".join(f"<li>{escape(wording.failure(record))}</li>" for record in comparison.failed)
        parts.append(f"<section><h2>Failed runs</h2><ul class=failed>{failed}</ul></section>")
    return "".join(parts)


def _definitions(comparison: Comparison) -> str:
    rows = []
    for metric in dict.fromkeys(metric for board in comparison.boards for metric in board.metrics):
        found = known(metric)
        direction = {True: "higher", False: "lower", None: ""}[found.higher_is_better]
        rows.append(
            f"<tr><th scope=row>{escape(metric)}</th><td>{escape(found.unit)}</td><td>{direction}</td>"
            f"<td>{escape(found.meaning)}</td></tr>"
        )
    return (
        "<section><details><summary>What the numbers mean</summary><div class=scroll><table><thead><tr><th>metric</th>"
        f"<th>unit</th><th>better</th><th>definition</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        "</details></section>"
    )
