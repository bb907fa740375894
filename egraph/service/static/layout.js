// Layout of a drawing: positions of vertices and connections, from top to bottom.
//
// The layer of a vertex is its longest path from the input; a connection that skips layers gets a waypoint in each.
// Barycentres order the layers. The horizontal positions are weighted means of the neighbours above and below, in
// turn, with boxes kept apart: for one layer that is an isotonic regression, which the algorithm of pooled adjacent
// violators solves exactly (Barlow et al., 1972).

import { sources, targets } from "./graph.js";

const CHARACTER = 7.85; // pixels; width of a character in common monospaced fonts at 13 px
const HEIGHT = 30;
const ROW = 68;
const GAP = 20;
const MARGIN = 10;
const LONGEST = 26; // characters of a label
const MOST_WAYPOINTS = 800;
const STILL = 0.5; // pixels
const SMALL = { width: 30, row: 46 };

// {boxes: [{vertex, label, x, y, width, height}], routes: [{edge, points}], width, height}; `small` omits labels.
export function layout(graph, small = false) {
  const labels = graph.ops.map((op) => (op.length > LONGEST ? op.slice(0, LONGEST - 1) + "…" : op));
  const { layers, chains } = makeLayers(graph);
  reorder(layers);
  const row = small ? SMALL.row : ROW;
  for (const node of layers.flat())
    if (!isWaypoint(node)) node.width = small ? SMALL.width : widthOf(labels[node.vertex], node.vertex);
  spread(layers);
  const nodes = layers.flat();
  const left = Math.min(...nodes.map((node) => node.x - node.width / 2)) - MARGIN;
  for (const node of nodes) {
    node.x -= left;
    node.y = MARGIN + HEIGHT / 2 + node.layer * row;
  }
  const boxes = nodes
    .filter((node) => !isWaypoint(node))
    .map(({ vertex, x, y, width }) => ({ vertex, label: labels[vertex], x, y, width, height: HEIGHT }))
    .sort((a, b) => a.vertex - b.vertex);
  return {
    boxes,
    routes: chains.map(({ edge, chain }) => ({ edge, points: route(chain) })),
    width: Math.max(...nodes.map((node) => node.x + node.width / 2)) + MARGIN,
    height: 2 * MARGIN + HEIGHT + (layers.length - 1) * row,
  };
}

// The layer of each vertex.
function stack(graph) {
  const last = graph.ops.length - 1;
  const layer = graph.ops.map(() => 0);
  for (let v = 1; v <= last; v++) layer[v] = Math.max(1, ...sources(graph, v).map((u) => layer[u] + 1));
  layer[last] = Math.max(layer[last], ...layer.slice(0, last).map((at) => at + 1));
  for (let v = last - 1; v > 0; v--) {
    // Vertices with more targets than sources move down to their targets, to shorten connections.
    const readers = targets(graph, v).map((w) => layer[w]);
    if (readers.length > sources(graph, v).length) layer[v] = Math.max(layer[v], Math.min(...readers) - 1);
  }
  return layer;
}

function makeLayers(graph) {
  const layer = stack(graph);
  const layers = Array.from({ length: layer.at(-1) + 1 }, () => []);
  const skipped = graph.edges.reduce((sum, [i, j]) => sum + layer[j] - layer[i] - 1, 0);
  const create = (fields) => {
    const node = { ...fields, above: [], below: [], x: 0, width: 4 };
    layers[node.layer].push(node);
    return node;
  };
  const nodes = layer.map((at, vertex) => create({ layer: at, vertex }));
  const chains = graph.edges.map(([i, j]) => {
    const chain = [nodes[i]];
    // With more waypoints the drawing would be unreadable anyway, and slow.
    if (skipped <= MOST_WAYPOINTS)
      for (let at = layer[i] + 1; at < layer[j]; at++) chain.push(create({ layer: at }));
    chain.push(nodes[j]);
    for (let k = 1; k < chain.length; k++) {
      chain[k - 1].below.push(chain[k]);
      chain[k].above.push(chain[k - 1]);
    }
    return { edge: [i, j], chain };
  });
  return { layers, chains };
}

// Orders the nodes of each layer so that few connections cross.
function reorder(layers) {
  const number = () => layers.forEach((nodes) => nodes.forEach((node, position) => (node.position = position)));
  number();
  let best = layers.map((nodes) => [...nodes]);
  let fewest = crossings(layers);
  for (let sweep = 0; sweep < 16 && fewest; sweep++) {
    const down = sweep % 2 === 0;
    for (const nodes of down ? layers : layers.toReversed()) {
      const centre = new Map(nodes.map((node) => {
        const seen = down ? node.above : node.below;
        return [node, seen.length ? mean(seen.map((other) => other.position)) : node.position];
      }));
      // Every other pair of sweeps reverses ties, to escape local optima.
      const tie = sweep % 4 < 2 ? 1 : -1;
      nodes.sort((a, b) => centre.get(a) - centre.get(b) || tie * (a.position - b.position));
      nodes.forEach((node, position) => (node.position = position));
    }
    const count = crossings(layers);
    if (count < fewest) [fewest, best] = [count, layers.map((nodes) => [...nodes])];
  }
  best.forEach((nodes, k) => layers[k].splice(0, nodes.length, ...nodes));
  number();
}

function crossings(layers) {
  let total = 0;
  for (const nodes of layers) {
    const before = []; // number of connections so far that end at each position
    for (const node of nodes) {
      for (const { position } of node.below) for (let k = position + 1; k < before.length; k++) total += before[k] ?? 0;
      for (const { position } of node.below) before[position] = (before[position] ?? 0) + 1;
    }
  }
  return total;
}

// Width of a box with number and label.
const widthOf = (label, vertex) => Math.max(64, (label.length + String(vertex).length + 1) * CHARACTER + 24);

// First down and up in turn, so that positions propagate from end to end; then both sides at once.
function spread(layers) {
  for (const nodes of layers) settle(nodes, nodes.map(() => ({ at: 0, weight: 1 })));
  let moved = Infinity;
  for (let sweep = 0; sweep < 60 && (sweep < 13 || moved > STILL); sweep++) {
    const sides = [["above"], ["below"], ["above", "below"]][sweep < 12 ? sweep % 2 : 2];
    moved = 0;
    for (const nodes of sweep % 2 ? layers.toReversed() : layers)
      moved = Math.max(moved, settle(nodes, nodes.map((node) => pull(node, sides.flatMap((side) => node[side])))));
  }
}

const isWaypoint = (node) => node.vertex === undefined;

// The preferred position of a node: the weighted mean of its neighbours. Long connections weigh most, to be straight.
function pull(node, others) {
  if (!others.length) return { at: node.x, weight: 1 };
  const weights = others.map((other) => [1, 3, 60][isWaypoint(node) + isWaypoint(other)]);
  const weight = weights.reduce((a, b) => a + b);
  return { at: others.reduce((sum, other, k) => sum + weights[k] * other.x, 0) / weight, weight };
}

// Moves the nodes of one layer as close as possible to their preferred positions, in their order and without overlap;
// returns the largest move.
function settle(nodes, wanted) {
  const offsets = [0];
  for (let k = 1; k < nodes.length; k++)
    offsets.push(offsets[k - 1] + (nodes[k - 1].width + nodes[k].width) / 2 + GAP);
  const blocks = [];
  wanted.forEach(({ at, weight }, k) => {
    blocks.push({ weight, at: at - offsets[k], count: 1 });
    while (blocks.length > 1 && blocks.at(-2).at > blocks.at(-1).at) {
      const b = blocks.pop();
      const a = blocks.pop();
      const weight = a.weight + b.weight;
      blocks.push({ weight, at: (a.at * a.weight + b.at * b.weight) / weight, count: a.count + b.count });
    }
  });
  const positions = blocks.flatMap((block) => Array(block.count).fill(block.at)).map((at, k) => at + offsets[k]);
  const moved = Math.max(...positions.map((x, k) => Math.abs(x - nodes[k].x)));
  positions.forEach((x, k) => (nodes[k].x = x));
  return moved;
}

// The corners of a connection: its start, then three points for each cubic curve.
function route(chain) {
  const points = [[chain[0].x, chain[0].y + HEIGHT / 2]];
  const line = (x, y) => points.push(points.at(-1), [x, y], [x, y]);
  for (let k = 1; k < chain.length; k++) {
    const [a, b] = [chain[k - 1], chain[k]];
    if (isWaypoint(a) && isWaypoint(b) && Math.abs(a.x - b.x) < GAP) {
      line(b.x, b.y);
      continue;
    }
    const [bottom, top] = [a.y + HEIGHT / 2, b.y - HEIGHT / 2];
    if (isWaypoint(a)) line(a.x, bottom);
    points.push([a.x, (bottom + top) / 2], [b.x, (bottom + top) / 2], [b.x, top]);
    if (isWaypoint(b)) line(b.x, b.y);
  }
  return points;
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
