/**
 * Numbers that describe a whole graph, in the order of `egraph.encoding.features`, which names them.
 *
 * Everything is found by sweeps over the vertices: no path is listed, so a graph may have 10^18 of them.
 */

import { before, depths, dot, heaviestPath, pathsTo, sum } from "./sweeps.mjs";

const PATH_BINS = 6; // paths with 0, 1, ... trainable operations are told apart up to this many
const LEVELS = 4; // so are operations at the whole, half, ... of the resolution
const GOES_ON = 0.75; // probability of a further step in the shorter walk back from the output
const ROUNDING = 1e-12; // variance over mean square that is no more than that
const MAX_CLASSES = 10; // above so many names, operations are counted by kind
// Kinds that are counted where operations are not told apart by name.
const FAMILIES = [["inverted-residual"], ["graph-conv", "attention", "linear", "aggregation"]];

/**
 * Describes a graph, and how much of it each vertex is.
 *
 * @param {object[]} interior the operations between input and output, sorted by name.
 * @param {object[]} operations of each vertex its description.
 * @param {number[][]} counts
 * @param {boolean} names whether to tell the operations apart by name; otherwise their families are counted.
 * @param {boolean} countUnknown whether operations that are not among these are counted by kind where these are.
 * @returns {{features: number[], vertices: number[][]}} of each vertex three numbers.
 */
export function graphFeatures(interior, operations, counts, names, countUnknown = false) {
  const size = operations.length;
  const last = size - 1;
  const all = [...operations.keys()];
  const isInterior = all.map((v) => Number(v > 0 && v < last));
  const classOf = (op) => (interior.length > MAX_CLASSES ? op.kind : op.name);
  const classes = names ? [...new Set(interior.map(classOf))].sort() : [];
  const ends = ["input", "output"];
  const own = (number, otherwise) => operations.map((op) => (ends.includes(op.kind) ? otherwise : number(op)));
  const isCounted = (op) => interior.includes(op) || (countUnknown && interior.length > MAX_CLASSES);
  const group = own((op) => (isCounted(op) ? classes.indexOf(classOf(op)) : -1), -1);
  const parameters = own(parameterCost, 0);
  const stride = own((op) => Math.log2(op.stride), 0);
  const border = own((op) => (op.padded ? 0 : op.kernel - op.stride), 0);
  const filters = own((op) => op.width, 1);
  const trainable = parameters.map((cost) => cost > 0);

  const reduction = heaviestPath(counts, stride).map((halvings) => Math.min(halvings, 10));
  const oneHot = classes.map((_, c) => group.map((g) => Number(g === c)));
  const weightings = [
    isInterior,
    trainable.map(Number),
    parameters,
    // Channels are usually doubled where the resolution is halved, which makes weights four times as many.
    all.map((v) => parameters[v] * 2 ** (2 * reduction[v])),
    // In pixels of the input.
    all.map((v) => border[v] * 2 ** (reduction[v] - Math.min(stride[v], reduction[v]))),
    stride,
    ...oneHot,
  ];

  const paths = pathsTo(counts);
  if (!Number.isFinite(paths[last] ** 2)) {
    throw new RangeError("a graph has more paths than JavaScript can count here; score it in Python");
  }
  const connected = Number(paths[last] > 0);
  const histogram = trainableOnPaths(counts, trainable);
  const depth = depths(counts);
  const level = reduction.map((halvings) => Math.floor(Math.min(halvings, LEVELS - 1)));
  const channels = splitChannels(counts);
  const share = sharesOfInputs(counts);
  const visits = walkBack(share, 1);
  const near = walkBack(share, GOES_ON);

  // Ends of edges: the input, the classes, the output, and what is not told apart.
  const kinds = classes.length + 3;
  const end = group.map((g) => (g >= 0 ? g + 1 : kinds - 1));
  end[0] = 0;
  end[last] = kinds - 2;

  const features = [
    Math.log1p(size),
    Math.log1p(sum(counts.map(sum))),
    Math.log1p(paths[last]),
    connected,
    Math.log1p(sum(all.map((u) => counts[u][last]))),
    Math.log1p(sum(counts[0])),
    Math.max(...all.map((d) => sum(isInterior.filter((_, v) => depth[v] === d)))),
    Math.log1p(counts[0][last]),
    sum(all.map((v) => parameters[v] * channels[v] * channels[v])),
    sum(all.map((v) => (counts[0][v] > 0 ? channels[v] * isInterior[v] : 0))),
    narrowestWidth(counts, trainable, filters),
    ...weightings.map(sum),
    ...oneHot.map((column) => sum(column) / Math.max(sum(isInterior), 1)),
    ...weightings.flatMap((weights) =>
      pathStatistics(counts, paths, weights).map((number) => number * connected),
    ),
    ...histogram.map((many) => many / (connected ? paths[last] : 1)),
    ...histogram.map(Math.log1p),
    ...byEnds(counts, end, kinds, (u, v) => Math.min(counts[u][v], 16)).map(Math.log1p),
    ...weightings.map((weights) => dot(visits, weights)),
    ...weightings.map((weights) => dot(near, weights)),
    ...byEnds(counts, end, kinds, (u, v) => share[u][v] * visits[v]),
  ];
  for (let halvings = 0; halvings < LEVELS; halvings++) {
    features.push(...oneHot.map((column) => sum(column.filter((_, v) => level[v] === halvings))));
  }
  if (!names) {
    for (const kinds of FAMILIES) {
      const members = operations.filter((op) => !ends.includes(op.kind) && kinds.includes(op.kind));
      features.push(members.length / Math.max(sum(isInterior), 1));
    }
  }
  const width = channels.map((w, v) => (v === 0 || v === last ? 1 : w));
  return { features, vertices: all.map((v) => [visits[v], near[v], width[v]]) };
}

/** Weights of an operation per squared channel: 9 for a 3x3 convolution, 0 for a pool. */
function parameterCost({ kind, kernel, groups, expansion, width }) {
  const area = kernel * kernel;
  switch (kind) {
    case "conv":
      return ((groups ? area : 0.1 * area) / Math.max(groups, 1)) * width;
    case "separable-conv":
      return (1 + 0.1 * area) * width;
    case "inverted-residual":
      return (2 + 0.1 * area) * expansion * width;
    case "linear":
    case "graph-conv":
    case "other":
      return width;
    case "attention":
      return 2 * width;
    default:
      return 0;
  }
}

/** Least, largest, mean and standard deviation of the weight of a path to the output. */
function pathStatistics(counts, paths, weights) {
  const least = [...weights];
  const largest = [...weights];
  const mean = [...weights];
  const square = weights.map((weight) => weight * weight);
  for (let v = 1; v < counts.length; v++) {
    const share = before(v, (u) => (counts[u][v] * paths[u]) / Math.max(paths[v], 1));
    least[v] += Math.min(...before(v, (u) => (counts[u][v] > 0 ? least[u] : Infinity)));
    largest[v] += Math.max(...before(v, (u) => (counts[u][v] > 0 ? largest[u] : 0)));
    const expected = dot(share, mean);
    mean[v] = expected + weights[v];
    square[v] += dot(share, square) + 2 * expected * weights[v];
  }
  const last = counts.length - 1;
  const variance = square[last] - mean[last] * mean[last];
  const deviation = variance < ROUNDING * square[last] ? 0 : Math.sqrt(variance);
  return [Number.isFinite(least[last]) ? least[last] : 0, largest[last], mean[last], deviation];
}

/** Number of paths to the output with 0, 1, ... trainable operations, the last number for all above. */
function trainableOnPaths(counts, trainable) {
  const bins = [...Array(PATH_BINS).keys()];
  const found = [bins.map((bin) => Number(bin === 0))];
  for (let v = 1; v < counts.length; v++) {
    const incoming = bins.map((bin) => sum(before(v, (u) => counts[u][v] * found[u][bin])));
    const shifted = [0, ...incoming.slice(0, -1)];
    shifted[PATH_BINS - 1] += incoming[PATH_BINS - 1];
    found[v] = trainable[v] ? shifted : incoming;
  }
  return found.at(-1);
}

/** Width of the output if the narrowest of what meets at a vertex decides. */
function narrowestWidth(counts, trainable, filters) {
  const found = [...filters];
  for (let v = 1; v < counts.length; v++) {
    const narrowest = Math.min(...before(v, (u) => (counts[u][v] > 0 ? found[u] : Infinity)));
    if (!trainable[v] && Number.isFinite(narrowest)) found[v] = narrowest;
  }
  return found.at(-1);
}

/** Width of each vertex if the results that meet in the output are concatenated there, not summed. */
function splitChannels(counts) {
  const last = counts.length - 1;
  const joined = counts.map((row, v) => Number(v > 0 && row[last] > 0));
  const channels = joined.map((one) => one / Math.max(sum(joined), 1));
  for (let v = last - 1; v > 0; v--) {
    for (let w = v + 1; w <= last; w++) {
      if (counts[v][w] > 0) channels[v] = Math.max(channels[v], channels[w]);
    }
  }
  return channels;
}

/** Entry [u][v]: the share of vertex u in all that vertex v adds. */
function sharesOfInputs(counts) {
  const total = counts.map((_, v) => sum(counts.map((row) => row[v])));
  return counts.map((row) => row.map((count, v) => count / Math.max(total[v], 1)));
}

/** Expected visits of each vertex by a walk from the output against the edges. */
function walkBack(share, goesOn) {
  const last = share.length - 1;
  const visits = share.map((_, v) => Number(v === last));
  for (let v = last; v > 0; v--) for (let u = 0; u < v; u++) visits[u] += goesOn * share[u][v] * visits[v];
  return visits;
}

/** Sums over the edges by the kinds of their ends; nothing leads to the first or from the last but one. */
function byEnds(counts, end, kinds, amount) {
  const sums = Array.from({ length: kinds }, () => Array(kinds).fill(0));
  counts.forEach((row, u) => {
    row.forEach((count, v) => (sums[end[u]][end[v]] += count > 0 ? amount(u, v) : 0));
  });
  return sums.slice(0, -2).flatMap((row) => row.slice(1, -1));
}
