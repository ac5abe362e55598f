"use strict";

const figures = JSON.parse(document.getElementById("figures").textContent);
const canvases = [...document.querySelectorAll(".canvas")];
const TITLE = 26; // the height of a saved picture's title
const narrow = window.matchMedia("(max-width: 760px)").matches;

for (const canvas of canvases) {
  const { data, layout } = figures[canvas.dataset.figure];
  if (narrow) {
    // names beside the points would cover each other; hovering still shows them
    for (const trace of data) if (trace.mode === "markers+text") trace.mode = "markers";
    layout.font.size = 11;
    const names = layout.yaxis.ticktext;
    if (names) layout.yaxis.ticktext = names.map((name) => (name.length > 18 ? name.slice(0, 17) + "…" : name));
  }
  Plotly.newPlot(canvas, data, layout, { responsive: true, displaylogo: false, displayModeBar: false });
}

for (const chip of document.querySelectorAll(".chip")) {
  chip.addEventListener("click", () => {
    const visible = chip.getAttribute("aria-pressed") === "false";
    chip.setAttribute("aria-pressed", String(visible));
    for (const canvas of canvases.filter((one) => one.dataset.group === chip.dataset.group)) {
      const own = canvas.data.flatMap((trace, index) => (trace.legendgroup === chip.dataset.variant ? [index] : []));
      if (own.length) Plotly.restyle(canvas, { visible }, own);
    }
  });
}

// A plot as it is shown, with what the page says beside it: the title, and the names of the variants.
function picture(figure, canvas) {
  const { data, layout } = structuredClone({ data: canvas.data, layout: canvas.layout });
  let height = canvas.offsetHeight + TITLE;
  const named = layout.showlegend || layout.yaxis.ticktext || data.some((trace) => trace.mode === "markers+text");
  if (!named) {
    const names = new Set();
    for (const trace of data) {
      const name = trace.legendgroup || trace.name;
      trace.showlegend = Boolean(name) && !trace.fill && trace.visible !== false && !names.has(name);
      if (trace.showlegend) {
        trace.name = plotlyText(name);
        names.add(name);
      }
    }
    layout.showlegend = names.size > 1;
    layout.legend = { orientation: "h", y: -0.2 };
    height += names.size > 1 ? 24 * Math.ceil(names.size / 3) : 0;
  }
  layout.title = { text: plotlyText(figure.querySelector("h3").textContent), font: { size: 16 }, x: 0.01 };
  layout.margin = { ...layout.margin, t: layout.margin.t + TITLE };
  layout.paper_bgcolor = "#ffffff";
  return { drawing: { data, layout }, width: canvas.offsetWidth, height };
}

// Plotly reads tags such as <b> in every text.
function plotlyText(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

for (const figure of document.querySelectorAll("figure.plot")) {
  const canvas = figure.querySelector(".canvas");
  const heads = [document.querySelector("h1"), figure.closest("section").querySelector("h2"), figure.querySelector("h3")];
  const filename = heads.map((head) => head?.textContent).join(" ").toLowerCase().match(/[\p{L}\p{N}]+/gu).join("-");
  for (const button of figure.querySelectorAll(".save button")) {
    button.addEventListener("click", () => {
      const { drawing, ...size } = picture(figure, canvas);
      Plotly.downloadImage(drawing, { ...size, format: button.dataset.format, filename, scale: 2 });
    });
  }
}

function sortBy(head) {
  const table = head.closest("table");
  const column = [...head.parentNode.children].indexOf(head);
  const ascending = head.getAttribute("aria-sort") !== "ascending";
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const key = (row) => {
    const cell = row.children[column];
    if (cell.tagName === "TH") return cell.textContent;
    return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
  };
  const compare = (one, other) => {
    const [a, b] = [key(one), key(other)];
    if (a === null || b === null) return (a === null) - (b === null); // missing values come last in both directions
    return (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b) * (ascending ? 1 : -1);
  };
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort(compare));
}

for (const button of document.querySelectorAll(".sortable thead button")) {
  button.addEventListener("click", () => sortBy(button.closest("th")));
}

for (const filter of document.querySelectorAll(".item-filter")) {
  const rows = [...filter.closest("details").querySelectorAll("tbody tr")];
  filter.addEventListener("change", () => {
    const { right, wrong, truth } = Object.fromEntries(new FormData(filter));
    const lacks = (list, place) => place && !list.split(" ").includes(place);
    for (const row of rows) {
      const own = row.dataset;
      row.hidden = lacks(own.right, right) || lacks(own.wrong, wrong) || (truth && own.truth !== truth);
    }
    filter.querySelector("output").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} items`;
  });
}
