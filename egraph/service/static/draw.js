// Draws a graph as SVG, coloured by kind of operation.

import { s } from "./dom.js";
import { live } from "./graph.js";
import { layout } from "./layout.js";

const TIP = 7;

// The picture of a graph. `kindOf` maps an operation to its kind, `marked` are highlighted vertices; a `small` picture
// has no names, and one with a `label` is an image for screen readers.
export function draw(graph, kindOf, { marked = new Set(), label, small = false } = {}) {
  const plan = layout(graph, small);
  const alive = live(graph);
  const svg = s(
    "svg",
    { class: "drawing", viewBox: `0 0 ${plan.width} ${plan.height}`, width: plan.width, height: plan.height, "--natural": `${plan.width}px` },
    plan.routes.map(({ edge, points }) => drawRoute(edge, points, edge.every((v) => alive.has(v)))),
    plan.boxes.map((box) => drawBox(box, graph.ops[box.vertex], kindOf, alive, marked, small)),
  );
  if (label) for (const [name, value] of [["role", "img"], ["aria-label", label]]) svg.setAttribute(name, value);
  return svg;
}

// A description of a picture in words.
export const describe = (graph) =>
  `${graph.ops.length} vertices: ` +
  graph.ops.map((op, v) => `${v} ${op}`).join(", ") +
  `; connections ${graph.edges.map(([i, j]) => `${i} to ${j}`).join(", ") || "none"}`;

function drawRoute(edge, points, alive) {
  const tip = points.at(-1);
  const line = path([...points.slice(0, -1), [tip[0], tip[1] - TIP + 1]]);
  const [x, y] = tip.map(round);
  return s(
    "g",
    { class: alive ? "edge" : "edge dead", "data-edge": edge.join(" ") },
    s("path", { class: "hit", d: line }),
    s("path", { class: "line", d: line }),
    s("path", { class: "tip", d: `M${x - TIP / 2} ${y - TIP}h${TIP}L${x} ${y}z` }),
  );
}

function drawBox({ vertex, label, x, y, width, height }, op, kindOf, alive, marked, small) {
  const classes = ["vertex", `kind-${kindOf(op)}`, alive.has(vertex) || "dead", marked.has(vertex) && "marked"];
  const [left, top] = [x - width / 2, y - height / 2].map(round);
  return s(
    "g",
    { class: classes.filter((name) => typeof name === "string").join(" "), "data-vertex": vertex },
    s("title", {}, `${vertex}: ${op}`),
    s("rect", { x: left, y: top, width: round(width), height, rx: 8 }),
    !small && s("text", { x: round(x), y: round(y) }, s("tspan", { class: "number" }, `${vertex} `), label),
  );
}

function path([start, ...rest]) {
  let text = `M${start.map(round).join(" ")}`;
  for (let k = 0; k < rest.length; k += 3)
    text += "C" + rest.slice(k, k + 3).map((point) => point.map(round).join(" ")).join(" ");
  return text;
}

const round = (value) => Math.round(10 * value) / 10;
