/**
 * An architecture: `{ops: [name, ...], edges: [[i, j], ...]}`.
 *
 * Vertex 0 is "input", the last one "output"; an edge carries the result of vertex i to vertex j.
 */

/**
 * Checks that a value is an architecture.
 *
 * @throws {TypeError} it is something else, or its graph has a cycle.
 */
export function check(architecture) {
  const { ops, edges } = architecture ?? {};
  if (!Array.isArray(ops) || !Array.isArray(edges)) {
    throw new TypeError(
      `an architecture is an object with the lists ops and edges, got ${shorten(architecture)}`,
    );
  }
  if (
    !ops.every((op) => typeof op === "string") ||
    ops.length < 2 ||
    ops[0] !== "input" ||
    ops.at(-1) !== "output"
  ) {
    throw new TypeError(
      `operations must be names that begin with "input" and end with "output", got ${shorten(ops)}`,
    );
  }
  const seen = new Set();
  for (const edge of edges) {
    const isVertex = (v) => Number.isInteger(v) && v >= 0 && v < ops.length;
    if (!Array.isArray(edge) || edge.length !== 2 || !edge.every(isVertex)) {
      throw new TypeError(
        `an edge must be a pair of vertices from 0 to ${ops.length - 1}, got ${shorten(edge)}`,
      );
    }
    if (seen.has(edge.join())) throw new TypeError(`edge ${shorten(edge)} stands twice`);
    seen.add(edge.join());
  }
  if (inOrder(new Set(ops.keys()), edges).length < ops.length) {
    throw new TypeError("the graph has a cycle; an architecture has none");
  }
}

/** The vertices on a path from the input to the output, and these two always. */
export function liveVertices(vertices, edges) {
  const last = vertices - 1;
  const beforeOutput = reachable(last, neighbours(edges.map(([i, j]) => [j, i])));
  const afterInput = reachable(0, neighbours(edges));
  return new Set([0, ...[...afterInput].filter((v) => beforeOutput.has(v)), last]);
}

/**
 * Sorts vertices so that edges lead forward, the smallest number first where several could follow; leaves out
 * those on a cycle or behind one.
 */
export function inOrder(vertices, edges) {
  const between = edges.filter((edge) => edge.every((v) => vertices.has(v)));
  const targets = neighbours(between);
  const waiting = new Map([...vertices].map((v) => [v, 0]));
  for (const [, j] of between) waiting.set(j, waiting.get(j) + 1);
  const free = [...vertices].filter((v) => waiting.get(v) === 0);
  const order = [];
  while (free.length > 0) {
    const vertex = free.sort((a, b) => a - b).shift();
    order.push(vertex);
    for (const target of targets.get(vertex) ?? []) {
      waiting.set(target, waiting.get(target) - 1);
      if (waiting.get(target) === 0) free.push(target);
    }
  }
  return order;
}

function neighbours(edges) {
  const found = new Map();
  for (const [i, j] of edges) found.set(i, [...(found.get(i) ?? []), j]);
  return found;
}

function reachable(start, targets) {
  const seen = new Set([start]);
  for (const vertex of seen) for (const target of targets.get(vertex) ?? []) seen.add(target);
  return seen;
}

function shorten(value) {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
