// The interactive drawing: vertices are selected and connected by mouse, touch or keyboard.

import { find, s, show } from "./dom.js";
import { describe, draw } from "./draw.js";
import { sources } from "./graph.js";

const STILL = 6; // pixels that a pointer may move during a click

// Shows graphs in `container`. `act` has connect(from, to), remove(vertex) and choose(vertex), which focuses the
// vertex's row in the table.
export function makeCanvas(container, kindOf, act) {
  let graph = null;
  let picked = null; // the selected vertex, to be connected with the next one
  let focused = 0; // the vertex that the Tab key reaches
  let drag = null;

  function render() {
    const svg = draw(graph, kindOf, { marked: new Set([picked]) });
    svg.setAttribute("role", "group");
    svg.setAttribute("aria-label", `Drawing of the architecture: ${describe(graph)}`);
    for (const element of svg.querySelectorAll("[data-vertex]")) {
      const vertex = Number(element.dataset.vertex);
      const from = sources(graph, vertex).join(", ");
      element.id = `vertex-${vertex}`;
      element.setAttribute("role", "button");
      element.setAttribute("tabindex", vertex === focused ? 0 : -1);
      element.setAttribute("aria-pressed", vertex === picked);
      element.setAttribute("aria-label", `${vertex}, ${graph.ops[vertex]}${from && `, sources ${from}`}`);
    }
    show(container, svg);
  }

  function press(vertex) {
    const from = picked;
    picked = from === null ? vertex : null;
    if (from !== null && from !== vertex) act.connect(from, vertex);
    else render();
  }

  function focus(vertex) {
    focused = (vertex + graph.ops.length) % graph.ops.length;
    render();
    find(`vertex-${focused}`).focus();
  }

  const keys = {
    ArrowDown: (vertex) => focus(vertex + 1),
    ArrowRight: (vertex) => focus(vertex + 1),
    ArrowUp: (vertex) => focus(vertex - 1),
    ArrowLeft: (vertex) => focus(vertex - 1),
    Home: () => focus(0),
    End: () => focus(-1),
    Enter: press,
    " ": press,
    Delete: (vertex) => act.remove(vertex),
    Escape: () => ((picked = null), render()),
  };
  container.addEventListener("keydown", (event) => {
    const vertex = vertexOf(event.target);
    if (vertex === null || !(event.key in keys) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key](vertex);
  });

  container.addEventListener("pointerdown", (event) => {
    const vertex = vertexOf(event.target);
    if (vertex === null || event.button !== 0) return;
    drag = { vertex, x: event.clientX, y: event.clientY, line: null };
    container.setPointerCapture(event.pointerId);
  });
  container.addEventListener("pointermove", (event) => {
    if (!drag || (!drag.line && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < STILL)) return;
    const svg = container.firstElementChild;
    drag.line ??= svg.appendChild(s("line", { class: "rubber" }));
    const toDrawing = svg.getScreenCTM().inverse();
    const ends = [[drag.x, drag.y], [event.clientX, event.clientY]].map(([x, y]) => new DOMPoint(x, y).matrixTransform(toDrawing));
    ends.forEach(({ x, y }, k) => (drag.line.setAttribute(`x${k + 1}`, x), drag.line.setAttribute(`y${k + 1}`, y)));
  });
  container.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { vertex, line } = drag;
    drag = null;
    line?.remove();
    const target = vertexOf(document.elementFromPoint(event.clientX, event.clientY));
    focused = vertex;
    if (!line) press(vertex);
    else if (target !== null && target !== vertex) act.connect(vertex, target);
  });
  container.addEventListener("pointercancel", () => {
    drag?.line?.remove();
    drag = null;
  });
  container.addEventListener("click", (event) => {
    const edge = event.target.closest("[data-edge]");
    if (edge) act.connect(...edge.dataset.edge.split(" ").map(Number));
  });
  container.addEventListener("dblclick", (event) => {
    const vertex = vertexOf(event.target);
    if (vertex !== null) act.choose(vertex);
  });

  return {
    show(next) {
      if (graph?.ops.length !== next.ops.length) picked = null;
      graph = next;
      focused = Math.min(focused, graph.ops.length - 1);
      render();
    },
  };
}

function vertexOf(element) {
  const found = element?.closest("[data-vertex]");
  return found ? Number(found.dataset.vertex) : null;
}
