/** Architectures as the arrays that the ONNX file of a ranker reads; the same numbers as in Python. */

import { check } from "./architecture.mjs";
import { graphFeatures } from "./features.mjs";
import { simplify } from "./simplification.mjs";
import { depths, heaviestPath, pathsTo, reversed, sum } from "./sweeps.mjs";

// What an operation can be, in the order of its columns.
const KINDS = (
  "input output zero identity conv separable-conv inverted-residual max-pool avg-pool linear graph-conv " +
  "attention aggregation other"
).split(" ");
const NOT_COUNTED = ["input", "output", "zero", "identity"];

/**
 * Encodes architectures for a ranker.
 *
 * @param {object | object[]} architectures one `{ops, edges}`, or several.
 * @param {object[]} vocabulary the operations the ranker was trained on, as its file describes them.
 * @param {boolean} names whether the ranker tells operations apart by name, as its file says; otherwise by
 *     their descriptions alone.
 * @returns {object} of each input of the ONNX file its data, row by row, and its shape:
 *     vertices (graphs, width, numbers of a vertex), counts (graphs, width, width), sizes (graphs), and
 *     features (graphs, numbers of a graph), where width is the number of vertices of the largest graph;
 *     0 where padded.
 * @throws {TypeError} something among them is no architecture.
 * @throws {RangeError} an operation is not in the vocabulary.
 */
export function encode(architectures, vocabulary, names = true) {
  const known = new Map(vocabulary.map((operation) => [operation.name, operation]));
  const interior = vocabulary.filter(({ kind }) => !NOT_COUNTED.includes(kind));
  const graphs = [architectures].flat().map((architecture) => {
    check(architecture);
    return encodeOne(
      simplify(architecture, (name) => describe(name, known)),
      interior,
      names,
    );
  });
  const width = Math.max(2, ...graphs.map(({ counts }) => counts.length));
  const padded = (rows, length) => {
    const data = new Float32Array(graphs.length * width * length);
    graphs.forEach((graph, g) => rows(graph).forEach((row, v) => data.set(row, (g * width + v) * length)));
    return { data, shape: [graphs.length, width, length] };
  };
  return {
    vertices: padded(({ vertices }) => vertices, graphs[0]?.vertices[0].length ?? 0),
    counts: padded(({ counts }) => counts, width),
    sizes: {
      data: BigInt64Array.from(graphs, ({ counts }) => BigInt(counts.length)),
      shape: [graphs.length],
    },
    features: {
      data: Float64Array.from(graphs.flatMap(({ features }) => features)),
      shape: [graphs.length, graphs[0]?.features.length ?? 0],
    },
  };
}

function describe(name, known) {
  const operation = known.get(name);
  if (operation === undefined) {
    throw new RangeError(
      `unknown operation ${JSON.stringify(name)}: the ranker knows ${[...known.keys()].join(", ")}; ` +
        "what is registered with egraph.operations is known to Python alone, so score it there",
    );
  }
  return operation;
}

function encodeOne({ operations, counts }, interior, names) {
  const whole = graphFeatures(interior, operations, counts, names);
  const toldApart = names ? interior : [];
  const place = structure(operations, counts);
  const vertices = operations.map((operation, v) => [
    ...attributes(operation),
    ...toldApart.map((other) => Number(other === operation)),
    ...place[v],
    ...whole.vertices[v],
  ]);
  return { counts, features: whole.features, vertices };
}

/** Describes an operation in numbers of order one. */
function attributes({ kind, kernel, stride, groups, expansion, width }) {
  return [
    ...KINDS.map((other) => Number(other === kind)),
    kernel / 4,
    Math.log2(stride),
    Math.log2(Math.max(groups, 1)),
    Number(groups === 0),
    Math.log2(expansion),
    Math.log2(width),
  ];
}

/** Says of each vertex where in its graph it is, in six numbers. */
function structure(operations, counts) {
  const back = reversed(counts);
  const depth = depths(counts);
  const height = depths(back).reverse();
  const paths = pathsTo(counts);
  const behind = pathsTo(back).reverse();
  const reduction = heaviestPath(
    counts,
    operations.map(({ stride }) => Math.log2(stride)),
  );
  return counts.map((row, v) => [
    depth[v] / 4,
    height[v] / 4,
    Math.log1p(sum(counts.map((other) => other[v]))),
    Math.log1p(sum(row)),
    Math.log1p(paths[v] * behind[v]) / 4,
    reduction[v],
  ]);
}
