// The score of the edited architecture, and its neighbours with a higher score.

import { format, intervalBar } from "./bars.js";
import { h } from "./dom.js";
import { describe, draw } from "./draw.js";
import { changedVertices, difference, read } from "./graph.js";

export const LEVEL = 0.8; // probability of the intervals

// `found` is one row of a response, as from `rowOf`.
export function scoreParts(found, scale, metric) {
  const { score, deviation, lower, upper } = found;
  return [
    h("p", { class: "figure" }, h("strong", { id: "score-value" }, format(score, deviation)), metric && h("span", { class: "soft" }, metric)),
    intervalBar(scale, found),
    lower != null && h("p", { class: "hint" }, `${100 * LEVEL} % interval ${format(lower, deviation)} to ${format(upper, deviation)}`),
  ];
}

// One row of the response of /v1/score.
export const rowOf = (answer, k) => ({
  score: answer.scores[k],
  deviation: answer.deviations[k],
  lower: answer.lower[k],
  upper: answer.upper[k],
  unfamiliar: answer.unfamiliar[k],
});

// The sentence above the neighbours.
export function summary({ better, of, neighbors }) {
  if (!of) return "The architecture has no neighbours.";
  if (!better) return of === 1 ? "Its one neighbour is not better." : `None of its ${of} neighbours is better.`;
  const shown = neighbors.length < better ? ` The best ${neighbors.length}:` : "";
  return `${better} of its ${of} neighbours ${better === 1 ? "is" : "are"} better.${shown}`;
}

// The ranked neighbours of `graph`; `act` has take(graph) and keep(graph).
export function neighborParts(answer, graph, scale, kindOf, act) {
  const finest = Math.min(...answer.neighbors.map(({ deviation }) => deviation));
  const items = answer.neighbors.map((neighbor, k) => {
    const other = read(neighbor.architecture);
    const what = difference(graph, other);
    const gain = `+${format(neighbor.gain, finest)}`;
    return h(
      "li",
      { class: "neighbor" },
      h(
        "button",
        { type: "button", class: "take", id: `take-${k}`, title: describe(other), "aria-label": `Use: ${what}, score ${format(neighbor.score, neighbor.deviation)}, ${gain}`, onclick: () => act.take(other) },
        h("span", { class: "thumbnail", "aria-hidden": "true" }, draw(other, kindOf, { marked: changedVertices(graph, other), small: true })),
        h("span", { class: "what" }, what),
        h("span", { class: "gain" }, gain),
        intervalBar(scale, neighbor, answer.score),
      ),
      h("button", { type: "button", class: "small", id: `beside-${k}`, "aria-label": `Compare with: ${what}`, title: "Compare side by side", onclick: () => act.keep(other) }, "⇄"),
    );
  });
  return [h("p", { id: "neighbors-summary" }, summary(answer)), items.length > 0 && h("ol", { class: "neighbors" }, items)];
}
