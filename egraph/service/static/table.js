// The graph as a table: one row per vertex, with its operation and its sources.

import { find, h, show } from "./dom.js";
import { has, live } from "./graph.js";

// Shows a graph in the list `rows`. `model` has the operations, `problems` maps a vertex to a text, and `act` has
// setOperation(vertex, op), connect(from, to), insertAfter(vertex) and remove(vertex).
export function showTable(rows, graph, model, problems, act) {
  const alive = live(graph);
  const full = graph.ops.length >= model.limits.vertices;
  show(rows, graph.ops.map((_, vertex) => makeRow(graph, vertex, model, act, alive, full, problems.get(vertex))));
}

// Moves between the buttons of one row with the arrow keys, so that the row is a single Tab stop.
export function moveAmongChips(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const group = event.target.closest(".chips");
  if (!step || !group) return;
  event.preventDefault();
  const chips = [...group.children];
  const next = chips[(chips.indexOf(event.target) + step + chips.length) % chips.length];
  for (const chip of chips) chip.tabIndex = chip === next ? 0 : -1;
  next.focus();
}

function makeRow(graph, vertex, model, act, alive, full, problem) {
  const op = graph.ops[vertex];
  const last = graph.ops.length - 1;
  const interior = vertex > 0 && vertex < last;
  return h(
    "li",
    { id: `row-${vertex}`, class: `row kind-${model.kindOf(op)}` },
    h("span", { class: "number" }, String(vertex)),
    interior ? makeMenu(op, vertex, model, act, problem) : h("span", { class: "end" }, op),
    h(
      "span",
      { class: "tools" },
      vertex < last && h("button", {
        type: "button", class: "small", id: `insert-${vertex}`, disabled: full,
        "aria-label": `Insert a vertex after ${vertex}`, title: "Insert a vertex after this", onclick: () => act.insertAfter(vertex),
      }, "+"),
      interior && h("button", {
        type: "button", class: "small", id: `remove-${vertex}`,
        "aria-label": `Remove vertex ${vertex}`, title: "Remove this vertex", onclick: () => act.remove(vertex),
      }, "−"),
    ),
    vertex > 0 && makeChips(graph, vertex, act),
    !alive.has(vertex) && h("p", { class: "hint" }, "Not on a path from input to output: no effect on the score."),
    problem && h("p", { class: "error", id: `problem-${vertex}` }, problem),
  );
}

function makeMenu(op, vertex, model, act, problem) {
  const known = model.operations.includes(op);
  return h(
    "select",
    {
      id: `op-${vertex}`,
      "aria-label": `Operation of vertex ${vertex}`,
      "aria-invalid": problem ? "true" : undefined,
      "aria-describedby": problem ? `problem-${vertex}` : undefined,
      onchange: (event) => act.setOperation(vertex, event.target.value),
    },
    !known && h("option", { value: op, selected: true }, `${op} (not in the training data)`),
    model.operations.map((name) => h("option", { value: name, selected: name === op }, name)),
  );
}

function makeChips(graph, vertex, act) {
  const stop = find(`row-${vertex}`)?.querySelector(".chip[tabindex='0']")?.dataset.from ?? vertex - 1;
  const at = Math.min(Number(stop), vertex - 1);
  return h(
    "div",
    { class: "chips", role: "group", "aria-label": `Sources of vertex ${vertex}`, onkeydown: moveAmongChips },
    Array.from({ length: vertex }, (_, from) =>
      h("button", {
        type: "button", class: "chip", id: `edge-${from}-${vertex}`, "data-from": from, tabindex: from === at ? 0 : -1,
        "aria-pressed": String(has(graph, from, vertex)), "aria-label": `${from} connects to ${vertex}`,
        onclick: () => act.connect(from, vertex),
      }, String(from))),
  );
}
