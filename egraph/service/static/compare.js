// The edited and the kept architecture, side by side.

import { format, intervalBar, percent, probabilityBar } from "./bars.js";
import { h } from "./dom.js";
import { describe, draw } from "./draw.js";
import { changedVertices } from "./graph.js";

const WORDS = { better: "edited better", equal: "about equal", worse: "kept better" };

// `sides` are two objects {graph, found}, the edited one first; `probabilities` compare the edited with the kept one.
// `found` and `probabilities` arrive later than the pictures. `act` has swap() and drop().
export function comparisonParts(sides, probabilities, scale, kindOf, act) {
  const changed = changedVertices(sides[0].graph, sides[1].graph);
  return [
    h(
      "div",
      { class: "bar-of-tools" },
      h("h2", { id: "comparison-title", tabindex: -1 }, "Side by side"),
      h(
        "div",
        { class: "tools" },
        h("button", { type: "button", id: "swap", onclick: act.swap }, "Swap"),
        h("button", { type: "button", id: "drop", onclick: act.drop }, "Close"),
      ),
    ),
    probabilities && h("p", { id: "comparison-summary" }, verdict(probabilities)),
    probabilities && probabilityBar(probabilities, WORDS),
    h("div", { class: "sides" }, ["Edited", "Kept"].map((name, k) => makeSide(name, sides[k], changed, scale, kindOf))),
  ];
}

// The comparison in a sentence.
export function verdict({ worse, equal, better }) {
  if (equal >= better && equal >= worse) return `The two are about equal (probability ${percent(equal)}).`;
  const [winner, share] = better > worse ? ["edited", better] : ["kept", worse];
  return `The ${winner} one is better (probability ${percent(share)}).`;
}

const makeSide = (name, { graph, found }, marked, scale, kindOf) =>
  h(
    "figure",
    { class: "side" },
    h("figcaption", {}, h("span", { class: "soft" }, name), found && h("strong", {}, format(found.score, found.deviation))),
    found && intervalBar(scale, found),
    h("div", { class: "canvas" }, draw(graph, kindOf, { marked, label: `${name}: ${describe(graph)}` })),
  );
