"""The comparison as one page that needs nothing else: no network, no server, no further file."""

from html import escape

from harness.analysis.comparability import ComparisonGroup, known
from harness.analysis.comparison import Comparison
from harness.analysis.variants import Variant
from harness.report import text as wording
from harness.report.html import attention, profile_page
from harness.report.html.charts import MOST_VARIANTS, figures
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
    body += [_group(comparison.name, number, group, plots) for number, group in enumerate(comparison.groups)]
    body.append(profile_page.section(comparison.profiles, len(comparison.groups), plots))
    body.append(attention.section(comparison.groups))
    body += [_to_know(comparison), _definitions(comparison)]
    return document(f"{comparison.name}: sequence encoders side by side", body, plots)


def _head(comparison: Comparison) -> str:
    failed = f", {len(comparison.failed)} failed" if comparison.failed else ""
    newest = max(variant.record.ended or variant.record.started for variant in comparison.variants)[:16].replace("T", " ")
    return (
        f"<header><h1>{escape(comparison.name)}</h1><p class=sub>Sequence encoders side by side: "
        f"{len(comparison.variants)} variants, {comparison.runs} finished runs{failed}; "
        f"the newest of {escape(newest)} UTC</p></header>"
    )


def _group(name: str, number: int, group: ComparisonGroup, plots: list[Figure]) -> str:
    """One group's section; its plots are added to ``plots``, and their places in the page refer to their index."""
    title = "" if group.title == name else f"<h2>{escape(group.title)}</h2>"  # not what stands above it already
    return "\n".join([
        f"<section>{title}{_answer(group)}",
        *(f"<p class=where>On {escape(hardware_group.title)}</p>{_table(group, hardware_group.variants)}" for hardware_group in group.hardware_groups),
        _legend(), _baseline_differences(group), _chips(number, group), places(figures(group), plots, number),
        _all_numbers(group), "</section>",
    ])  # fmt: skip


def _answer(group: ComparisonGroup) -> str:
    first, *more = (escape(sentence) for sentence in wording.answer(group))
    rest = f"<ul>{''.join(f'<li>{sentence}</li>' for sentence in more)}</ul>" if more else ""
    return f"<div class=answer><p>{first}</p>{rest}</div>"


def _table(group: ComparisonGroup, variants: list[Variant]) -> str:
    metrics = columns(group)
    heads = "".join(
        f'<th scope=col class=number title="{escape(known(metric).definition)}">'
        f"<button>{escape(header(metric))}</button></th>"
        for metric in metrics
    )
    rows = "".join(
        f"<tr>{_name(variant)}"
        f"<td class=number data-value={len(variant.runs)}>{wording.seeds(variant)}</td>"
        f"{''.join(_number(variant, metric) for metric in metrics)}</tr>"
        for variant in best_first(group, variants)
    )
    return (
        '<div class=scroll><table class="sortable"><thead><tr><th scope=col><button>variant</button></th>'
        f"<th scope=col class=number><button>seeds</button></th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _number(variant: Variant, metric: str) -> str:
    mean = variant.means.get(metric)
    if mean is None:
        return "<td class=number>–</td>"
    kind = "busy" if wording.mark(variant, metric) == "!" else variant.verdicts.get(metric, "")
    value, _, half = wording.with_interval(mean).partition(" ")
    label = {"busy": "busy", **BADGES}.get(kind, "")
    badge = f' <span class=badge title="{MEANINGS[kind]}">{label}</span>' if label else ""
    spread = f" <small>{half}</small>" if half else ""
    return f'<td class="number {kind}" data-value="{mean.mean!r}">{value}{badge}{spread}</td>'


def _name(variant: Variant) -> str:
    """A row's head: the variant's name, and on hover all that sets it apart."""
    return f'<th scope=row title="{escape(variant.setting)}">{_breakable(variant.name)}</th>'


def _breakable(name: str) -> str:
    """A name that a narrow column may break where it has an underscore."""
    return escape(name).replace("_", "_<wbr>")


def _legend() -> str:
    items = "; ".join(f"<b>{ {'busy': 'busy', **BADGES}[kind] }</b> {meaning}" for kind, meaning in MEANINGS.items())
    return (
        f"<p class=legend>Means over seeds ± half a 95&nbsp;% interval. {items}. "
        "Click on a column's head to sort by it.</p>"
    )


def _baseline_differences(group: ComparisonGroup) -> str:
    """What each variant gains and loses against the baseline, in words."""
    metrics = [metric for metric in group.questions if any(metric in variant.baseline_differences for variant in group.variants)]
    if not metrics:
        return ""
    heads = "".join(f"<th scope=col>{escape(header(metric))}</th>" for metric in metrics)
    compared = [variant for variant in best_first(group, group.variants) if variant.baseline_differences]
    names = {found.baseline for variant in compared for found in variant.baseline_differences.values()}
    title = "the baseline" if len(names) > 1 else escape(next(iter(names)))
    rows = (
        f"<tr>{_name(variant)}"
        f"{''.join(_difference(variant, metric, named=len(names) > 1) for metric in metrics)}</tr>"
        for variant in compared
    )
    return (
        f"<h3>Against {title}</h3><div class=scroll><table class=differences><thead><tr><th scope=col>variant</th>"
        f"{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div><p class=legend>Differences of runs with the "
        "same seed, with their 95&nbsp;% interval; noise is judged after Holm's correction over the variants.</p>"
    )


def _difference(variant: Variant, metric: str, named: bool) -> str:
    found = variant.baseline_differences.get(metric)
    if found is None:
        return f"<td class=noise>{'not comparable' if metric in variant.means else '–'}</td>"
    return (
        f'<td class="{"sure" if wording.sure(found) else "noise"}">{escape(wording.baseline_difference(metric, found, named))}</td>'
    )


def _chips(number: int, group: ComparisonGroup) -> str:
    """The legend of all plots: a button for each variant that shows and hides it."""
    variants = [variant for variant in best_first(group, group.variants) if group.quality in variant.means][:MOST_VARIANTS]
    chips = "".join(
        f'<button class=chip aria-pressed=true data-group={number} data-variant="{escape(variant.name)}" '
        f'title="{escape(variant.setting)}">'
        f'<i style="background:{style(index)["colour"]}"></i>{escape(variant.name)}</button>'
        for index, variant in enumerate(variants)
    )
    return f"<div class=chips>{chips}</div>" if len(variants) > 1 else ""


def _all_numbers(group: ComparisonGroup) -> str:
    heads = "".join(f"<th scope=col class=number>{escape(metric)}</th>" for metric in group.metrics)
    rows = "".join(
        f"<tr>{_name(variant)}<td>{_breakable(variant.setting)}</td>"
        f"{''.join(_number(variant, metric) for metric in group.metrics)}</tr>"
        for variant in best_first(group, group.variants)
    )
    return (
        "<details><summary>All numbers</summary><div class=scroll><table><thead><tr><th scope=col>variant</th>"
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
    for metric in dict.fromkeys(metric for group in comparison.groups for metric in group.metrics):
        found = known(metric)
        direction = {True: "higher", False: "lower", None: ""}[found.higher_is_better]
        rows.append(
            f"<tr><th scope=row>{escape(metric)}</th><td>{escape(found.unit)}</td><td>{direction}</td>"
            f"<td>{escape(found.definition)}</td></tr>"
        )
    return (
        "<section><details><summary>What the numbers mean</summary><div class=scroll><table><thead><tr><th>metric</th>"
        f"<th>unit</th><th>better</th><th>definition</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        "</details></section>"
    )
