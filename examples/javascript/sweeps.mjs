/**
 * Dynamic programming over the vertices of a graph.
 *
 * A graph is its matrix of counts: entry [u][v] says how often vertex v adds the result of u, and is 0 unless
 * u < v.
 */

/** Of each vertex the number of paths that lead to it from the first one. */
export function pathsTo(counts) {
  const paths = counts.map((_, v) => Number(v === 0));
  for (let v = 1; v < counts.length; v++) paths[v] = sum(before(v, (u) => counts[u][v] * paths[u]));
  return paths;
}

/** Of each vertex the largest sum of weights on a path to it, its own included. */
export function heaviestPath(counts, weights) {
  const best = [...weights];
  for (let v = 1; v < counts.length; v++)
    best[v] += Math.max(...before(v, (u) => (counts[u][v] > 0 ? best[u] : 0)));
  return best;
}

/** Of each vertex the number of edges on the longest path to it. */
export function depths(counts) {
  return heaviestPath(
    counts,
    counts.map(() => 1),
  ).map((vertices) => vertices - 1);
}

/** The graph with every edge turned round, and so its vertices in the opposite order. */
export function reversed(counts) {
  const last = counts.length - 1;
  return counts.map((row, u) => row.map((_, v) => counts[last - v][last - u]));
}

/** A number of each vertex before some vertex. */
export function before(v, number) {
  return Array.from({ length: v }, (_, u) => number(u));
}

export function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

/** The sum of products of two lists; the second may be longer. */
export function dot(some, others) {
  return some.reduce((total, number, i) => total + number * others[i], 0);
}
