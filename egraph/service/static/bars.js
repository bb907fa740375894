// Intervals and probabilities as bars, and numbers as text.

import { h } from "./dom.js";

// A common scale for several bars: maps a score to its position, in percent.
export function scaleOf(rows) {
  const ends = rows.flatMap(({ score, lower, upper }) => [score, lower, upper]).filter(Number.isFinite);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  return (value) => `${high > low ? (3 + (94 * (value - low)) / (high - low)).toFixed(2) : 50}%`;
}

// Rounds to the decimals that are significant at this deviation.
export function format(value, deviation) {
  if (!Number.isFinite(value)) return "–";
  const step = deviation > 0 ? Math.floor(Math.log10(deviation)) : -2;
  return value.toFixed(Math.min(Math.max(1 - step, 0), 6)).replace("-", "−");
}

// 0 % and 100 % are shown only if they are exact.
export function percent(probability) {
  if (probability > 0 && probability < 0.01) return "< 1 %";
  if (probability < 1 && probability > 0.99) return "> 99 %";
  return `${Math.round(100 * probability)} %`;
}

// A score with its interval; `reference` is another score, drawn as a thin line.
export function intervalBar(scale, { score, lower, upper, deviation }, reference) {
  const certain = lower == null || upper == null;
  const label = certain
    ? `Score ${format(score)}`
    : `Score ${format(score, deviation)}, interval ${format(lower, deviation)} to ${format(upper, deviation)}`;
  return h(
    "div",
    { class: "interval", role: "img", "aria-label": label },
    !certain && h("span", { class: "stretch", "--from": scale(lower), "--to": scale(upper) }),
    reference !== undefined && h("span", { class: "reference", "--at": scale(reference) }),
    h("span", { class: "mark", "--at": scale(score) }),
  );
}

// A bar of three parts, better on one side and worse on the other; `words` names them.
export function probabilityBar(probabilities, words) {
  const parts = ["better", "equal", "worse"];
  return h(
    "div",
    { class: "chances" },
    h("div", { class: "parts", "aria-hidden": "true" }, parts.filter((name) => probabilities[name] >= 0.005).map((name) => h("span", { class: name, "--share": 100 * probabilities[name] }))),
    h("dl", {}, parts.map((name) => h("div", {}, h("dt", {}, words[name]), h("dd", {}, percent(probabilities[name]))))),
  );
}
