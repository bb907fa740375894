// Information about the model.

import { h } from "./dom.js";
import { percent } from "./bars.js";

const MANY = 20; // entries of a list that are not shown one by one

// The line below the title.
export const headline = ({ name, space, trials, version }) =>
  [name, space, trials && `learned from ${trials.toLocaleString("en")} networks`, version && `version ${version.slice(0, 8)}`]
    .filter((part) => part)
    .join(" · ");

// Metric and unit of the scores, if the card has them.
export function metricOf({ card }) {
  const { name, unit } = card?.metric ?? {};
  return [name, unit].filter((part) => part).join(", ");
}

// The card: operations in their colours, coverage of the intervals, and all other entries.
export function aboutParts(model) {
  const coverage = Object.entries(model.coverage ?? {}).filter(([, share]) => share != null);
  return [
    h("h3", {}, "Operations"),
    h("ul", { class: "legend" }, model.operations.map((op) => h("li", { class: `kind-${model.kindOf(op)}` }, op))),
    coverage.length > 0 && h("h3", {}, "Intervals"),
    coverage.length > 0 && h("p", {}, `Share of held-out scores inside the intervals: ${coverage.map(([level, share]) => `${percent(share)} at level ${percent(level)}`).join(", ")}.`),
    Object.entries(model.card ?? {}).map(([name, value]) => [h("h3", {}, capitalise(name)), describeValue(value)]),
  ];
}

function describeValue(value) {
  if (value === null || typeof value !== "object") return h("p", {}, String(value ?? "–"));
  if (Array.isArray(value)) return h("p", {}, value.length > MANY ? `${value.length} entries` : value.map(show).join(", "));
  return h("dl", { class: "facts" }, Object.entries(value).map(([name, each]) => [h("dt", {}, name), h("dd", {}, show(each))]));
}

function show(value) {
  if (typeof value === "number" && !Number.isInteger(value)) return String(Number(value.toPrecision(4)));
  if (value === null || typeof value !== "object") return String(value ?? "–");
  return Object.entries(value).map(([name, each]) => `${name} ${show(each)}`).join(", ");
}

const capitalise = (text) => text.charAt(0).toUpperCase() + text.slice(1);
