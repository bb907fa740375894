// The graph of an architecture as an immutable value, and its edits.
//
// A graph is {ops, edges, disabled?, answers?, operations?} as in the service. Vertex 0 is the input, the last vertex is the output, and
// connections lead from lower to higher numbers; edits that would break this order renumber the vertices.

export class GraphError extends Error {}

const order = (edges) => edges.sort(([i, j], [k, l]) => i - k || j - l);

// Validates an architecture from the service or from a link.
export function read(architecture) {
  const { ops, edges, disabled = [], answers, operations } = architecture ?? {};
  const isVertex = (v) => Number.isInteger(v) && v >= 0 && v < ops.length;
  const areEdges = (list) =>
    Array.isArray(list) && list.every((edge) => Array.isArray(edge) && edge.length === 2 && edge.every(isVertex));
  if (!Array.isArray(ops) || ops.length < 2 || !ops.every((op) => typeof op === "string"))
    throw new GraphError("an architecture needs a list “ops” of operation names, from input to output");
  if (!areEdges(edges) || !areEdges(disabled))
    throw new GraphError("an architecture needs a list “edges” of pairs of vertices");
  return renumber({
    ops: [...ops],
    edges: order([...edges]),
    ...(disabled.length && { disabled: [...disabled] }),
    ...(answers && { answers }),
    ...(operations && { operations }),
  });
}

export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

export const has = (graph, from, to) => graph.edges.some(([i, j]) => i === from && j === to);

export const sources = (graph, vertex) => graph.edges.filter(([, j]) => j === vertex).map(([i]) => i);

export const targets = (graph, vertex) => graph.edges.filter(([i]) => i === vertex).map(([, j]) => j);

export const setOperation = (graph, vertex, op) => ({ ...graph, ops: graph.ops.with(vertex, op) });

// Connects or disconnects two vertices. A connection that would close a cycle is reversed.
export function toggle(graph, from, to) {
  const edges = graph.edges.filter(([i, j]) => !(i === from && j === to) && !(i === to && j === from));
  if (from === to || edges.length < graph.edges.length) return { ...graph, edges };
  const backward = to === 0 || from === graph.ops.length - 1 || reach(graph, to, targets).has(from);
  return renumber({ ...graph, edges: order([...edges, backward ? [to, from] : [from, to]]) });
}

// Inserts a vertex after another: it takes over the outgoing connections of that one and is connected to it.
export function insertAfter(graph, vertex, op) {
  const shift = (v) => (v > vertex ? v + 1 : v);
  const move = ([i, j]) => [i === vertex ? vertex + 1 : shift(i), shift(j)];
  const edges = [...graph.edges.map(move), [vertex, vertex + 1]];
  if (!targets(graph, vertex).length) edges.push([vertex + 1, graph.ops.length]);
  return { ...graph, ops: graph.ops.toSpliced(vertex + 1, 0, op), edges: order(edges), ...moved(graph, move) };
}

// Removes a vertex and connects its sources to its targets.
export function remove(graph, vertex) {
  const bridges = sources(graph, vertex).flatMap((i) =>
    targets(graph, vertex).filter((j) => !has(graph, i, j)).map((j) => [i, j]));
  const shift = (v) => (v > vertex ? v - 1 : v);
  const close = (edges) => edges.filter((edge) => !edge.includes(vertex)).map(([i, j]) => [shift(i), shift(j)]);
  const { disabled, ...rest } = graph;
  const dormant = close(disabled ?? []);
  return {
    ...rest,
    ops: graph.ops.toSpliced(vertex, 1),
    edges: order(close([...graph.edges, ...bridges])),
    ...(dormant.length && { disabled: dormant }),
  };
}

// The vertices on a path from input to output; the others have no effect.
export function live(graph) {
  const after = reach(graph, 0, targets);
  const before = reach(graph, graph.ops.length - 1, sources);
  return new Set([...after].filter((v) => before.has(v)));
}

// The vertices of `after` that are new or have another operation than in `before`.
export function changedVertices(before, after) {
  const more = after.ops.length - before.ops.length;
  if (more === 1) return new Set([addedVertex(before, after)].filter((v) => v > 0));
  return new Set(more === 0 ? [...after.ops.keys()].filter((v) => before.ops[v] !== after.ops[v]) : []);
}

// A short description of the difference between two graphs.
export function difference(before, after) {
  const more = after.ops.length - before.ops.length;
  const [changed, ...others] = changedVertices(before, after);
  const gone = before.edges.filter(([i, j]) => !has(after, i, j)).map(([i, j]) => `without ${i} → ${j}`);
  const fresh = after.edges.filter(([i, j]) => !has(before, i, j)).map(([i, j]) => `with ${i} → ${j}`);
  const rewired = [...gone, ...fresh];
  if (more === 0 && changed && !others.length && !rewired.length)
    return `${changed}: ${before.ops[changed]} → ${after.ops[changed]}`;
  if (more === 0 && !changed && rewired.length > 0 && rewired.length < 3) return rewired.join(", ");
  if (more === 1 && changed) return `new ${changed}: ${after.ops[changed]}`;
  const lost = more === -1 && addedVertex(after, before);
  if (lost > 0) return `without ${lost}: ${before.ops[lost]}`;
  return `${after.ops.length} vertices, ${after.edges.length} ${after.edges.length === 1 ? "connection" : "connections"}`;
}

// The vertex whose removal turns `large` into `small`, at least in its operations; -1 if there is none.
function addedVertex(small, large) {
  const fitting = [...large.ops.keys()].filter((v) => same(large.ops.toSpliced(v, 1), small.ops));
  return fitting.find((v) => same(remove(large, v).edges, small.edges)) ?? fitting[0] ?? -1;
}

function reach(graph, start, next) {
  const found = new Set([start]);
  for (const v of found) for (const w of next(graph, v)) found.add(w);
  return found;
}

const moved = ({ disabled }, move) => disabled && { disabled: order(disabled.map(move)) };

// Renumbers vertices so that connections lead to higher numbers; keeps the numbers if they already do.
function renumber(graph) {
  const all = [...graph.edges, ...(graph.disabled ?? [])];
  if (all.every(([i, j]) => i < j)) return graph;
  const last = graph.ops.length - 1;
  const waiting = new Set(graph.ops.keys());
  const sorted = [];
  while (waiting.size) {
    const free = [...waiting].filter((v) => all.every(([i, j]) => j !== v || !waiting.has(i)));
    if (!free.length) throw new GraphError("the architecture has a cycle");
    const next = free.find((v) => v !== last) ?? last;
    waiting.delete(next);
    sorted.push(next);
  }
  const renumbered = ([i, j]) => [sorted.indexOf(i), sorted.indexOf(j)];
  const ops = sorted.map((v) => graph.ops[v]);
  return { ...graph, ops, edges: order(graph.edges.map(renumbered)), ...moved(graph, renumbered) };
}
