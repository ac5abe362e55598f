"use strict";

// Recommends a variant for the margin and the bounds that the sliders of a panel show. The words are those of
// answer_text.py and verdict_text.py, the rule is that of recommendation.py.

function figure(difference) {
  const hundredths = 100 * difference;
  if (hundredths >= 9.95) return hundredths.toFixed(0);
  return hundredths >= 0.095 || !hundredths ? hundredths.toFixed(1) : hundredths.toPrecision(1);
}

function marginWords(panel, margin) {
  const number = String(Number((100 * margin).toPrecision(3)));
  if (!panel.in_points) return `${number} %`;
  return `${number} point${number === "1" ? "" : "s"}`;
}

// Whether a mean at the bound is beyond it, as the report's own requirement says; the slider's bounds include it.
function isStrict(slider, bound) {
  return slider.strict && bound === slider.start;
}

function isWithin(slider, bound, value) {
  if (bound === null) return true;
  if (value === undefined || (value === bound && isStrict(slider, bound))) return false;
  return slider.higher_is_better ? value >= bound : value <= bound;
}

// The variants that meet the bounds, those of them that are good, and the cheapest of each hardware group.
function choose(panel, margin, bounds) {
  const meets = (one) => !one.missed && panel.sliders.every((slider, i) => isWithin(slider, bounds[i], one.costs[slider.metric]));
  const meeting = panel.variants.filter((one) => one.quality && meets(one));
  const judged = meeting.filter((one) => one.at_most !== null);
  const tied = judged.filter((one) => one.behind - judged[0].behind <= 1e-12);
  const best = tied.length ? cheapest(panel, tied).variant : undefined;
  const asGood = meeting.filter((one) => one === best || (["best", "equivalent", "open"].includes(one.verdict) && one.at_most < margin));
  const good = asGood.filter((one) => !one.at_chance);
  const taken = good.length < 2 ? good.map((variant) => ({ variant, candidates: good })) : panel.hardware.flatMap((_, place) => {
    const candidates = good.filter((one) => one.hardware === place);
    return candidates.length ? [cheapest(panel, candidates)] : [];
  });
  return { meeting, tied, best, asGood, good, taken };
}

// Whether all of them are ranked among the same variants in a metric.
function inOnePool(candidates, metric) {
  const pool = candidates[0].compared[metric];
  return pool !== undefined && candidates.every((one) => one.compared[metric] === pool);
}

function cheapest(panel, candidates) {
  const cost = candidates.length < 2 ? undefined : panel.costs.find((one) => inOnePool(candidates, one.metric));
  if (!cost) return { variant: candidates[0], candidates };
  const sign = cost.higher_is_better ? -1 : 1;
  const [variant] = [...candidates].sort((a, b) => sign * (a.costs[cost.metric] - b.costs[cost.metric]));
  return { variant, candidates, cost };
}

function sentence(panel, margin, chosen, { variant, candidates, cost }) {
  const where = panel.hardware.length > 1 && chosen.good.length > 1 ? `On ${panel.hardware[variant.hardware]}, take` : "Take";
  const within = `within ${marginWords(panel, margin)}`;
  if (chosen.meeting.length === 1) return `Take ${variant.name}: no other variant meets the bounds; ${panel.quality} ${variant.interval}, ${variant.seeds}.`;
  if (chosen.good.length === 1) {
    const others = chosen.meeting.filter((one) => one !== variant);
    const worse = variant.verdict === "best" && others.every((one) => one.verdict === "worse");
    const excluded = panel.variants.some((one) => !chosen.meeting.includes(one) && one.quality);
    const both = chosen.asGood.length > 1 ? ` and to beat ${panel.constant}` : "";
    const rest = worse ? `every other variant ${excluded ? "that is not excluded " : ""}is worse` : `no other variant is shown to be as good ${within}${both}`;
    return `Take ${variant.name}: ${panel.quality} ${variant.interval}, ${variant.seeds}${sharedMean(panel, chosen.tied, variant)}; ${rest}.`;
  }
  if (candidates.length === 1) return `${where} ${variant.name} (${variant.quality}): the only one there that is best or as good ${within} of ${panel.quality}.`;
  const those = `the ${candidates.length} that are best or as good ${within} of ${panel.quality}`;
  const named = listed(candidates.map((one) => `${one.name} (${one.quality})`), 6);
  if (!cost) return `${where} ${variant.name}, the best mean of ${those}: ${named}; no cost was measured alike for all of them.`;
  return `${where} ${variant.name}: it has ${least(cost, variant)}, of ${those}: ${named}.`;
}

function listed(texts, most) {
  const shown = texts.slice(0, most);
  const named = shown.join(shown.some((text) => text.includes(",")) ? "; " : ", ");
  return named + (texts.length > most ? ` and ${texts.length - most} more` : "");
}

function least(cost, variant) {
  return `the ${cost.higher_is_better ? "highest" : "lowest"} ${cost.label}, ${variant.shown[cost.metric]}`;
}

// Which others have the mean of the variant that is taken, and why it is taken before them.
function sharedMean(panel, tied, variant) {
  const others = tied.includes(variant) ? tied.filter((one) => one !== variant) : [];
  if (!others.length) return "";
  const { cost } = cheapest(panel, tied);
  const why = cost ? `, and of these it has ${least(cost, variant)}` : "";
  return `; ${listed(others.map((one) => one.name), 20)} ${others.length === 1 ? "has" : "have"} the same mean${why}`;
}

function nothing({ meeting, asGood }) {
  if (!meeting.length) return "No variant meets these bounds.";
  if (asGood.length) return `No recommendation: ${asGood.map((one) => one.name).join("; ")} may be no better than chance.`;
  return `No recommendation: what meets these bounds has too few seeds for a verdict: ${meeting.slice(0, 6).map((one) => one.name).join("; ")}.`;
}

// The verdict on a variant over all variants, for another margin than the report's.
function verdictOf(panel, margin, one) {
  if (!["equivalent", "open"].includes(one.verdict)) return [one.verdict, one.words];
  const verdict = one.at_most < margin ? "equivalent" : "open";
  if (verdict === one.verdict && (verdict === "open" || margin === panel.margin)) return [verdict, one.words];
  const [unit, behind, atMost] = [panel.in_points ? " points" : " %", figure(one.behind), figure(one.at_most)];
  if (verdict === "open") return [verdict, `undecided: ${behind}${unit} behind, at most ${atMost}${panel.in_points ? "" : unit}`];
  return [verdict, `as good as the best within ${marginWords(panel, margin)} (at most ${atMost}${panel.in_points ? "" : unit} behind)`];
}

function threeFigures(value, up) {
  const power = 10 ** (Math.floor(Math.log10(value)) - 2);
  return Number(((up ? Math.ceil : Math.floor)(value / power - (up ? 1e-9 : -1e-9)) * power).toPrecision(3));
}

// The bound that a slider shows; null at the end where it excludes no variant.
function boundOf(input, slider) {
  const share = Number(input.value) / Number(input.max);
  if (share === (slider.higher_is_better ? 0 : 1)) return null;
  return threeFigures(slider.low * (slider.high / slider.low) ** share, !slider.higher_is_better);
}

function positionOf(input, slider) {
  if (slider.start === null) return slider.higher_is_better ? 0 : Number(input.max);
  const share = Math.log(slider.start / slider.low) / Math.log(slider.high / slider.low);
  return Math.round(Math.min(1, Math.max(0, share)) * Number(input.max));
}

function mark(section, panel, margin, chosen) {
  for (const row of section.querySelectorAll("tr[data-variant]")) {
    const one = panel.variants.find((variant) => variant.name === row.dataset.variant);
    const meets = chosen.meeting.includes(one) || !one.quality;
    row.classList.toggle("out", !meets);
    row.classList.toggle("taken", chosen.taken.some(({ variant }) => variant === one));
    const [verdict, words] = verdictOf(panel, margin, one);
    const badge = row.querySelector("td.judged .badge");
    if (badge && ["equivalent", "open"].includes(verdict)) {
      badge.textContent = verdict === "open" ? "?" : "= best";
      badge.title = words;
      badge.parentElement.classList.toggle("equivalent", verdict === "equivalent");
      badge.parentElement.classList.toggle("open", verdict === "open");
    }
    const cell = row.querySelector("td.verdict");
    if (cell) cell.textContent = meets ? words : "excluded: beyond the bounds";
  }
}

function startPanel(element, panel) {
  const section = element.closest("section");
  const inputs = [...element.querySelectorAll("input[data-slider]")];
  const marginInput = element.querySelector("input.margin");
  inputs.forEach((input, i) => { input.value = positionOf(input, panel.sliders[i]); });
  let margin = panel.margin; // which may be between two positions of its slider
  marginInput.addEventListener("input", () => { margin = Number(marginInput.value); });
  const bounds = panel.sliders.map((slider) => slider.start);
  inputs.forEach((input, i) => input.addEventListener("input", () => { bounds[i] = boundOf(input, panel.sliders[i]); }));

  function update(moved) {
    marginInput.nextElementSibling.textContent = marginWords(panel, margin);
    const options = [`--margin ${Number(margin.toPrecision(6))}`];
    inputs.forEach((input, i) => {
      const { metric, unit, higher_is_better } = panel.sliders[i];
      const strict = isStrict(panel.sliders[i], bounds[i]);
      const sign = (higher_is_better ? ">" : "<") + (strict ? "" : "=");
      const shownSign = strict ? sign : higher_is_better ? "≥" : "≤";
      input.nextElementSibling.textContent = bounds[i] === null ? "any" : `${shownSign} ${bounds[i].toLocaleString("en")} ${unit}`;
      if (bounds[i] !== null) options.push(`--require '${metric}${sign}${bounds[i]}'`);
    });
    const chosen = choose(panel, margin, bounds);
    const words = chosen.taken.map((one) => sentence(panel, margin, chosen, one));
    const shown = element.querySelector(".chosen");
    shown.textContent = words.join(" ") || nothing(chosen);
    // what the report was asked for, its answer says, which may know more
    const asked = margin === panel.margin && bounds.every((bound, i) => bound === panel.sliders[i].start);
    shown.hidden = asked || shown.textContent === section.querySelector(".answer p").textContent;
    if (panel.command) element.querySelector("code").textContent = `${panel.command} ${options.join(" ")}`;
    if (moved) mark(section, panel, margin, asked ? { ...chosen, taken: [] } : chosen);
  }

  element.addEventListener("input", () => update(true));
  update(false);
}

// The variants of a panel, of which the page has a list for each key (choice.py); a metric that one lacks is null there.
function variantsOf(columns) {
  const own = (values, place) => Array.isArray(values) ? values[place]
    : Object.fromEntries(Object.entries(values).map(([metric, list]) => [metric, list[place]]).filter(([, value]) => value !== null));
  return columns.name.map((_, place) => Object.fromEntries(Object.entries(columns).map(([key, values]) => [key, own(values, place)])));
}

const panels = JSON.parse(document.getElementById("choices").textContent);
for (const panel of panels) if (panel) panel.variants = variantsOf(panel.variants);
for (const element of document.querySelectorAll(".panel")) startPanel(element, panels[Number(element.dataset.panel)]);
