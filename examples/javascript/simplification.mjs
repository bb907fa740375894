/** An architecture reduced to the computation that it is, in an order that numbering does not change. */

import { inOrder, liveVertices } from "./architecture.mjs";
import { fingerprint, mix } from "./hashing.mjs";
import { depths } from "./sweeps.mjs";

const SWEEPS = 3;
const MOST_EDGES = 2 ** 62; // between two vertices

/**
 * Drops what no path from input to output visits and operations of kind "zero"; splices operations of kind
 * "identity" into the sums that they feed; merges shareable operations that have the same inputs.
 *
 * @param {{ops: string[], edges: number[][]}} architecture checked already.
 * @param {(name: string) => object} describe gives the description of an operation.
 * @returns {{operations: object[], counts: number[][]}} descriptions, sorted by depth (longest path from the
 *     input) and, within one depth, by what feeds a vertex and what it feeds; entry [i][j] of the counts says
 *     how often vertex j adds the result of i.
 */
export function simplify({ ops, edges }, describe) {
  const last = ops.length - 1;
  const described = ops.map(describe);
  const carrying = edges.filter((edge) => edge.every((v) => described[v].kind !== "zero"));
  const live = liveVertices(ops.length, carrying);
  // Put in order before zeros are dropped, as Python does: vertices that stay tied keep this order.
  const order = inOrder(liveVertices(ops.length, edges), edges).filter((v) => live.has(v));

  const kept = []; // {operation, inputs}, where inputs says how often each earlier kept one is added
  const meaning = []; // of each vertex the kept ones whose sum it is, as such inputs
  for (const vertex of order) {
    const operation = described[vertex];
    const isEnd = vertex === 0 || vertex === last;
    const inputs = new Map();
    for (const [source] of carrying.filter(([i, j]) => j === vertex && live.has(i))) {
      for (const [k, count] of meaning[source]) inputs.set(k, (inputs.get(k) ?? 0) + count);
    }
    for (const [k, count] of inputs) inputs.set(k, Math.min(count, MOST_EDGES));
    if (operation.kind === "identity" && !isEnd) {
      meaning[vertex] = inputs;
      continue;
    }
    const isTwin = (other, k) => k > 0 && other.operation === operation && sameInputs(other.inputs, inputs);
    const twin = operation.shareable && !isEnd ? kept.findIndex(isTwin) : -1;
    meaning[vertex] = new Map([[twin >= 0 ? twin : kept.length, 1]]);
    if (twin < 0) kept.push({ operation, inputs });
  }
  const counts = kept.map((_, i) => kept.map(({ inputs }) => inputs.get(i) ?? 0));
  return sorted(
    kept.map(({ operation }) => operation),
    counts,
  );
}

function sameInputs(some, others) {
  return some.size === others.size && [...some].every(([k, count]) => others.get(k) === count);
}

function sorted(operations, counts) {
  const depth = depths(counts);
  const label = labels(operations, counts);
  // Disconnected or not, the output comes last. The sort is stable.
  depth[depth.length - 1] = Infinity;
  const order = [...operations.keys()].sort((a, b) => {
    if (depth[a] !== depth[b]) return depth[a] - depth[b];
    return label[a] < label[b] ? -1 : Number(label[a] > label[b]);
  });
  return {
    operations: order.map((v) => operations[v]),
    counts: order.map((i) => order.map((j) => counts[i][j])),
  };
}

/** Hashes of all that lies before and behind each vertex. Sums may pass 64 bits: `mix` takes what fits. */
function labels(operations, counts) {
  const size = operations.length;
  const times = counts.map((row) => row.map((count) => BigInt(count)));
  let label = operations.map(({ name }) => fingerprint(name));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const before = [...label];
    const behind = [...label];
    const mixed = [];
    for (let v = 0; v < size; v++) {
      for (let u = 0; u < v; u++) before[v] += times[u][v] * mixed[u];
      before[v] = mix(before[v]);
      mixed[v] = mix(before[v]);
    }
    for (let v = size - 1; v >= 0; v--) {
      for (let w = v + 1; w < size; w++) behind[v] += times[v][w] * mixed[w];
      behind[v] = mix(behind[v]);
      mixed[v] = mix(behind[v]);
    }
    label = before.map((bits, v) => mix(bits + mixed[v]));
  }
  return label;
}
