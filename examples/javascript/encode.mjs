/** Architectures as the arrays that the ONNX file of a ranker reads; the same numbers as in Python. */

import { encodeAnswers } from "./answers.mjs";
import { check } from "./architecture.mjs";
import { graphFeatures } from "./features.mjs";
import { measureGraph, measureVertex } from "./measures.mjs";
import { simplify } from "./simplification.mjs";
import { depths, heaviestPath, pathsTo, reversed, sum } from "./sweeps.mjs";

// What an operation can be, in the order of its columns.
const KINDS = (
  "input output zero identity conv separable-conv inverted-residual max-pool avg-pool linear graph-conv " +
  "attention aggregation other"
).split(" ");
const NOT_COUNTED = ["input", "output", "zero", "identity"];
// Two layers of one of these kinds that agree in these fields are one operation.
const LAYERS = (
  "conv separable-conv inverted-residual max-pool avg-pool linear attention"
).split(" ");
const READ = ["kind", "kernel", "stride", "groups", "expansion", "width", "padded"];
const MOST_NAMES = 32; // above so many, operations whose sizes are read have no column of their own

/**
 * Encodes architectures for a ranker.
 *
 * @param {object | object[]} architectures one `{ops, edges}`, or several; those of traced networks have
 *     `operations`, which describe their layers.
 * @param {object[]} vocabulary the operations the ranker was trained on, as its file describes them.
 * @param {boolean} names whether the ranker tells operations apart by name, as its file says; otherwise by
 *     their descriptions alone.
 * @param {boolean} measured whether the ranker reads the sizes of layers, as its file says.
 * @param {Array} asked the questions of a builder whose answers it reads, as its file says.
 * @returns {object} of each input of the ONNX file its data, row by row, and its shape:
 *     vertices (graphs, width, numbers of a vertex), counts (graphs, width, width), sizes (graphs), and
 *     features (graphs, numbers of a graph), where width is the number of vertices of the largest graph;
 *     0 where padded.
 * @throws {TypeError} something among them is no architecture.
 * @throws {RangeError} an operation is not in the vocabulary.
 */
export function encode(architectures, vocabulary, names = true, measured = false, asked = []) {
  const known = new Map(vocabulary.map((operation) => [operation.name, operation]));
  const interior = vocabulary.filter(({ kind }) => !NOT_COUNTED.includes(kind));
  const graphs = [architectures].flat().map((architecture) => {
    check(architecture);
    const given = new Map((architecture.operations ?? []).map((operation) => [operation.name, operation]));
    const asKnown = (name) => describe(name, known, given);
    const graph = simplify(architecture, (name) => (measured && given.get(name)) || asKnown(name));
    const answers = encodeAnswers(architecture.answers, asked);
    return encodeOne(graph, interior, names, measured && asKnown, answers);
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

/** The description of an operation under its name in the vocabulary, where it is there. */
function describe(name, known, given) {
  const operation = known.get(name) ?? given.get(name);
  if (operation === undefined) {
    const listed = [...known.keys()].slice(0, 40).join(", ") + (known.size > 40 ? ", ..." : "");
    throw new RangeError(
      `unknown operation ${JSON.stringify(name)}: the ranker knows ${listed}; ` +
        "what is registered with egraph.operations is known to Python alone, so score it there",
    );
  }
  if (known.has(name) || !LAYERS.includes(operation.kind)) return operation;
  const alike = (other) => READ.every((field) => other[field] === operation[field]);
  return [...known.values()].find(alike) ?? operation;
}

function encodeOne({ operations, counts }, interior, names, asKnown, answers) {
  const described = asKnown ? operations.map(({ name }) => asKnown(name)) : operations;
  const whole = graphFeatures(interior, described, counts, names, Boolean(asKnown));
  const toldApart = names && !(asKnown && interior.length > MOST_NAMES) ? interior : [];
  const place = structure(described, counts);
  const vertices = described.map((operation, v) => [
    ...attributes(operation),
    ...toldApart.map((other) => Number(other === operation)),
    ...(asKnown ? measureVertex(operations[v]) : []),
    ...place[v],
    ...whole.vertices[v],
  ]);
  const sizes = asKnown ? measureGraph(operations, counts) : [];
  return { counts, features: [...whole.features, ...sizes, ...answers], vertices };
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
